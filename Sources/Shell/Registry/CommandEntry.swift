import ArgumentParser

/// A command as the registry keeps it: described, and able to run words. Whoever brings commands brings these.
public struct CommandEntry: Sendable {
    public var description: CommandDescription
    public var options: @Sendable () -> [OptionDescription]
    /// What completion offers after these words; nil: what the options' kinds say.
    var candidates: @Sendable (_ words: [String], Shell) -> [String]?
    /// Runs the words after the name.
    var run: @Sendable (_ words: [String], Shell) throws -> Void
    /// The same as a subcommand, with MODEL in front.
    var runWithModel: @Sendable (_ words: [String], Shell) throws -> Void

    public var name: String { description.name }

    init<C: Command>(_ type: C.Type) {
        description = C.about
        options = { C.options }
        candidates = { C.candidates(after: $0, in: $1) }
        run = { words, shell in
            let command: C = try Self.parse(try C.prepared(words), name: C.about.name)
            try shell.use(threads: command.threads, check: command.check)
            try command.run(in: shell)
        }
        runWithModel = { words, shell in
            let (model, rest) = OptionDescription.takingModel(from: words, options: { C.options })
            let command: C = try Self.parse(try C.prepared(rest), name: C.about.name)
            guard let model else { throw Failure.usage("\(C.about.name) takes a MODEL: a path, or a name from the zoo") }
            try shell.use(threads: command.threads, check: command.check)
            try shell.load(model)
            try command.run(in: shell)
        }
    }

    /// `--help` anywhere in the words is a request for help, which is thrown as such.
    static func parse<Arguments: ParsableArguments>(_ words: [String], name: String) throws -> Arguments {
        do {
            return try Arguments.parse(words)
        } catch {
            if Arguments.exitCode(for: error).isSuccess { throw HelpRequest(command: name) }
            throw Failure.usage(Self.sentence(Arguments.message(for: error)))
        }
    }

    /// The parser's message as the middle of a line: the first letter small, the end without a stop, one line.
    private static func sentence(_ message: String) -> String {
        let message = message.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.joined(separator: " ")
        let first = message.prefix(1).lowercased()
        let rest = message.dropFirst()
        return first + (rest.last == "." ? rest.dropLast() : rest)
    }
}

/// Someone asked how a command is used, in the middle of its words.
struct HelpRequest: Error {
    var command: String
}
