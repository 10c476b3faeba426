import Zoo

/// The one list of commands. Prompt, scripts, subcommands, help and completion read it, and whoever brings commands adds to it.
public struct Registry: Sendable {
    /// Where a command is asked for.
    public enum Place: Sendable {
        case prompt, subcommand
    }

    /// In the order of help.
    public private(set) var commands: [CommandEntry] = []

    public init() {}

    /// A command replaces an older one of its name.
    public mutating func add(_ command: CommandEntry) {
        commands.removeAll { $0.name == command.name }
        commands.append(command)
    }

    public func commands(at place: Place) -> [CommandEntry] {
        commands.filter { place == .prompt || $0.description.place == .everywhere }
    }

    public func contains(_ name: String, at place: Place) -> Bool { commands(at: place).contains { $0.name == name } }

    func command(_ name: String, at place: Place) throws(Failure) -> CommandEntry {
        if let command = commands(at: place).first(where: { $0.name == name }) { return command }
        let slash = place == .prompt ? "/" : ""
        let advice =
            if let nearest = nearestName(to: name, among: commands(at: place).map(\.name)) {
                "did you mean “\(slash)\(nearest)”?"
            } else {
                place == .prompt ? "/help lists them" : "rnnz --help lists them"
            }
        throw .usage("there is no command “\(slash)\(name)”; \(advice)")
    }
}

extension Registry {
    /// The commands that are part of the project, in the order of help: what people do first comes first.
    static let builtInCommands: [any Command.Type] = [
        GenerateCommand.self, TokenizeCommand.self, DetokenizeCommand.self, LogitsCommand.self, ScoreCommand.self,
        TrainCommand.self, GradientsCommand.self, BenchCommand.self, ConvertCommand.self, InspectCommand.self,
        VerifyCommand.self, RunCommand.self, TestCommand.self, ZooCommand.self, HelpCommand.self, LoadCommand.self,
        InfoCommand.self, SetCommand.self, ShowCommand.self,
        ResetCommand.self, UndoCommand.self, SaveCommand.self, RestoreCommand.self, QuitCommand.self,
    ]

    public static let builtIn: Registry = {
        var registry = Registry()
        for command in builtInCommands { registry.add(CommandEntry(command)) }
        return registry
    }()
}
