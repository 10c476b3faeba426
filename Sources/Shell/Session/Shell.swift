import Generation
import Kernels
import Tokenization
import Zoo

/// Where commands do their work: what is loaded, what is set, and the world around. Prompt, scripts and subcommands each have one.
/// Not `Sendable`: one thread at a time.
public final class Shell {
    public internal(set) var host: Host
    /// Whether it runs one command and is then done.
    public let isSubcommand: Bool
    public let registry: Registry
    public internal(set) var settings = Settings()
    /// How deep in scripts that run scripts.
    var scriptDepth = 0
    private(set) var loaded: Loaded?
    /// Set by `/quit`.
    public internal(set) var isFinished = false

    /// A model with the session that goes on with it.
    final class Loaded {
        let model: Model
        var session: Session?
        /// Snapshots from before the last texts and generations, the newest at the end.
        var undo: [Snapshot] = []
        /// Whether the seed was shown, which is owed for one that nobody chose.
        var hasShownSeed = false
        var tokensPerSecond: Double?

        init(_ model: Model) { self.model = model }
    }

    public init(host: Host, registry: Registry = .builtIn, isSubcommand: Bool = false) {
        self.host = host
        self.isSubcommand = isSubcommand
        self.registry = registry
    }

    var output: any Output { host.output }

    public var zoo: ZooFolders { ZooFolders(environment: host.environment, executable: host.executable) }

    /// Whether the instruction set that the environment asks for can be had. Everything that computes asks first.
    public func checkInstructionSet() throws {
        do {
            _ = try InstructionSet.chosen(by: host.environment[InstructionSet.variable])
        } catch {
            throw Failure.usage("\(error)")
        }
    }

    /// Loads a model by path or name. What fails leaves the session as it was.
    /// - Parameter words: what else the name could have meant, for the suggestion.
    public func load(_ nameOrPath: String, orAmong words: [String] = []) throws {
        let path = try zoo.path(of: nameOrPath, orAmong: words)
        let model = try Model.load(path: path, threads: settings.threads, checks: settings.checks)
        for warning in model.warnings { output.warn("\(path): \(warning)") }
        loaded = Loaded(model)
    }

    /// The loaded model; the zoo's default where none has been loaded.
    func model() throws -> Model { try current().model }

    func current() throws -> Loaded {
        if let loaded { return loaded }
        do {
            try load(ZooFolders.defaultModel)
        } catch ZooError.unknownModel {
            throw Failure(
                .notFound,
                "no model is loaded, and the zoo's default “\(ZooFolders.defaultModel)” is not there; /load MODEL loads one")
        }
        guard let loaded else { throw Failure(.failed, "no model is loaded; /load MODEL loads one") }
        return loaded
    }

    /// The session with the loaded model, begun when it is first needed.
    func session() throws -> Session {
        let current = try current()
        if let session = current.session { return session }
        let session = try Session(current.model, seed: settings.seed ?? host.randomSeed(), secondsNow: host.seconds)
        current.session = session
        return session
    }

    func tokenizer() throws -> any Tokenizer {
        let model = try model()
        guard let tokenizer = model.tokenizer else { throw GenerationError.noTokenizer(model: model.header.name) }
        return tokenizer
    }

    /// Loads the model again where it is to run otherwise. The session goes on: the numbers are the same.
    func use(threads: Int?, check: Bool) throws {
        let (hasThreads, hasCheck) = (threads == nil || threads == settings.threads, !check || settings.checks)
        if hasThreads && hasCheck { return }
        if let threads { try settings.set("threads", to: [String(threads)]) }
        if check { try settings.set("check", to: ["on"]) }
        try reload()
    }

    func reload() throws {
        guard let loaded else { return }
        let next = Loaded(try Model.load(path: loaded.model.path, threads: settings.threads, checks: settings.checks))
        next.undo = loaded.undo
        next.hasShownSeed = loaded.hasShownSeed
        if let session = loaded.session {
            let continued = try Session(next.model, seed: session.seed, secondsNow: host.seconds)
            try continued.restore(session.snapshot)
            next.session = continued
        }
        self.loaded = next
    }

    /// A text file; `-` is standard input.
    func text(ofFile path: String) throws -> String {
        path == "-" ? try standardInputText(insteadOf: "FILE") : try fileText(path)
    }

    func fileText(_ path: String) throws -> String {
        try Files.text(try Files.bytes(at: path, isInterrupted: isInterrupted), from: path)
    }

    /// - Parameter argument: what would have made reading it needless, for the message where it cannot be read.
    func standardInputText(insteadOf argument: String) throws -> String {
        guard let input = host.input else {
            throw Failure.usage("standard input is the session itself; give \(argument)")
        }
        return try Files.text(try input.readAll(), from: "standard input")
    }

    func isInterrupted() -> Bool { host.interrupts.isPending }

    func throwIfInterrupted() throws(Failure) {
        if host.interrupts.isPending { throw .interrupted }
    }
}
