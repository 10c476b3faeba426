import Archive
import ArgumentParser
import Zoo

/// `inspect`: what an archive holds.
struct InspectCommand: Command {
    static let about = CommandDescription(
        "inspect", "show what an archive holds", usage: "[--program] [--tensors] [--json]",
        examples: [("", "a summary"), ("--program", "how the network computes a step"), ("--json", "for scripts")],
        takesModel: true)

    @Flag(help: "the program")
    var program = false

    @Flag(help: "every tensor with its type and shape")
    var tensors = false

    @Flag(help: "one object: name, version, parameters, architecture, vocabulary, state_bytes, tensors")
    var json = false

    func run(in shell: Shell) throws {
        let model = try shell.model()
        if json { return try shell.output.writeLine(ModelCard(model).json(withProgram: program).text) }
        if !program && !tensors {
            for line in ModelCard(model).lines { try shell.output.writeLine(line) }
        }
        if program { try showProgram(of: model, in: shell) }
        if tensors {
            let rows = model.header.tensors.map { entry in
                // Blocks along the last axis are what is to be expected.
                let type = entry.dtype.rawValue + (entry.blockAxis.map { " along axis \($0)" } ?? "")
                return [entry.name, type, "[\(entry.shape.map(String.init).joined(separator: ", "))]"]
            }
            for line in table(rows) { try shell.output.writeLine(line) }
        }
    }

    private func showProgram(of model: Model, in shell: Shell) throws {
        guard let text = model.header.program else {
            throw Failure(.failed, "\(model.header.name) has no program: it holds a tokenizer alone")
        }
        try shell.output.write(text)
        try shell.output.endLine()
    }
}
