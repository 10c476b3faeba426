import ArgumentParser

/// `/show`: the session as it stands.
struct ShowCommand: Command {
    static let about = CommandDescription(
        "show", "show settings, seed, state and history", usage: "[settings | state | history]",
        examples: [("", "all of it"), ("history", "the text so far")], place: .prompt)

    enum Part: String, ExpressibleByArgument, CaseIterable {
        case settings, state, history
    }

    @Argument(help: ArgumentHelp("settings, state or history", valueName: "PART"))
    var part: Part?

    func run(in shell: Shell) throws {
        switch part {
        case .settings: try shell.showSettings()
        case .state: try shell.showState()
        case .history: try shell.showHistory()
        case nil:
            try shell.showSettings()
            try shell.showState()
        }
    }
}
