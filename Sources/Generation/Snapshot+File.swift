import Archive
import Network

// The form on disk, little-endian: magic, version (UInt32), bytes of the content (UInt64), their checksum (UInt64), content.
// Text and arrays in the content are preceded by their number of elements (UInt32). A few kilobytes for a small network.
extension Snapshot {
    static let magic = Array("rnnzsnap".utf8)
    static let version = 1
    static let headSize = 28

    /// The snapshot as the bytes of a file.
    public var fileBytes: [UInt8] {
        var content = ByteWriter()
        content.write(model)
        content.write(fingerprint)
        content.write(seed)
        let words = generator.state
        for word in [words.0, words.1, words.2, words.3] { content.write(word) }
        content.write(UInt32(state.slots.count))
        for slot in state.slots {
            content.write(slot.name)
            content.write(slot.shape.map { UInt32(clamping: $0) })
            content.write(slot.values.map(\.bitPattern))
        }
        content.write(UInt32(state.tokens.count))
        for token in state.tokens { content.write(UInt64(bitPattern: Int64(token))) }
        content.write(logits.map(\.bitPattern))
        content.write(history.recent.map { UInt32(bitPattern: $0) })
        let earlier = history.earlier.sorted { $0.key < $1.key }
        content.write(earlier.map { UInt32(bitPattern: $0.key) })
        for (_, count) in earlier { content.write(UInt64(count)) }
        content.write(prompt.map { UInt32(clamping: $0) })
        content.write(UInt32(pendingBytes.count))
        content.bytes += pendingBytes
        content.write(heldText)

        var checksum = Checksum()
        checksum.add(content.bytes)
        var file = ByteWriter(bytes: Self.magic)
        file.write(UInt32(Self.version))
        file.write(UInt64(content.bytes.count))
        file.write(checksum.value)
        return file.bytes + content.bytes
    }

    /// - Throws: `SnapshotError.notASnapshot`, `.unsupportedVersion`, `.damaged`.
    public init(fileBytes: [UInt8]) throws(SnapshotError) {
        guard fileBytes.starts(with: Self.magic) else { throw .notASnapshot }
        var head = ByteReader(bytes: fileBytes, position: Self.magic.count)
        let version = Int(try head.uint32())
        guard version == Self.version else { throw .unsupportedVersion(found: version, supported: Self.version) }
        let (size, expected) = (try head.uint64(), try head.uint64())
        guard size == UInt64(fileBytes.count - Self.headSize) else {
            throw .damaged("it should have \(size) bytes of content and has \(fileBytes.count - Self.headSize)")
        }
        var checksum = Checksum()
        checksum.add(fileBytes[Self.headSize...])
        guard checksum.value == expected else { throw .damaged("its checksum is wrong") }
        try self.init(content: &head)
        guard head.isAtEnd else { throw .damaged("something follows its end") }
    }

    private init(content: inout ByteReader) throws(SnapshotError) {
        model = try content.text()
        fingerprint = try content.text()
        seed = try content.uint64()
        let words = (try content.uint64(), try content.uint64(), try content.uint64(), try content.uint64())
        generator = RandomGenerator(state: words)
        var slots: [State.Slot] = []
        for _ in 0..<(try content.uint32()) {
            let name = try content.text()
            let shape = try content.array().map { Int($0) }
            slots.append(State.Slot(name: name, shape: shape, values: try content.array().map { Float(bitPattern: $0) }))
        }
        var tokens: [Int] = []
        for _ in 0..<(try content.uint32()) { tokens.append(Int(truncatingIfNeeded: Int64(bitPattern: try content.uint64()))) }
        state = State(slots: slots, tokens: tokens)
        logits = try content.array().map { Float(bitPattern: $0) }
        let recent = try content.array().map { Int32(bitPattern: $0) }
        var earlier: [Int32: Int] = [:]
        for token in try content.array().map({ Int32(bitPattern: $0) }) {
            earlier[token] = Int(clamping: try content.uint64())
        }
        history = try TokenHistory(recent: recent, earlier: earlier)
        prompt = try content.array().map { Int($0) }
        pendingBytes = try content.bytes(Int(try content.uint32()))
        heldText = try content.text()
    }

    /// Writes the file whole or not at all: a crash leaves the old one or the new one.
    /// - Throws: `SnapshotError.cannotWrite`.
    public func write(to path: String) throws(SnapshotError) {
        do { try OutputFile.write(fileBytes, to: path) } catch {
            throw .cannotWrite(path: path, reason: error.writingReason ?? error.description)
        }
    }

    /// - Throws: `SnapshotError`.
    public init(contentsOf path: String) throws(SnapshotError) {
        let bytes: [UInt8]
        do { bytes = try readFile(path) } catch { throw .cannotRead(path: path, reason: error.reason) }
        try self.init(fileBytes: bytes)
    }
}

/// Coded as one string, the file's bytes in base 64: exact for every number, NaN too, and with the same checks.
extension Snapshot: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(base64(fileBytes))
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let bytes = bytes(base64: try container.decode(String.self)) else { throw SnapshotError.notASnapshot }
        try self.init(fileBytes: bytes)
    }
}

struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func write(_ text: String) {
        write(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    mutating func write(_ values: [UInt32]) {
        write(UInt32(values.count))
        bytes.reserveCapacity(bytes.count + 4 * values.count)
        for value in values { write(value) }
    }
}

/// Every length is checked against what is there before memory is asked for.
struct ByteReader {
    let bytes: [UInt8]
    var position: Int

    var isAtEnd: Bool { position == bytes.count }

    mutating func bytes(_ count: Int) throws(SnapshotError) -> [UInt8] {
        guard count <= bytes.count - position else { throw .damaged("it ends too early") }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    mutating func uint32() throws(SnapshotError) -> UInt32 {
        try bytes(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func uint64() throws(SnapshotError) -> UInt64 {
        try bytes(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func text() throws(SnapshotError) -> String {
        String(decoding: try bytes(Int(try uint32())), as: UTF8.self)
    }

    mutating func array() throws(SnapshotError) -> [UInt32] {
        let count = Int(try uint32())
        let raw = try bytes(4 * count)
        return raw.withUnsafeBytes { raw in
            (0..<count).map { UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
        }
    }
}
