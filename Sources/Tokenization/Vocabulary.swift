/// What a vocabulary file says: ids, their strings, and which kind of tokenizer they make.
public struct Vocabulary: Sendable, Equatable {
    public enum Kind: String, Sendable { case characters, words }

    /// Id to string; gaps allowed.
    public var entries: [Int: String]
    /// Ids of the entries written `<…>` or `[…]`.
    public var special: Set<Int>
    /// Characters if all entries that are not special are single characters, else words. Who knows better may change it.
    public var kind: Kind
    /// The special entry that stands for what the vocabulary lacks, found by its name (`<unk>`, `[UNK]`, …).
    public var unknown: Int?

    public init(entries: [Int: String]) {
        self.entries = entries
        special = Set(entries.filter { Self.isSpecial($0.value) }.keys)
        let isOfCharacters = entries.allSatisfy { [special] in special.contains($0.key) || $0.value.count == 1 }
        kind = isOfCharacters ? .characters : .words
        unknown = nil
        unknown = firstSpecial(named: "unk", "unknown", "oov")
    }

    /// One past the largest id.
    public var idLimit: Int { (entries.keys.max() ?? -1) + 1 }

    /// The special entry of one of these names, written without brackets, in any case: `</s>` is called `/s`. The first name
    /// that is found counts.
    public func firstSpecial(named names: String...) -> Int? {
        for name in names {
            let found = special.filter { id in
                guard let entry = entries[id] else { return false }
                return entry.dropFirst().dropLast().lowercased() == name
            }
            if let id = found.min() { return id }
        }
        return nil
    }

    /// The tokenizer that the entries make.
    /// - Throws: `TokenizationError` where an entry stands twice or an id is out of range.
    public func makeTokenizer() throws -> any Tokenizer {
        switch kind {
        case .characters: try CharacterTokenizer(vocabulary: entries, special: special, unknown: unknown)
        case .words: try WordTokenizer(vocabulary: entries, special: special, unknown: unknown)
        }
    }

    /// `<…>` or `[…]` with something between.
    private static func isSpecial(_ entry: String) -> Bool {
        let scalars = entry.unicodeScalars
        guard scalars.dropFirst(2).first != nil, let first = scalars.first, let last = scalars.last else { return false }
        return first == "<" && last == ">" || first == "[" && last == "]"
    }
}

/// Reads a vocabulary file of one language: a JSON array of strings in id order (null for an id without one), or an object from
/// string to id.
/// - Throws: `TokenizationError`.
public func readVocabulary(json: [UInt8]) throws -> Vocabulary {
    guard let vocabulary = try readVocabularies(json: json)["text"] else { throw TokenizationError.isPair }
    return vocabulary
}

/// Reads a vocabulary file, by role: `text`, or for `{"src": …, "tgt": …}` `source` and `target`. Roles are named as in the
/// archive's header.
/// - Throws: `TokenizationError`.
public func readVocabularies(json: [UInt8]) throws -> [String: Vocabulary] {
    let file = try JSONText(json)
    if case .object(let members) = file, members.count == 2,
        let source = members.first(where: { $0.key == "src" })?.value, source.holdsEntries,
        let target = members.first(where: { $0.key == "tgt" })?.value, target.holdsEntries
    {
        return ["source": try vocabulary(source), "target": try vocabulary(target)]
    }
    return ["text": try vocabulary(file)]
}

private func vocabulary(_ value: JSONText) throws -> Vocabulary {
    let vocabulary: Vocabulary
    switch value {
    case .array(let elements): vocabulary = Vocabulary(entries: try readEntries(elements))
    case .object(let members): vocabulary = Vocabulary(entries: try readEntries(members))
    default: throw TokenizationError.notAVocabulary(found: value.name)
    }
    _ = try EntryTable(vocabulary.entries, others: [])  // an entry twice, an id out of range
    return vocabulary
}

extension JSONText {
    fileprivate var holdsEntries: Bool {
        switch self {
        case .array, .object: true
        default: false
        }
    }
}

/// Strings in id order; null for an id without one.
func readEntries(_ elements: [JSONText]) throws(TokenizationError) -> [Int: String] {
    guard elements.count <= EntryTable.idLimit else {
        throw .tooManyEntries(count: elements.count, limit: EntryTable.idLimit)
    }
    var entries = [Int: String](minimumCapacity: elements.count)
    for (id, element) in elements.enumerated() {
        switch element {
        case .string(let entry): entries[id] = entry
        case .null: continue
        default: throw .notAString(id: id, found: element.name)
        }
    }
    if entries.isEmpty { throw .emptyVocabulary }
    return entries
}

private func readEntries(_ members: [(key: String, value: JSONText)]) throws(TokenizationError) -> [Int: String] {
    var entries = [Int: String](minimumCapacity: members.count)
    var seen: [[UInt8]: Int] = [:]
    for (entry, value) in members {
        guard let id = value.integer else {
            if case .number(let number) = value { throw .notAnID(entry: entry, found: "\(number)") }
            throw .notAnID(entry: entry, found: value.name)
        }
        guard 0..<EntryTable.idLimit ~= id else { throw .idOutOfRange(entry: entry, id: id, limit: EntryTable.idLimit) }
        if let first = seen.updateValue(id, forKey: Array(entry.utf8)) {
            throw .duplicateEntry(entry, first: first, second: id)
        }
        if let other = entries.updateValue(entry, forKey: id) { throw .duplicateID(id, first: other, second: entry) }
    }
    if entries.isEmpty { throw .emptyVocabulary }
    return entries
}
