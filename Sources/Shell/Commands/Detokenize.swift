import ArgumentParser
import Tokenization

/// `detokenize`: token ids to text.
struct DetokenizeCommand: Command {
    static let about = CommandDescription(
        "detokenize", "show the text of token ids", usage: "[ID…]",
        discussion: """
            Without ID, they are read from standard input, separated by blanks or commas. Special tokens are left out. In a file
            or pipe nothing is added to the text, so that `tokenize` followed by `detokenize` gives back what went in.
            """,
        examples: [("20 43 1 30", "the text of four tokens")], takesModel: true)

    @Argument(help: ArgumentHelp("token ids", valueName: "ID"))
    var ids: [String] = []

    func run(in shell: Shell) throws {
        let tokenizer = try shell.tokenizer()
        let fromInput = ids.isEmpty
        let words = fromInput ? [try shell.standardInputText(insteadOf: "ID")] : ids
        // All are looked at before anything is written.
        let numbers = try words.flatMap(Self.split).map { word in
            guard let id = Int(word), 0..<tokenizer.idLimit ~= id else {
                let problem = Int(word) == nil ? "is no token id" : "is out of range; ids go from 0 to \(tokenizer.idLimit - 1)"
                throw Failure(fromInput ? .badData : .usage, "\(quoted(word)) \(problem)")
            }
            return id
        }
        var decoder = TokenDecoder()
        for id in numbers { try shell.output.write(decoder.push(id, of: tokenizer)) }
        try shell.output.write(decoder.finish())
        if shell.output.isTerminal || !shell.isSubcommand { try shell.output.endLine() }
    }

    /// Ids may be separated by blanks, commas or line ends, and stand in the brackets of JSON.
    private static func split(_ words: String) -> [String] {
        words.split { $0.isWhitespace || ",[]".contains($0) }.map(String.init)
    }
}
