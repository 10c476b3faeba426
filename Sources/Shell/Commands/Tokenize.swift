import ArgumentParser
import Tokenization

/// `tokenize`: text to token ids.
struct TokenizeCommand: Command {
    static let about = CommandDescription(
        "tokenize", "show a text's token ids", usage: "[--json] [TEXT…]",
        discussion: """
            Several TEXT are joined by one space; without any, standard input is read, line ends included. Special tokens that
            are written in the text are recognised; none is added.
            """,
        examples: [("'To be'", "the ids in one line"), ("--json 'To be'", "with the text and bytes of each")], takesModel: true)

    @Flag(help: "an array of objects: id, text, bytes")
    var json = false

    @Argument(help: ArgumentHelp("the text", valueName: "TEXT"))
    var text: [String] = []

    func run(in shell: Shell) throws {
        let tokenizer = try shell.tokenizer()
        let text = text.isEmpty ? try shell.standardInputText(insteadOf: "TEXT") : text.joined(separator: " ")
        var unknown: [UnknownCharacter] = []
        var isFirst = true
        if json { try shell.output.write("[") }
        // In pieces: the ids of a large text need not fit into memory.
        try tokenizer.encode(text) { piece in
            try shell.throwIfInterrupted()
            unknown += piece.unknown
            for id in piece.ids {
                if !isFirst { try shell.output.write(json ? "," : " ") }
                isFirst = false
                try shell.output.write(json ? Self.json(id, tokenizer).text : String(id))
            }
        }
        try shell.output.writeLine(json ? "]" : "")
        shell.warn(about: unknown)
    }

    private static func json(_ id: Int, _ tokenizer: any Tokenizer) -> JSON {
        let bytes = tokenizer.bytes(of: id)
        return .object([
            ("id", .int(id)), ("text", .string(String(decoding: bytes, as: UTF8.self))),
            ("bytes", .array(bytes.map { .int(Int($0)) })),
        ])
    }
}
