/// JSON as vocabularies and stored tokenizers need it: an object keeps its members in order and keeps both of two equal keys,
/// and keys are compared byte by byte. (A dictionary of strings would lose one of "é" and "e\u{301}".)
enum JSONText: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONText])
    case object([(key: String, value: JSONText)])

    /// The value with an article, for messages.
    var name: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// A whole number that a double holds exactly.
    var integer: Int? {
        guard case .number(let value) = self, value.magnitude <= 0x1p53 else { return nil }
        return Int(exactly: value)
    }

    init(_ bytes: [UInt8]) throws(TokenizationError) {
        guard bytes.elementsEqual(String(decoding: bytes, as: UTF8.self).utf8) else {
            throw .invalidJSON(offset: 0, problem: "the text is not UTF-8")
        }
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }

    /// RFC 8259, strictly; a byte order mark at the beginning is passed over.
    private struct Parser {
        static let depthLimit = 64
        let bytes: [UInt8]
        var position = 0
        var depth = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        func problem(_ text: String) -> TokenizationError { .invalidJSON(offset: position, problem: text) }

        mutating func document() throws(TokenizationError) -> JSONText {
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
            let value = try value()
            skipBlanks()
            if next != nil { throw problem("something follows the value") }
            return value
        }

        mutating func skipBlanks() {
            while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
        }

        mutating func value() throws(TokenizationError) -> JSONText {
            skipBlanks()
            switch next {
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "["): return .array(try array())
            case UInt8(ascii: "{"): return .object(try object())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            case nil: throw problem("the text ends where a value should begin")
            default: return .number(try number())
            }
        }

        mutating func word(_ text: StaticString, _ value: JSONText) throws(TokenizationError) -> JSONText {
            let expected = text.withUTF8Buffer { Array($0) }
            guard bytes[position...].starts(with: expected) else { throw problem("no value begins like this") }
            position += expected.count
            return value
        }

        mutating func enter() throws(TokenizationError) {
            depth += 1
            if depth > Self.depthLimit { throw problem("more than \(Self.depthLimit) levels of nesting") }
            position += 1
            skipBlanks()
        }

        /// After an element: passes a comma, or the closing bracket (then false).
        mutating func goesOn(until close: Character) throws(TokenizationError) -> Bool {
            skipBlanks()
            if next == UInt8(ascii: ",") {
                position += 1
                return true
            }
            guard next == close.asciiValue else { throw problem("a comma or '\(close)' is missing") }
            position += 1
            depth -= 1
            return false
        }

        mutating func array() throws(TokenizationError) -> [JSONText] {
            try enter()
            if next == UInt8(ascii: "]") {
                position += 1
                depth -= 1
                return []
            }
            var elements: [JSONText] = []
            repeat { elements.append(try value()) } while try goesOn(until: "]")
            return elements
        }

        mutating func object() throws(TokenizationError) -> [(key: String, value: JSONText)] {
            try enter()
            if next == UInt8(ascii: "}") {
                position += 1
                depth -= 1
                return []
            }
            var members: [(key: String, value: JSONText)] = []
            repeat {
                skipBlanks()
                guard next == UInt8(ascii: "\"") else { throw problem("a key in quotes is missing") }
                let key = try string()
                skipBlanks()
                guard next == UInt8(ascii: ":") else { throw problem("a ':' is missing") }
                position += 1
                members.append((key, try value()))
            } while try goesOn(until: "}")
            return members
        }

        mutating func number() throws(TokenizationError) -> Double {
            let start = position
            if next == UInt8(ascii: "-") { position += 1 }
            let zero = next == UInt8(ascii: "0")
            let whole = digits()
            guard whole > 0, !zero || whole == 1 else {
                position = start
                throw problem("no value begins like this")
            }
            if next == UInt8(ascii: ".") {
                position += 1
                if digits() == 0 { throw problem("a digit is missing") }
            }
            if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
                position += 1
                if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
                if digits() == 0 { throw problem("a digit is missing") }
            }
            guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite else {
                position = start
                throw problem("the number is out of range")
            }
            return value
        }

        mutating func digits() -> Int {
            let start = position
            while let byte = next, 0x30...0x39 ~= byte { position += 1 }
            return position - start
        }

        mutating func string() throws(TokenizationError) -> String {
            position += 1
            var result: [UInt8] = []
            while true {
                let start = position
                while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
                result += bytes[start..<position]
                switch next {
                case nil: throw problem("a string does not end")
                case UInt8(ascii: "\""):
                    position += 1
                    return String(decoding: result, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    position += 1
                    result += Array(String(Character(try escaped())).utf8)
                default: throw problem("a control character stands in a string unescaped")
                }
            }
        }

        mutating func escaped() throws(TokenizationError) -> Unicode.Scalar {
            guard let byte = next else { throw problem("a string does not end") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "u"): return try codeUnits()
            default:
                position -= 1
                throw problem("no escape is written like this")
            }
        }

        mutating func codeUnits() throws(TokenizationError) -> Unicode.Scalar {
            let high = try codeUnit()
            if let scalar = Unicode.Scalar(high) { return scalar }
            guard high < 0xDC00, next == UInt8(ascii: "\\") else { throw problem("half of a surrogate pair stands alone") }
            position += 1
            guard next == UInt8(ascii: "u") else { throw problem("half of a surrogate pair stands alone") }
            position += 1
            let low = try codeUnit()
            guard 0xDC00...0xDFFF ~= low, let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) else {
                throw problem("half of a surrogate pair stands alone")
            }
            return scalar
        }

        mutating func codeUnit() throws(TokenizationError) -> UInt32 {
            var value: UInt32 = 0
            for _ in 0..<4 {
                guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                    throw problem("four hexadecimal digits are missing")
                }
                value = value << 4 | UInt32(digit)
                position += 1
            }
            return value
        }
    }

    /// A string with its quotes.
    static func quoted(_ bytes: [UInt8]) -> [UInt8] {
        var result = [UInt8(ascii: "\"")]
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): result += Array(#"\n"#.utf8)
            case ..<0x20, 0x7F:
                let digits = Array("0123456789abcdef".utf8)
                result += Array(#"\u00"#.utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: result.append(byte)
            }
        }
        return result + [UInt8(ascii: "\"")]
    }
}
