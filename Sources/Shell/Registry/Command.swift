import ArgumentParser

/// One command: the same at the prompt, in scripts and as a subcommand. Its stored properties are its options and arguments.
protocol Command: ParsableArguments {
    static var about: CommandDescription { get }
    /// For help and completion.
    static var options: [OptionDescription] { get }
    /// The words as the parser of the declared options takes them.
    static func prepared(_ words: [String]) throws -> [String]
    /// What completion offers for the word after `words`, which follow the command; nil: what the options' kinds say.
    static func candidates(after words: [String], in shell: Shell) -> [String]?
    /// The threads that the model is to be given, where the command has the option.
    var threads: Int? { get }
    /// Whether the model is to be checked while it runs.
    var check: Bool { get }
    func run(in shell: Shell) throws
}

extension Command {
    static var options: [OptionDescription] { OptionDescription.all(of: Self.self) }
    static func prepared(_ words: [String]) throws -> [String] { words }
    static func candidates(after words: [String], in shell: Shell) -> [String]? { nil }
    var threads: Int? { nil }
    var check: Bool { false }
}

/// What help says about a command, and where it can be used.
public struct CommandDescription: Sendable {
    public enum Place: Sendable {
        case everywhere
        /// Only where there is a session.
        case prompt
    }

    public var name: String
    /// One line for the list.
    public var summary: String
    /// What follows the name (and MODEL).
    public var usage: String
    /// More than fits into a line.
    public var discussion: String
    /// What follows the name, as it can be typed, and what it does.
    public var examples: [(words: String, meaning: String)]
    public var place: Place
    /// As a subcommand it takes a MODEL first; at the prompt the loaded one is meant.
    public var takesModel: Bool

    public init(
        _ name: String, _ summary: String, usage: String = "", discussion: String = "",
        examples: [(words: String, meaning: String)], place: Place = .everywhere, takesModel: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.usage = usage
        self.discussion = discussion
        self.examples = examples
        self.place = place
        self.takesModel = takesModel
    }
}
