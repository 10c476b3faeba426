import ArgumentParser

/// `/quit`: the end of the session, or of the script that it stands in.
struct QuitCommand: Command {
    static let about = CommandDescription("quit", "leave", examples: [("", "as Ctrl-D does")], place: .prompt)

    func run(in shell: Shell) throws { shell.isFinished = true }
}
