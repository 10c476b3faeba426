import Kernels

/// Writes archives.
///
/// The header, which says where every chunk is, stands before them, so that an archive can be read as it arrives; yet it is known
/// only when the last chunk is compressed. So chunks go to a nameless temporary file first and are copied behind the header: an
/// archive of any size is written with the memory of a few chunks. The bytes do not depend on the number of threads.
public struct ArchiveWriter: Sendable {
    /// Of a chunk in memory; the last one of a tensor may be smaller.
    public var chunkByteCount = 1 << 20
    public var team = ThreadTeam.shared

    public init() {}

    /// Writes an archive in place of what is at `path`, or leaves that as it was.
    ///
    /// - Parameter header: `tensors` may list, in the order that is wanted, tensors with their sources; everything else in an
    ///   entry is filled in. Tensors that it does not list follow by name.
    /// - Parameter isInterrupted: asked before every few chunks.
    /// - Returns: the size of the file in bytes.
    /// - Throws: `ArchiveError`; `.interrupted` where `isInterrupted` says so.
    @discardableResult
    public func write(
        _ header: ArchiveHeader, tensors: [String: Tensor], to path: String, isInterrupted: () -> Bool = { false }
    ) throws(ArchiveError) -> Int {
        let header = try Self.completed(header, tensors: tensors)
        return try write(header, to: path, isInterrupted: isInterrupted) { (name) throws(ArchiveError) in
            guard let tensor = tensors[name] else { throw .missingTensors(names: [name]) }
            return tensor
        }
    }

    /// The same with tensors that are made, one after the other, when it is their turn: all that `header` lists, in its order.
    @discardableResult
    public func write(
        _ header: ArchiveHeader, to path: String, isInterrupted: () -> Bool = { false },
        tensor: (String) throws(ArchiveError) -> Tensor
    ) throws(ArchiveError) -> Int {
        let file = try OutputFile(path: path)
        let spool = try file.makeSpool()
        var header = header
        for i in header.tensors.indices {
            let value = try tensor(header.tensors[i].name)
            header.tensors[i].dtype = value.elementType
            header.tensors[i].shape = value.shape
            header.tensors[i].blockAxis = value.blockAxis == value.shape.count - 1 ? nil : value.blockAxis
            try ArchiveLayout.checkShape(header.tensors[i])
            try append(value, to: spool, describing: &header.tensors[i], isInterrupted)
        }
        try ArchiveLayout.check(header, dataLength: spool.byteCount)
        try file.write(try Self.beginning(header, dataLength: spool.byteCount))
        try spool.copy(to: file)
        try file.commit()
        return file.byteCount
    }

    private static func completed(_ header: ArchiveHeader, tensors: [String: Tensor]) throws(ArchiveError) -> ArchiveHeader {
        var header = header
        let missing = header.tensors.map(\.name).filter { tensors[$0] == nil }
        guard missing.isEmpty else { throw .missingTensors(names: missing) }
        let listed = Set(header.tensors.map(\.name))
        header.tensors += tensors.keys.filter { !listed.contains($0) }.sorted().map { TensorEntry(name: $0) }
        return header
    }

    /// Prefix and header.
    static func beginning(_ header: ArchiveHeader, dataLength: Int) throws(ArchiveError) -> [UInt8] {
        let text: [UInt8]
        do throws(JSONError) { text = try header.json.serialized() } catch { throw .nonFiniteNumber }
        guard text.count <= ArchiveFormat.headerLimit else {
            throw .headerTooLarge(byteCount: text.count, limit: ArchiveFormat.headerLimit)
        }
        // What the reader demands of a header is made sure of here, where something can still be done about it.
        let readBack: JSONValue
        do throws(JSONError) { readBack = try JSONValue(parsing: text) } catch { throw .headerNotJSON(error) }
        _ = try ArchiveHeader(json: readBack)
        let room = text.count + text.count / 1000 + 64
        let stored = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            count = text.withUnsafeBytes {
                Zlib.deflate($0, into: UnsafeMutableRawBufferPointer(buffer), strategy: .general) ?? 0
            }
        }
        let sum = stored.withUnsafeBytes { Zlib.crc32($0) }
        let prefix = ArchivePrefix(
            version: ArchiveFormat.version(of: header), headerStored: stored.count, headerSize: text.count, headerCRC32: sum,
            dataLength: dataLength)
        return prefix.bytes + stored
    }
}

extension ArchiveWriter {
    /// Chunks compressed before they are written: enough for every thread to be busy, few enough to be small.
    private var chunksAtOnce: Int { 8 * team.count }

    private func append(
        _ tensor: Tensor, to spool: Spool, describing entry: inout TensorEntry, _ isInterrupted: () -> Bool
    ) throws(ArchiveError) {
        let elementSize = tensor.elementType.blockByteCount
        let chunkSize = max(1, min(chunkByteCount, ArchiveFormat.chunkLimit) / elementSize) * elementSize
        var digest = SHA256()
        entry.chunks = []
        let failure = FirstFailure()
        tensor.storage.withUnsafeBytes { bytes in
            failure.note(0) { () throws(ArchiveError) in
                for start in stride(from: 0, to: bytes.count, by: chunkSize * chunksAtOnce) {
                    if isInterrupted() { throw .interrupted }
                    let batch = bytes[start..<min(bytes.count, start + chunkSize * chunksAtOnce)]
                    let chunks = compress(
                        UnsafeRawBufferPointer(rebasing: batch), chunkSize: chunkSize, elementSize: elementSize, digest: &digest)
                    for chunk in chunks { entry.chunks.append(try chunk.append(to: spool)) }
                }
            }
        }
        try failure.rethrow()
        entry.sha256 = digest.hexadecimal()
    }

    /// The batch's chunks on all threads; one of them also takes the batch into the digest.
    private func compress(
        _ batch: UnsafeRawBufferPointer, chunkSize: Int, elementSize: Int, digest: inout SHA256
    ) -> [CompressedChunk] {
        let starts = Array(stride(from: 0, to: batch.count, by: chunkSize))
        let chunks = starts.map { start in
            CompressedChunk(UnsafeRawBufferPointer(rebasing: batch[start..<min(batch.count, start + chunkSize)]))
        }
        withUnsafeMutablePointer(to: &digest) { digest in
            // Only the member that draws index 0 touches the digest.
            nonisolated(unsafe) let digest = digest
            team.forEach(chunks.count + 1) { i in
                if i == 0 {
                    digest.pointee.update(batch)
                } else {
                    chunks[i - 1].compress(elementSize: elementSize)
                }
            }
        }
        return chunks
    }
}

/// One chunk on its way from memory to the file.
private final class CompressedChunk: @unchecked Sendable {
    private let bytes: UnsafeRawBufferPointer
    /// Room for a result that is worth keeping: one smaller than the bytes themselves.
    private let room: UnsafeMutableRawBufferPointer
    private var encoding = TensorEntry.Chunk.Encoding.raw
    private var stored = 0
    private var crc32: UInt32 = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        room = .allocate(byteCount: max(bytes.count - 1, 1), alignment: 64)
    }

    deinit { room.deallocate() }

    func compress(elementSize: Int) {
        let planes = ScratchBuffer(byteCount: bytes.count)
        let target = UnsafeMutableRawBufferPointer(rebasing: planes.bytes[..<bytes.count])
        BytePlanes.split(bytes, elementSize: elementSize, into: target)
        let source = UnsafeRawBufferPointer(target)
        let output = UnsafeMutableRawBufferPointer(rebasing: room[..<max(bytes.count - 1, 0)])
        var count = Zlib.deflate(source, into: output, strategy: .runs)
        if let small = count, bytes.count > ArchiveFormat.expansionLimit * small {
            // Smaller than a reader trusts (a tensor of zeros, say): Huffman codes alone stay on the safe side.
            count = Zlib.deflate(source, into: output, strategy: .huffman)
        }
        encoding = count == nil ? .raw : .planes
        stored = count ?? bytes.count
        crc32 = Zlib.crc32(contents)
    }

    private var contents: UnsafeRawBufferPointer {
        encoding == .raw ? bytes : UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<stored])
    }

    func append(to spool: Spool) throws(ArchiveError) -> TensorEntry.Chunk {
        let offset = spool.byteCount
        try spool.write(contents)
        return TensorEntry.Chunk(offset: offset, stored: stored, size: bytes.count, encoding: encoding, crc32: crc32)
    }
}
