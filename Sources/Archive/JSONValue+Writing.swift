extension JSONValue {
    /// Compact UTF-8 text, keys in the order of their bytes, so that equal values are equal bytes. A number is written with the
    /// fewest digits that read back as the same double.
    ///
    /// Throws where a number is NaN or infinite, which JSON cannot hold.
    public func serialized() throws(JSONError) -> [UInt8] {
        var text: [UInt8] = []
        try append(to: &text)
        return text
    }

    private func append(to text: inout [UInt8]) throws(JSONError) {
        switch self {
        case .null: text += "null".utf8
        case .bool(let value): text += (value ? "true" : "false").utf8
        case .number(let value): try Self.append(value, to: &text)
        case .string(let value): Self.append(value, to: &text)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (i, element) in elements.enumerated() {
                if i > 0 { text.append(UInt8(ascii: ",")) }
                try element.append(to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (i, member) in sorted.enumerated() {
                if i > 0 { text.append(UInt8(ascii: ",")) }
                Self.append(member.key, to: &text)
                text.append(UInt8(ascii: ":"))
                try member.value.append(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ value: Double, to text: inout [UInt8]) throws(JSONError) {
        guard value.isFinite else { throw JSONError(offset: text.count, problem: "a number that is not finite") }
        if let whole = Int(exactly: value), abs(whole) < 1 << 53, !(whole == 0 && value.sign == .minus) {
            text += String(whole).utf8
        } else {
            text += value.description.utf8
        }
    }

    private static func append(_ value: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0x0a: text += "\\n".utf8
            case 0x0d: text += "\\r".utf8
            case 0x09: text += "\\t".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                text += "\\u00\(digits.utf8.count == 1 ? "0" : "")\(digits)".utf8
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
