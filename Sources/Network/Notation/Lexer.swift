/// The words of a program. `zoo/NOTATION.md`, section 2.
struct Token: Equatable {
    enum Kind: Equatable {
        case number(Double)
        /// A word, or words and numbers joined by dots.
        case path(String)
        case symbol(Character)
        case endOfLine
        case endOfText
    }

    var kind: Kind
    var position: Position

    /// How the token is shown in an error.
    var shown: String {
        switch kind {
        case .number(let value): "'\(value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value))'"
        case .path(let path): "'\(path)'"
        case .symbol(let symbol): "'\(symbol)'"
        case .endOfLine: "end of line"
        case .endOfText: "end of text"
        }
    }
}

enum Keyword {
    static let all: Set<String> = [
        "cell", "step", "encode", "decode", "answer", "repeat", "in", "from", "return", "backward", "prev", "next",
    ]
}

struct Lexer {
    static let sizeLimit = 1 << 20  // bytes of source text

    private let text: [UInt8]
    private var offset = 0
    private var line = 1
    private var lineStart = 0
    private var depth = 0  // of ( ) and [ ], inside which a line goes on
    private var tokens: [Token] = []
    private(set) var errors: [Diagnostic] = []

    init(_ source: String) { text = Array(source.utf8) }

    /// The tokens, ending with an end of line and the end of the text. A line's end is left out where the line goes on.
    static func tokenize(_ source: String) throws(NotationErrors) -> [Token] {
        guard source.utf8.count <= sizeLimit else {
            throw NotationErrors([Diagnostic(Position(line: 1, column: 1), "the program is longer than \(sizeLimit) bytes")])
        }
        var lexer = Lexer(source)
        lexer.run()
        if !lexer.errors.isEmpty { throw NotationErrors(lexer.errors) }
        return lexer.tokens
    }

    private var position: Position { Position(line: line, column: offset - lineStart + 1) }

    private mutating func run() {
        while offset < text.count {
            let byte = text[offset]
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): offset += 1
            case UInt8(ascii: "\n"): endLine()
            case UInt8(ascii: "#"): while offset < text.count, text[offset] != UInt8(ascii: "\n") { offset += 1 }
            case _ where byte.isWordStart: path()
            case _ where byte.isDigit: number()
            default: symbol(byte)
            }
        }
        tokens.append(Token(kind: .endOfLine, position: position))
        tokens.append(Token(kind: .endOfText, position: position))
    }

    private mutating func endLine() {
        if depth == 0, let last = tokens.last, !last.continuesLine {
            tokens.append(Token(kind: .endOfLine, position: position))
        }
        offset += 1
        line += 1
        lineStart = offset
    }

    private mutating func path() {
        let start = position
        var end = offset
        while true {
            while end < text.count, text[end].isWordStart || text[end].isDigit { end += 1 }
            // A dot goes on with a word or a number.
            guard end + 1 < text.count, text[end] == UInt8(ascii: "."), text[end + 1].isWordStart || text[end + 1].isDigit
            else { break }
            end += 1
        }
        tokens.append(Token(kind: .path(String(decoding: text[offset..<end], as: UTF8.self)), position: start))
        offset = end
    }

    private mutating func number() {
        let start = position
        var end = offset
        func digits() { while end < text.count, text[end].isDigit { end += 1 } }
        digits()
        if end + 1 < text.count, text[end] == UInt8(ascii: "."), text[end + 1].isDigit {
            end += 1
            digits()
        }
        if end < text.count, text[end] | 0x20 == UInt8(ascii: "e") {
            let mark = end
            end += 1
            if end < text.count, text[end] == UInt8(ascii: "-") || text[end] == UInt8(ascii: "+") { end += 1 }
            if end < text.count, text[end].isDigit { digits() } else { end = mark }
        }
        let written = String(decoding: text[offset..<end], as: UTF8.self)
        if let value = Double(written), value.isFinite {
            tokens.append(Token(kind: .number(value), position: start))
        } else {
            errors.append(Diagnostic(start, "\(written) is too large a number"))
        }
        offset = end
    }

    private mutating func symbol(_ byte: UInt8) {
        let character = Character(Unicode.Scalar(byte))
        guard byte < 0x80, "-+*/@^=(){}[],:".contains(character) else { return reject() }
        if byte == UInt8(ascii: "(") || byte == UInt8(ascii: "[") { depth += 1 }
        if byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]") { depth = max(0, depth - 1) }
        tokens.append(Token(kind: .symbol(character), position: position))
        offset += 1
    }

    /// Reports one character that does not belong, whole even where it takes several bytes.
    private mutating func reject() {
        var end = offset + 1
        while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
        let character = String(decoding: text[offset..<end], as: UTF8.self)
        errors.append(Diagnostic(position, "'\(character)' does not belong to the notation"))
        offset = end
    }
}

extension Token {
    fileprivate var continuesLine: Bool {
        switch kind {
        case .endOfLine: true
        case .symbol(let symbol): "+-*/@=,{".contains(symbol)
        default: false
        }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    fileprivate var isWordStart: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7a || self == 0x5f }
}
