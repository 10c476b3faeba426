import ArgumentParser

/// `/help`: the list of commands, or one of them.
struct HelpCommand: Command {
    static let about = CommandDescription(
        "help", "list the commands, or explain one", usage: "[COMMAND]", examples: [("generate", "what generate does and takes")])

    @Argument(help: ArgumentHelp("a command", valueName: "COMMAND"))
    var command: String?

    static func candidates(after words: [String], in shell: Shell) -> [String]? {
        words.isEmpty ? shell.registry.commands(at: .prompt).map(\.name) : []
    }

    func run(in shell: Shell) throws {
        let place: Registry.Place = shell.isSubcommand ? .subcommand : .prompt
        guard let command else { return try shell.showHelp(at: place) }
        let name = command.hasPrefix("/") ? String(command.dropFirst()) : command
        // Every command can be explained everywhere; one of the prompt as it is there.
        let isOnlyThere = !shell.registry.contains(name, at: place) && shell.registry.contains(name, at: .prompt)
        let home: Registry.Place = isOnlyThere ? .prompt : place
        try shell.showHelp(for: shell.registry.command(name, at: home), at: home)
    }
}
