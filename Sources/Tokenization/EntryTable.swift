/// The entries of a vocabulary, id to bytes and bytes to id. Compared byte by byte: `String`'s own comparison calls "é" and
/// "e\u{301}" one, and a vocabulary may well hold both.
struct EntryTable: Sendable {
    /// One past the largest id that may be used. Larger than any published vocabulary, small enough to be asked for at once.
    static let idLimit = 1 << 22
    /// Bytes of one entry.
    static let entryLimit = 1 << 16

    /// By id; nil where there is no entry.
    let entries: [[UInt8]?]
    /// Open addressing with linear probing; -1 is free.
    private let slots: [Int32]

    /// - Parameter others: further ids that must be valid, such as those of special tokens without an entry.
    init(_ vocabulary: [Int: String], others: some Sequence<Int>) throws(TokenizationError) {
        if vocabulary.isEmpty { throw .emptyVocabulary }
        var limit = 0
        for (id, entry) in vocabulary {
            guard 0..<Self.idLimit ~= id else { throw .idOutOfRange(entry: entry, id: id, limit: Self.idLimit) }
            if entry.utf8.count > Self.entryLimit {
                throw .entryTooLong(id: id, bytes: entry.utf8.count, limit: Self.entryLimit)
            }
            limit = max(limit, id + 1)
        }
        for id in others {
            guard 0..<Self.idLimit ~= id else {
                throw .idOutOfRange(entry: vocabulary[id] ?? "", id: id, limit: Self.idLimit)
            }
            limit = max(limit, id + 1)
        }
        var entries = [[UInt8]?](repeating: nil, count: limit)
        for (id, entry) in vocabulary { entries[id] = Array(entry.utf8) }

        var capacity = 16
        while capacity < 2 * vocabulary.count { capacity *= 2 }
        var slots = [Int32](repeating: -1, count: capacity)
        for (id, entry) in entries.enumerated() {
            guard let entry else { continue }
            let (slot, found) = entry.withUnsafeBufferPointer { Self.slot(of: $0, in: slots, entries) }
            if let found {
                throw .duplicateEntry(String(decoding: entry, as: UTF8.self), first: found, second: id)
            }
            slots[slot] = Int32(id)
        }
        self.entries = entries
        self.slots = slots
    }

    subscript(id: Int) -> [UInt8] { entries.indices.contains(id) ? entries[id] ?? [] : [] }

    func has(_ id: Int) -> Bool { entries.indices.contains(id) && entries[id] != nil }

    func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        bytes.count > Self.entryLimit ? nil : Self.slot(of: bytes, in: slots, entries).id
    }

    /// Where the bytes stand in the table, or would stand.
    private static func slot(
        of bytes: UnsafeBufferPointer<UInt8>, in slots: [Int32], _ entries: [[UInt8]?]
    ) -> (slot: Int, id: Int?) {
        var hasher = Hasher()  // seeded anew in each process: nobody can prepare a vocabulary whose entries all collide
        hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        var slot = hasher.finalize() & (slots.count - 1)
        while slots[slot] >= 0 {
            let id = Int(slots[slot])
            if isEqual(entries[id], bytes) { return (slot, id) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return (slot, nil)
    }

    private static func isEqual(_ entry: [UInt8]?, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let entry, entry.count == bytes.count else { return false }
        return entry.withUnsafeBufferPointer { entry in
            for index in bytes.indices where entry[index] != bytes[index] { return false }
            return true
        }
    }
}

/// Finds the longest of several byte strings that a text goes on with.
struct PrefixTree: Sendable {
    /// Bytes of one string: what bounds the work at a single place of the text.
    static let lengthLimit = 256

    private var children: [Int: Int32] = [:]  // node * 256 + byte
    private var ids: [Int32] = [-1]  // by node; -1 where no string ends
    private(set) var begins = [Bool](repeating: false, count: 256)

    mutating func insert(_ bytes: [UInt8], id: Int) {
        guard let first = bytes.first else { return }
        begins[Int(first)] = true
        var node = 0
        for byte in bytes {
            let key = node << 8 | Int(byte)
            if let next = children[key] {
                node = Int(next)
            } else {
                children[key] = Int32(ids.count)
                node = ids.count
                ids.append(-1)
            }
        }
        ids[node] = Int32(id)
    }

    func longestMatch(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (id: Int, length: Int)? {
        var node = 0
        var position = start
        var best: (id: Int, length: Int)?
        while position < bytes.count, let next = children[node << 8 | Int(bytes[position])] {
            node = Int(next)
            position += 1
            if ids[node] >= 0 { best = (Int(ids[node]), position - start) }
        }
        return best
    }
}
