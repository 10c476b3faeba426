/// What can be wrong with a vocabulary or a stored tokenizer.
public enum TokenizationError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidJSON(offset: Int, problem: String)
    case notAVocabulary(found: String)
    case isPair
    case emptyVocabulary
    case notAString(id: Int, found: String)
    case notAnID(entry: String, found: String)
    case idOutOfRange(entry: String, id: Int, limit: Int)
    case tooManyEntries(count: Int, limit: Int)
    case duplicateEntry(String, first: Int, second: Int)
    case duplicateID(Int, first: String, second: String)
    case entryTooLong(id: Int, bytes: Int, limit: Int)
    case unknownKind(String)
    case missingField(kind: String, field: String)
    case unexpectedField(kind: String, field: String)
    case wrongField(kind: String, field: String, expected: String)

    public var description: String {
        switch self {
        case .invalidJSON(let offset, let problem):
            "not valid JSON: \(problem) at byte \(offset)"
        case .notAVocabulary(let found):
            "a vocabulary is a JSON array of strings, an object from string to id, or {\"src\": …, \"tgt\": …}; this is \(found)"
        case .isPair:
            "this file holds two vocabularies (src and tgt); a language model takes one"
        case .emptyVocabulary:
            "the vocabulary is empty"
        case .notAString(let id, let found):
            "entry \(id) of the vocabulary is \(found); it should be a string"
        case .notAnID(let entry, let found):
            "the id of \(quoted(entry)) is \(found); it should be a whole number"
        case .idOutOfRange(let entry, let id, let limit):
            "the id \(id) of \(quoted(entry)) is out of range; ids go from 0 to \(limit - 1)"
        case .tooManyEntries(let count, let limit):
            "the vocabulary has \(count) entries; at most \(limit) are read"
        case .duplicateEntry(let entry, let first, let second):
            "\(quoted(entry)) stands twice in the vocabulary, as \(first) and as \(second)"
        case .duplicateID(let id, let first, let second):
            "the id \(id) is given twice, to \(quoted(first)) and to \(quoted(second))"
        case .entryTooLong(let id, let bytes, let limit):
            "entry \(id) of the vocabulary has \(bytes) bytes; at most \(limit) are read"
        case .unknownKind(let kind):
            "a tokenizer of kind \(quoted(kind)) is not known here; known are bytes, characters and words"
        case .missingField(let kind, let field):
            kind.isEmpty
                ? "the stored tokenizer lacks \(quoted(field))"
                : "the stored tokenizer of kind \(quoted(kind)) lacks \(quoted(field))"
        case .unexpectedField(let kind, let field):
            "the stored tokenizer of kind \(quoted(kind)) has a field \(quoted(field)) that is not known here"
        case .wrongField(let kind, let field, let expected):
            "\(quoted(field)) of the stored tokenizer of kind \(quoted(kind)) should be \(expected)"
        }
    }

    /// An entry as it can stand in a line of text: quoted, control characters escaped, shortened.
    private func quoted(_ entry: String) -> String {
        var result = "\""
        for scalar in entry.unicodeScalars.prefix(40) { result += scalar.escaped(asASCII: false) }
        return result + (entry.unicodeScalars.dropFirst(40).isEmpty ? "\"" : "…\"")
    }
}
