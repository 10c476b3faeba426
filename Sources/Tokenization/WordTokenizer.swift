/// Every word is a token; words stand between single spaces.
///
/// What stands between two spaces is looked up as it is. Only where the vocabulary lacks it, special tokens written inside it
/// and white space other than the space (line ends, tabs) cut it further; white space that the vocabulary lacks is dropped. The
/// empty word between two adjacent spaces is a token only where the vocabulary has it.
public struct WordTokenizer: Tokenizer {
    static let kind = "words"
    private static let space = UInt8(ascii: " ")

    let table: EntryTable
    let special: Set<Int>
    public let unknown: Int?
    private var long = PrefixTree()

    /// - Parameters:
    ///   - vocabulary: id to word; ids below 4,194,304 (2²²), gaps allowed.
    ///   - special: ids that decoding leaves out. Their entries have at most 256 bytes; a special id may lack an entry.
    ///   - unknown: the id that stands for what the vocabulary lacks.
    /// - Throws: `TokenizationError` for a vocabulary that is empty, or has a word twice or an id out of range.
    public init(vocabulary: [Int: String], special: Set<Int> = [], unknown: Int? = nil) throws {
        table = try EntryTable(vocabulary, others: special.union(unknown.map { [$0] } ?? []))
        self.special = special
        self.unknown = unknown
        for id in special {
            guard let entry = vocabulary[id] else { continue }
            guard entry.utf8.count <= PrefixTree.lengthLimit else {
                throw TokenizationError.entryTooLong(id: id, bytes: entry.utf8.count, limit: PrefixTree.lengthLimit)
            }
            long.insert(Array(entry.utf8), id: id)
        }
    }

    public var idLimit: Int { table.entries.count }

    public func bytes(of id: Int) -> [UInt8] { table[id] }

    public func bytes(of id: Int, after previous: Int?) -> [UInt8] {
        guard let previous, table.has(previous), table.has(id) else { return table[id] }
        return [Self.space] + table[id]
    }

    public func isSpecial(_ id: Int) -> Bool { special.contains(id) }

    public func json() -> [UInt8] { storedJSON(kind: Self.kind, table: table, special: special, unknown: unknown) }

    // MARK: Encoding

    public func encode(_ text: String) -> Encoding {
        var all = Encoding()
        encode(text, pieceLength: .max) { all = $0 }
        return all
    }

    public func encode(_ text: String, piece body: (Encoding) throws -> Void) rethrows {
        try encode(text, pieceLength: CharacterTokenizer.pieceLength, piece: body)
    }

    private func encode(_ text: String, pieceLength: Int, piece body: (Encoding) throws -> Void) rethrows {
        var text = text
        try text.withUTF8 { bytes in
            var encoding = Encoding()
            var tally = UnknownTally()
            var start = 0
            while start <= bytes.count, !bytes.isEmpty {
                var end = start
                while end < bytes.count, bytes[end] != Self.space { end += 1 }
                append(start..<end, of: bytes, to: &encoding, tally: &tally)
                start = end + 1
                if encoding.ids.count >= pieceLength || start > bytes.count {
                    encoding.unknown = tally.list
                    try body(encoding)
                    encoding = Encoding()
                    tally = UnknownTally()
                }
            }
        }
    }

    /// Appends what stands between two spaces.
    private func append(
        _ range: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, to encoding: inout Encoding, tally: inout UnknownTally
    ) {
        if let id = table.id(of: UnsafeBufferPointer(rebasing: bytes[range])) {
            encoding.ids.append(id)
            encoding.spans.append(range)
            return
        }
        var word = range.lowerBound..<range.lowerBound
        while word.upperBound < range.upperBound {
            let position = word.upperBound
            guard let (id, length) = separator(at: position, in: bytes) else {
                word = word.lowerBound..<(position + 1)
                continue
            }
            appendWord(word, of: bytes, to: &encoding, tally: &tally)
            if let id {
                encoding.ids.append(id)
                encoding.spans.append(position..<(position + length))
            }
            word = (position + length)..<(position + length)
        }
        appendWord(word, of: bytes, to: &encoding, tally: &tally)
    }

    /// A special token, or white space with its token if it has one.
    private func separator(at position: Int, in bytes: UnsafeBufferPointer<UInt8>) -> (id: Int?, length: Int)? {
        if long.begins[Int(bytes[position])], let match = long.longestMatch(in: bytes, from: position) {
            return (match.id, match.length)
        }
        // Tab, line feed, vertical tab, form feed, carriage return.
        guard 0x09...0x0D ~= bytes[position] else { return nil }
        return (table.id(of: UnsafeBufferPointer(rebasing: bytes[position...position])), 1)
    }

    private func appendWord(
        _ word: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, to encoding: inout Encoding, tally: inout UnknownTally
    ) {
        if word.isEmpty { return }
        let text = UnsafeBufferPointer(rebasing: bytes[word])
        let known = table.id(of: text)
        if known == nil { tally.add(word: text, at: word.lowerBound) }
        guard let id = known ?? unknown else { return }
        encoding.ids.append(id)
        encoding.spans.append(word)
    }
}
