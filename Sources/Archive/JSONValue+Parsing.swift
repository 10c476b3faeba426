/// Text that is not JSON, or a value that JSON cannot hold.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Bytes from the beginning of the text.
    public var offset: Int
    public var problem: String

    public var description: String { "\(problem) at byte \(offset)" }
}

extension JSONValue {
    /// What a text may ask for at most.
    public struct Limits: Sendable {
        /// Arrays and objects inside each other.
        public var depth = 64
        /// Values in all, members of arrays and objects included.
        public var values = 8 << 20
        public init() {}
    }

    /// Reads JSON (RFC 8259, UTF-8), strictly: no duplicate keys, no lone surrogates, no number beyond the range of a double.
    public init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(JSONError) {
        var outcome: Result<JSONValue, JSONError> = .success(.null)
        bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(bytes: buffer, limits: limits)
            do throws(JSONError) { outcome = .success(try parser.document()) } catch { outcome = .failure(error) }
        }
        self = try outcome.get()
    }
}

private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONValue.Limits
    var position = 0
    var depth = 0
    var values = 0

    init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONValue.Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    /// The byte at the position; 0, which no rule accepts, at the end.
    var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    func failure(_ problem: String) -> JSONError {
        JSONError(offset: position, problem: position < bytes.count ? problem : "the text ends too early")
    }

    mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) { position += 1 }
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        skipBlanks()
        guard position == bytes.count else { throw failure("more text after the value") }
        return value
    }

    mutating func value() throws(JSONError) -> JSONValue {
        skipBlanks()
        values += 1
        guard values <= limits.values else { throw failure("more than \(limits.values) values") }
        switch next {
        case UInt8(ascii: "{"): return try nested { (me) throws(JSONError) in .object(try me.members()) }
        case UInt8(ascii: "["): return try nested { (me) throws(JSONError) in .array(try me.elements()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw failure("a value was expected")
        }
    }

    mutating func nested(_ body: (inout JSONParser) throws(JSONError) -> JSONValue) throws(JSONError) -> JSONValue {
        depth += 1
        guard depth <= limits.depth else { throw failure("values nested more than \(limits.depth) deep") }
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for i in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[i] else { throw failure("a value was expected") }
            position += 1
        }
        return value
    }

    /// Whether a list goes on after an element: a comma, or the closing byte.
    mutating func goesOn(closing: UInt8) throws(JSONError) -> Bool {
        skipBlanks()
        let byte = next
        guard byte == closing || byte == UInt8(ascii: ",") else { throw failure("a comma or a closing bracket was expected") }
        position += 1
        return byte != closing
    }

    mutating func isEmpty(closing: UInt8) -> Bool {
        skipBlanks()
        guard next == closing else { return false }
        position += 1
        return true
    }

    mutating func elements() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        if isEmpty(closing: UInt8(ascii: "]")) { return elements }
        repeat { elements.append(try value()) } while try goesOn(closing: UInt8(ascii: "]"))
        return elements
    }

    mutating func members() throws(JSONError) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        if isEmpty(closing: UInt8(ascii: "}")) { return members }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw failure("a key was expected") }
            let keyPosition = position
            let key = try string()
            skipBlanks()
            guard next == UInt8(ascii: ":") else { throw failure("a colon was expected") }
            position += 1
            let value = try value()
            if members.updateValue(value, forKey: key) != nil {
                throw JSONError(offset: keyPosition, problem: "the key “\(key)” stands twice")
            }
        } while try goesOn(closing: UInt8(ascii: "}"))
        return members
    }
}

extension JSONParser {
    mutating func number() throws(JSONError) -> Double {
        let start = position
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        var whole = 0
        while let digit = digit() {
            if position - firstDigit < 15 { whole = whole * 10 + digit }
            position += 1
        }
        let digits = position - firstDigit
        guard digits > 0 else { throw failure("a digit was expected") }
        guard digits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else {
            throw JSONError(offset: start, problem: "a number begins with 0")
        }
        let isWhole = next != UInt8(ascii: ".") && next | 0x20 != UInt8(ascii: "e")
        if isWhole && digits <= 15 { return isNegative ? -Double(whole) : Double(whole) }
        if next == UInt8(ascii: ".") {
            position += 1
            try digitsRequired()
        }
        if next | 0x20 == UInt8(ascii: "e") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digitsRequired()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw JSONError(offset: start, problem: "a number is beyond the range of a double")
        }
        return value
    }

    func digit() -> Int? {
        let digit = Int(next) - 0x30
        return (0...9).contains(digit) ? digit : nil
    }

    mutating func digitsRequired() throws(JSONError) {
        guard digit() != nil else { throw failure("a digit was expected") }
        while digit() != nil { position += 1 }
    }

    mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        // Most strings have no escapes and are taken as they stand.
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"),
            bytes[position] >= 0x20
        {
            position += 1
        }
        if next == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try text(UnsafeBufferPointer(rebasing: bytes[start..<position]), at: start)
        }
        var unescaped = Array(bytes[start..<position])
        while true {
            switch next {
            case UInt8(ascii: "\""):
                position += 1
                var outcome: Result<String, JSONError> = .success("")
                unescaped.withUnsafeBufferPointer { buffer in
                    do throws(JSONError) { outcome = .success(try text(buffer, at: start)) } catch { outcome = .failure(error) }
                }
                return try outcome.get()
            case UInt8(ascii: "\\"): try escape(into: &unescaped)
            case 0x20...:
                unescaped.append(next)
                position += 1
            default: throw failure("a control character stands in a string")
            }
        }
    }

    func text(_ buffer: UnsafeBufferPointer<UInt8>, at offset: Int) throws(JSONError) -> String {
        guard let text = String(validating: buffer, as: UTF8.self) else {
            throw JSONError(offset: offset, problem: "a string is not UTF-8")
        }
        return text
    }

    mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        position += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(next)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            var scalar = try hexadecimal()
            if scalar & 0xfc00 == 0xd800 {
                guard next == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else {
                    throw failure("half of a surrogate pair stands in a string")
                }
                position += 2
                let low = try hexadecimal()
                guard low & 0xfc00 == 0xdc00 else { throw failure("half of a surrogate pair stands in a string") }
                scalar = 0x10000 + (scalar & 0x3ff) << 10 + (low & 0x3ff)
            }
            guard let scalar = Unicode.Scalar(scalar) else { throw failure("half of a surrogate pair stands in a string") }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
            return
        default: throw failure("an unknown escape stands in a string")
        }
        position += 1
    }

    mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = next
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
                value = value << 4 | UInt32((byte | 0x20) - 0x57)
            default: throw failure("four hexadecimal digits were expected")
            }
            position += 1
        }
        return value
    }
}
