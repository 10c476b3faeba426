/// JSON that is written with its keys in the order in which they stand here.
enum JSON: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case unsigned(UInt64)
    /// Written with that many significant digits; not finite: null.
    case number(Double, digits: Int)
    case string(String)
    case array([JSON])
    case object([(key: String, value: JSON)])

    static func ids(_ ids: [Int]) -> JSON { .array(ids.map(JSON.int)) }

    static func number(_ value: Double) -> JSON { .number(value, digits: 9) }

    static func numbers(_ values: some Sequence<Double>) -> JSON { .array(values.map { .number($0) }) }

    static func optional(_ string: String?) -> JSON { string.map(JSON.string) ?? .null }

    static func optional(_ number: Int?) -> JSON { number.map(JSON.int) ?? .null }

    var text: String {
        var result = ""
        write(to: &result)
        return result
    }

    private func write(to result: inout String) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .int(let value): result += String(value)
        case .unsigned(let value): result += String(value)
        case .number(let value, let digits): result += value.isFinite ? formatted(value, digits: digits) : "null"
        case .string(let value): Self.write(value, to: &result)
        case .array(let values):
            result += "["
            for (index, value) in values.enumerated() {
                if index > 0 { result += "," }
                value.write(to: &result)
            }
            result += "]"
        case .object(let members):
            result += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { result += "," }
                Self.write(member.key, to: &result)
                result += ":"
                member.value.write(to: &result)
            }
            result += "}"
        }
    }

    /// RFC 8259, section 7: quotation mark, reverse solidus and control characters are escaped.
    private static func write(_ string: String, to result: inout String) {
        result += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
    }
}
