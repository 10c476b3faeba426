/// Reads back what `Tokenizer.json()` wrote, checking all of it.
///
/// - `{"kind": "bytes"}`
/// - `{"kind": "characters" | "words", "vocabulary": ["a", null, …], "special": [0, 1], "unknown": 1}`: entries in id order, null
///   for an id without one; `special` and `unknown` may be absent.
///
/// A field that is not known here is an error: to pass over it might give other ids than the writer meant.
public func makeTokenizer(json: [UInt8]) throws -> any Tokenizer {
    guard case .object(let members) = try JSONText(json) else {
        throw TokenizationError.missingField(kind: "", field: "kind")
    }
    var fields: [String: JSONText] = [:]
    for (key, value) in members where fields.updateValue(value, forKey: key) != nil {
        throw TokenizationError.unexpectedField(kind: "", field: key)
    }
    guard let kindField = fields.removeValue(forKey: "kind") else {
        throw TokenizationError.missingField(kind: "", field: "kind")
    }
    guard case .string(let kind) = kindField else {
        throw TokenizationError.wrongField(kind: "", field: "kind", expected: "a string")
    }
    switch kind {
    case ByteTokenizer.kind:
        if let field = fields.keys.min() { throw TokenizationError.unexpectedField(kind: kind, field: field) }
        return ByteTokenizer()
    case CharacterTokenizer.kind:
        let stored = try StoredVocabulary(kind: kind, fields: fields)
        return try CharacterTokenizer(vocabulary: stored.entries, special: stored.special, unknown: stored.unknown)
    case WordTokenizer.kind:
        let stored = try StoredVocabulary(kind: kind, fields: fields)
        return try WordTokenizer(vocabulary: stored.entries, special: stored.special, unknown: stored.unknown)
    default:
        throw TokenizationError.unknownKind(kind)
    }
}

private struct StoredVocabulary {
    var entries: [Int: String]
    var special: Set<Int> = []
    var unknown: Int?

    init(kind: String, fields: [String: JSONText]) throws {
        for field in fields.keys.sorted() where !["vocabulary", "special", "unknown"].contains(field) {
            throw TokenizationError.unexpectedField(kind: kind, field: field)
        }
        switch fields["vocabulary"] {
        case .array(let elements): entries = try readEntries(elements)
        case nil: throw TokenizationError.missingField(kind: kind, field: "vocabulary")
        default: throw TokenizationError.wrongField(kind: kind, field: "vocabulary", expected: "an array of strings")
        }
        if let field = fields["special"] {
            let expected = "an array of ids, each once"
            guard case .array(let elements) = field else {
                throw TokenizationError.wrongField(kind: kind, field: "special", expected: expected)
            }
            for element in elements {
                guard let id = element.integer, special.insert(id).inserted else {
                    throw TokenizationError.wrongField(kind: kind, field: "special", expected: expected)
                }
            }
        }
        if let field = fields["unknown"] {
            guard let id = field.integer else {
                throw TokenizationError.wrongField(kind: kind, field: "unknown", expected: "an id")
            }
            unknown = id
        }
    }
}

func storedJSON(kind: String, table: EntryTable, special: Set<Int>, unknown: Int?) -> [UInt8] {
    var result = Array(#"{"kind":"\#(kind)","vocabulary":["#.utf8)
    for (id, entry) in table.entries.enumerated() {
        if id > 0 { result.append(UInt8(ascii: ",")) }
        result += entry.map { JSONText.quoted($0) } ?? Array("null".utf8)
    }
    result.append(UInt8(ascii: "]"))
    if !special.isEmpty {
        result += Array(#","special":["#.utf8)
        result += Array(special.sorted().map(String.init).joined(separator: ",").utf8)
        result.append(UInt8(ascii: "]"))
    }
    if let unknown { result += Array(#","unknown":\#(unknown)"#.utf8) }
    result.append(UInt8(ascii: "}"))
    return result
}
