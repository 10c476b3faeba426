import ArgumentParser

/// `/load`: another model, and a new session with it.
struct LoadCommand: Command {
    static let about = CommandDescription(
        "load", "load a model and begin a new session with it", usage: "MODEL",
        examples: [("shakespeare", "from the zoo"), ("./my.rnnz", "from a file")], place: .prompt)

    @Argument(help: ArgumentHelp("a path or a name from the zoo", valueName: "MODEL"))
    var model: String

    func run(in shell: Shell) throws {
        try shell.load(model)
        shell.output.note(ModelCard(try shell.model()).line)
    }
}
