/// Splits command lines as a POSIX shell does: blanks separate words; `'…'`, `"…"`, `$'…'` and `\` quote. Nothing is expanded
/// but, in scripts, `$1` to `$9` and `$@`.
struct Words {
    /// What the words are, with quoting and expansion done.
    var complete: [String] = []
    /// The word that the line ends in, begun and perhaps in an open quotation: what completion continues.
    var last: Last?

    struct Last: Equatable {
        var text: String
        /// The quotation that is still open.
        var quote: Character?
    }

    /// The words of a line.
    /// - Parameter arguments: of the script, for `$1` and `$@`; nil where nothing is expanded.
    static func split(_ line: String, arguments: [String]? = nil) throws(Failure) -> [String] {
        var splitter = Splitter(line, arguments: arguments)
        splitter.run()
        if let quote = splitter.open { throw .usage("the quotation that \(quote) opens is not closed") }
        splitter.endWord()
        return splitter.words
    }

    /// The words of a line that is still being typed.
    init(typed line: String) {
        var splitter = Splitter(line, arguments: nil)
        splitter.run()
        complete = splitter.words
        if splitter.isInWord || splitter.open != nil { last = Last(text: splitter.word, quote: splitter.open?.last) }
    }

    /// One word as it can be typed.
    static func quoting(_ word: String) -> String {
        let isPlain = word.unicodeScalars.allSatisfy { Splitter.plain.contains($0) || $0.value >= 0x80 }
        if isPlain && !word.isEmpty { return word }
        if word.contains(where: \.isNewline) {
            return "$'" + word.unicodeScalars.map { Splitter.escapes[$0] ?? String($0) }.joined() + "'"
        }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}

private struct Splitter {
    private let arguments: [String]?
    /// Scalar by scalar: a combining character after a quotation mark or blank does not hide it.
    private var rest: Substring.UnicodeScalarView
    private(set) var words: [String] = []
    private(set) var word = ""
    /// Whether there is a word, if only an empty one in quotation marks.
    private(set) var isInWord = false
    /// The quotation that is open: `'`, `"` or `$'`.
    private(set) var open: String?

    static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%^".unicodeScalars)
    static let escapes: [Unicode.Scalar: String] = ["\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", "'": "\\'"]

    init(_ line: String, arguments: [String]?) {
        rest = line[...].unicodeScalars
        self.arguments = arguments
    }

    mutating func run() {
        while let character = rest.popFirst() {
            switch character {
            case " ", "\t", "\n", "\r": endWord()
            case "'": quoteSingle()
            case "\"": quoteDouble()
            case "\\":
                begin()
                word.unicodeScalars.append(rest.popFirst() ?? "\\")
            case "$" where rest.first == "'":
                rest.removeFirst()
                quoteDollar()
            case "$": expand(isQuoted: false)
            default:
                begin()
                word.unicodeScalars.append(character)
            }
        }
    }

    mutating func endWord() {
        if isInWord { words.append(word) }
        word = ""
        isInWord = false
    }

    private mutating func begin() { isInWord = true }

    private mutating func quoteSingle() {
        begin()
        open = "'"
        while let character = rest.popFirst() {
            if character == "'" { open = nil; return }
            word.unicodeScalars.append(character)
        }
    }

    private mutating func quoteDouble() {
        begin()
        open = "\""
        while let character = rest.popFirst() {
            switch character {
            case "\"":
                open = nil
                return
            case "\\":
                if let next = rest.first, "\"\\$`".unicodeScalars.contains(next) {
                    rest.removeFirst(); word.unicodeScalars.append(next)
                } else {
                    word.append("\\")
                }
            case "$": expand(isQuoted: true)
            default: word.unicodeScalars.append(character)
            }
        }
    }

    /// `$'…'` with the escapes of C (POSIX.1-2024, 2.2.4): the way to write a line end in a word.
    private mutating func quoteDollar() {
        begin()
        open = "$'"
        while let character = rest.popFirst() {
            if character == "'" { open = nil; return }
            guard character == "\\", let next = rest.popFirst() else {
                word.unicodeScalars.append(character)
                continue
            }
            switch next {
            case "n": word.append("\n")
            case "r": word.append("\r")
            case "t": word.append("\t")
            case "e": word.append("\u{1b}")
            case "x": appendScalar(digits: 2, or: "\\x")
            case "u": appendScalar(digits: 4, or: "\\u")
            default: word.unicodeScalars.append(next)
            }
        }
    }

    private mutating func appendScalar(digits: Int, or literal: String) {
        let hexadecimal = rest.prefix(digits).prefix { $0.properties.isASCIIHexDigit }
        if let value = UInt32(String(hexadecimal), radix: 16), let scalar = Unicode.Scalar(value) {
            rest = rest.dropFirst(hexadecimal.count)
            word.unicodeScalars.append(scalar)
        } else {
            word += literal
        }
    }

    /// An argument is always one word, whatever is in it: a shell would split what is not quoted, which nobody wants.
    private mutating func expand(isQuoted: Bool) {
        guard let arguments, let name = rest.first, name == "@" || ("1"..."9").contains(name) else {
            begin()
            word.append("$")
            return
        }
        rest.removeFirst()
        if let index = Int(String(name)) {
            guard index <= arguments.count else { return }
            begin()
            word += arguments[index - 1]
        } else {
            expandAll(arguments, isQuoted: isQuoted)
        }
    }

    private mutating func expandAll(_ arguments: [String], isQuoted: Bool) {
        // "$@" without arguments is no word at all, not an empty one.
        if arguments.isEmpty && isQuoted && word.isEmpty && rest.first == "\"" { isInWord = false }
        for (index, argument) in arguments.enumerated() {
            if index > 0 { endWord() }
            begin()
            word += argument
        }
    }
}
