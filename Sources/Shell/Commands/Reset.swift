import ArgumentParser

/// `/reset`: the session forgets.
struct ResetCommand: Command {
    static let about = CommandDescription(
        "reset", "go back to the model's initial state", discussion: "Settings and seed stay. /undo takes it back.",
        examples: [("", "as if nothing had been said")], place: .prompt)

    func run(in shell: Shell) throws {
        let session = try shell.session()
        shell.remember(session.snapshot, in: try shell.current())
        session.reset()
    }
}
