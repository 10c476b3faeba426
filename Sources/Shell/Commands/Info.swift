import ArgumentParser

/// `/info`: the loaded model in a few lines.
struct InfoCommand: Command {
    static let about = CommandDescription(
        "info", "show what is known about the loaded model", examples: [("", "name, licence, origin, size")], place: .prompt)

    func run(in shell: Shell) throws {
        for line in ModelCard(try shell.model()).lines { try shell.output.writeLine(line) }
    }
}
