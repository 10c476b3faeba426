/// Every character is a token. A character is a *code point*, as for Python, PyTorch and JavaScript vocabularies: "\r" and "\n"
/// are two tokens and never one, and a decomposed "é" is an "e" and an accent.
///
/// Entries of several code points:
/// - special ones (`<s>`, `[PAD]`) are recognised when written in the text, the longest one first, before characters are;
/// - those that a reader sees as one character (a flag, a decomposed "é" that the vocabulary lists) are recognised likewise;
/// - all others, and the empty entry, are only decoded.
///
/// Ids may have gaps. What the vocabulary lacks becomes the unknown token, or is skipped where there is none.
public struct CharacterTokenizer: Tokenizer {
    static let kind = "characters"
    /// Tokens in a piece of `encode(_:piece:)`.
    static let pieceLength = 1 << 16

    let table: EntryTable
    let special: Set<Int>
    public let unknown: Int?

    /// Ids of the ASCII characters; -1 where there is none, or where a longer entry may begin.
    private var ascii: [Int32]
    /// Ids of all single code points: by the page of 256 that they stand in; page 0 of `ids` is empty.
    private var pages: [Int32]
    private var ids: [Int32]
    private var long = PrefixTree()

    /// - Parameters:
    ///   - vocabulary: id to entry; ids below 4,194,304 (2²²), gaps allowed.
    ///   - special: ids that decoding leaves out. Their entries have at most 256 bytes; a special id may lack an entry.
    ///   - unknown: the id that stands for what the vocabulary lacks.
    /// - Throws: `TokenizationError` for a vocabulary that is empty, or has an entry twice or an id out of range.
    public init(vocabulary: [Int: String], special: Set<Int> = [], unknown: Int? = nil) throws {
        table = try EntryTable(vocabulary, others: special.union(unknown.map { [$0] } ?? []))
        self.special = special
        self.unknown = unknown
        ascii = [Int32](repeating: -1, count: 128)
        pages = [Int32](repeating: 0, count: 0x110000 >> 8)
        ids = [Int32](repeating: -1, count: 256)
        for (id, entry) in vocabulary {
            let scalars = entry.unicodeScalars
            if let scalar = scalars.first, scalars.dropFirst().isEmpty {
                setID(id, of: scalar)
            } else if special.contains(id) || entry.count == 1 {
                guard entry.utf8.count <= PrefixTree.lengthLimit else {
                    throw TokenizationError.entryTooLong(id: id, bytes: entry.utf8.count, limit: PrefixTree.lengthLimit)
                }
                long.insert(Array(entry.utf8), id: id)
            }
        }
        for byte in ascii.indices where !long.begins[byte] { ascii[byte] = ids[Int(pages[0]) << 8 | byte] }
    }

    private mutating func setID(_ id: Int, of scalar: Unicode.Scalar) {
        let page = Int(scalar.value >> 8)
        if pages[page] == 0 {
            pages[page] = Int32(ids.count >> 8)
            ids += [Int32](repeating: -1, count: 256)
        }
        ids[Int(pages[page]) << 8 | Int(scalar.value & 0xFF)] = Int32(id)
    }

    public var idLimit: Int { table.entries.count }

    public func bytes(of id: Int) -> [UInt8] { table[id] }

    public func isSpecial(_ id: Int) -> Bool { special.contains(id) }

    public func json() -> [UInt8] { storedJSON(kind: Self.kind, table: table, special: special, unknown: unknown) }

    // MARK: Encoding

    public func encode(_ text: String) -> Encoding {
        var text = text
        return text.withUTF8 { bytes in
            var position = 0
            return encode(bytes, from: &position, atMost: characterCount(of: bytes))
        }
    }

    public func encode(_ text: String, piece body: (Encoding) throws -> Void) rethrows {
        var text = text
        try text.withUTF8 { bytes in
            var position = 0
            while position < bytes.count {
                try body(encode(bytes, from: &position, atMost: min(Self.pieceLength, bytes.count - position)))
            }
        }
    }

    /// Encodes until the bytes or the room for tokens end. `bytes` are valid UTF-8 and `position` is a character's beginning.
    private func encode(_ bytes: UnsafeBufferPointer<UInt8>, from position: inout Int, atMost capacity: Int) -> Encoding {
        var encoding = Encoding()
        var tally = UnknownTally()
        encoding.ids = [Int](unsafeUninitializedCapacity: capacity) { ids, idCount in
            encoding.spans = [Range<Int>](unsafeUninitializedCapacity: capacity) { spans, spanCount in
                idCount = scan(bytes, from: &position, ids: ids, spans: spans, tally: &tally)
                spanCount = idCount
            }
        }
        encoding.unknown = tally.list
        return encoding
    }

    private func scan(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: inout Int, ids result: UnsafeMutableBufferPointer<Int>,
        spans: UnsafeMutableBufferPointer<Range<Int>>, tally: inout UnknownTally
    ) -> Int {
        var position = start
        var count = 0
        ascii.withUnsafeBufferPointer { ascii in
            while position < bytes.count, count < result.count {
                let byte = bytes[position]
                if byte < 0x80, ascii[Int(byte)] >= 0 {  // nearly all of most texts
                    result.initializeElement(at: count, to: Int(ascii[Int(byte)]))
                    spans.initializeElement(at: count, to: position..<(position + 1))
                    position += 1
                    count += 1
                    continue
                }
                let (id, length) = token(at: position, in: bytes, tally: &tally)
                if id >= 0 {
                    result.initializeElement(at: count, to: id)
                    spans.initializeElement(at: count, to: position..<(position + length))
                    count += 1
                }
                position += length
            }
        }
        start = position
        return count
    }

    /// The token at a place where anything may stand; the id is -1 for what is skipped.
    private func token(
        at position: Int, in bytes: UnsafeBufferPointer<UInt8>, tally: inout UnknownTally
    ) -> (id: Int, length: Int) {
        if long.begins[Int(bytes[position])], let match = long.longestMatch(in: bytes, from: position) { return match }
        let (scalar, length) = decodeScalar(in: bytes, at: position)
        let id = ids[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
        if id >= 0 { return (Int(id), length) }
        tally.add(scalar, at: position)
        return (unknown ?? -1, length)
    }
}

/// How many code points valid UTF-8 has: every byte but the continuing ones begins one.
func characterCount(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var count = 0
    for byte in bytes { count &+= Int8(bitPattern: byte) > -65 ? 1 : 0 }
    return count
}

/// The code point at a place of valid UTF-8, and its length in bytes.
func decodeScalar(in bytes: UnsafeBufferPointer<UInt8>, at position: Int) -> (scalar: UInt32, length: Int) {
    let lead = UInt32(bytes[position])
    func continuation(_ offset: Int) -> UInt32 { UInt32(bytes[position + offset]) & 0x3F }
    switch lead {
    case ..<0x80: return (lead, 1)
    case ..<0xE0: return ((lead & 0x1F) << 6 | continuation(1), 2)
    case ..<0xF0: return ((lead & 0x0F) << 12 | continuation(1) << 6 | continuation(2), 3)
    default: return ((lead & 0x07) << 18 | continuation(1) << 12 | continuation(2) << 6 | continuation(3), 4)
    }
}
