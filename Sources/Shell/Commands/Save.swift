import ArgumentParser

/// `/save`: the session into a file of a few kilobytes.
struct SaveCommand: Command {
    static let about = CommandDescription(
        "save", "save the session to a file", usage: "FILE",
        discussion: "State, random numbers and history: /restore goes on with the same bits.",
        examples: [("act1.session", "to be continued")], place: .prompt)

    @Argument(help: ArgumentHelp("the file to write", valueName: "FILE"), completion: .file())
    var file: String

    func run(in shell: Shell) throws { try shell.session().snapshot.write(to: file) }
}
