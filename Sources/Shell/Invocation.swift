import ArgumentParser
import Zoo

/// What the words after `rnnz` ask for.
public enum Invocation {
    case help
    case version
    /// A subcommand with its words.
    case command(String, [String])
    /// The prompt, a pipe, or whatever is on standard input.
    case session(SessionArguments)

    /// - Throws: `Failure` for a first word that is nothing, and options that make no sense.
    public init(_ words: [String], registry: Registry, zoo: ZooFolders) throws {
        switch words.first {
        case "--help", "-h": self = .help
        case "--version": self = .version
        case let word? where registry.contains(word, at: .subcommand): self = .command(word, Array(words.dropFirst()))
        default:
            // A mistyped command is told before its options are looked at, which would make no sense to the prompt.
            if let word = words.first, !word.hasPrefix("-") {
                _ = try zoo.path(of: word, orAmong: registry.commands(at: .subcommand).map(\.name))
            }
            do {
                self = .session(try CommandEntry.parse(words, name: ""))
            } catch is HelpRequest {
                self = .help
            }
        }
    }
}

/// What a session begins with.
public struct SessionArguments: ParsableArguments {
    @Argument(help: "A path, or a name from the zoo.")
    var model: String?

    @Option(name: .customShort("n", allowingJoined: true), parsing: .unconditional, help: SamplingArguments.help("n", "N"))
    var limit: Int?

    @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("end where this text begins", valueName: "T"))
    var stop: [String] = []

    @OptionGroup var sampling: SamplingArguments

    public init() {}

    public func validate() throws {
        try asValidation { _ = try sampling.choices(limit: limit, stops: stop) }
    }
}

extension Shell {
    /// Begins a session: sets what was given, loads the model that was named.
    public func begin(_ arguments: SessionArguments) throws {
        let sampling = arguments.sampling
        for choice in try sampling.choices(limit: arguments.limit, stops: arguments.stop) {
            try settings.set(choice.name, to: choice.values)
        }
        if let seed = sampling.seed { try settings.set("seed", to: [seed]) }
        if let threads = sampling.threads { try settings.set("threads", to: [String(threads)]) }
        if sampling.check { try settings.set("check", to: ["on"]) }
        if let model = arguments.model { try load(model) }
    }

    /// A few lines at the beginning of a session with a person: the model, and how to go on.
    public func greet() {
        output.note(Style.strong.applied(to: Version.name, if: output.hasColour))
        do {
            let current = try current()
            output.note(ModelCard(current.model).line)
            if current.model.network != nil {
                output.note("seed \(try session().seed)")
                current.hasShownSeed = true
            }
        } catch {
            output.report(Failure(error))
        }
        let hint = "Type a text, and the model goes on with it. /help lists commands, Ctrl-C stops, Ctrl-D leaves."
        output.note(Style.faint.applied(to: hint, if: output.hasColour))
    }
}
