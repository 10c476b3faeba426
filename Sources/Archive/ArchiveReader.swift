import Kernels
import Synchronization

/// An open archive. Opening reads and checks the header and where everything is; tensors are read when they are asked for, each
/// without the rest, their chunks on all the threads of a team.
public struct ArchiveReader: Sendable {
    public let header: ArchiveHeader
    /// The version of the format that the file is written in.
    public let version: Int
    /// Of the whole file, in bytes.
    public let byteCount: Int
    private let source: any ByteSource
    private let dataStart: Int
    private let index: [String: Int]

    /// Opens a file.
    public init(path: String) throws(ArchiveError) { try self.init(source: try FileSource(path: path)) }

    /// Reads an archive that is in memory already.
    public init(bytes: [UInt8]) throws(ArchiveError) { try self.init(source: MemorySource(bytes: bytes)) }

    private init(source: any ByteSource) throws(ArchiveError) {
        self.source = source
        byteCount = source.length
        let beginning = try source.read(at: 0, count: min(source.length, ArchiveFormat.prefixByteCount))
        let prefix = try ArchivePrefix(beginning, fileLength: source.length)
        version = prefix.version
        dataStart = ArchiveFormat.prefixByteCount + prefix.headerStored
        let text = try Self.headerText(prefix, source: source)
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: text) } catch { throw .headerNotJSON(error) }
        header = try ArchiveHeader(json: json)
        try ArchiveLayout.check(header, dataLength: prefix.dataLength)
        for entry in header.tensors where entry.dtype.isQuantized && version < 2 {
            throw .elementTypeOfLaterVersion(tensor: entry.name, name: entry.dtype.rawValue, version: version)
        }
        var index: [String: Int] = [:]
        for (i, entry) in header.tensors.enumerated() { index[entry.name] = i }
        self.index = index
    }

    private static func headerText(_ prefix: ArchivePrefix, source: any ByteSource) throws(ArchiveError) -> [UInt8] {
        let stored = try source.read(at: ArchiveFormat.prefixByteCount, count: prefix.headerStored)
        guard stored.withUnsafeBytes({ Zlib.crc32($0) }) == prefix.headerCRC32 else { throw .headerChecksumMismatch }
        var problem: InflateProblem?
        let text = [UInt8](unsafeUninitializedCapacity: prefix.headerSize) { buffer, count in
            problem = stored.withUnsafeBytes { Zlib.inflate($0, into: UnsafeMutableRawBufferPointer(buffer)) }
            count = problem == nil ? buffer.count : 0
        }
        if let problem { throw .headerNotInflatable(problem: problem) }
        return text
    }

    public func entry(_ name: String) throws(ArchiveError) -> TensorEntry {
        guard let i = index[name] else { throw .noSuchTensor(name: name) }
        return header.tensors[i]
    }

    /// Reads one tensor; every chunk's CRC-32 is checked.
    public func tensor(_ name: String, team: ThreadTeam = .shared) throws(ArchiveError) -> Tensor {
        let entry = try entry(name)
        let failure = FirstFailure()
        let storage = TensorStorage(byteCount: entry.byteCount) { buffer in
            let pieces = Self.pieces(of: entry, in: buffer)
            if pieces.count == 1 {
                failure.note(0) { () throws(ArchiveError) in try read(pieces[0], of: entry) }
            } else {
                team.forEach(pieces.count) { i in
                    failure.note(i) { () throws(ArchiveError) in try read(pieces[i], of: entry) }
                }
            }
        }
        try failure.rethrow()
        return Tensor(entry.dtype, shape: entry.shape, blockAxis: entry.blockAxis, storage: storage)
    }

    /// Reads all tensors, or those that are given. Small ones are dealt to the threads whole, large ones by their chunks.
    public func tensors(_ entries: [TensorEntry]? = nil, team: ThreadTeam = .shared) throws(ArchiveError) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        let entries = entries ?? header.tensors
        let small = entries.filter { $0.chunks.count <= 1 }
        let failure = FirstFailure()
        let read = Mutex<[Tensor?]>([Tensor?](repeating: nil, count: small.count))
        // A team of one for each piece: a team must not be used from inside its own work.
        let alone = ThreadTeam(count: 1)
        team.forEach(small.count) { i in
            failure.note(i) { () throws(ArchiveError) in
                let tensor = try self.tensor(small[i].name, team: alone)
                read.withLock { $0[i] = tensor }
            }
        }
        try failure.rethrow()
        for (entry, tensor) in zip(small, read.withLock { $0 }) { tensors[entry.name] = tensor }
        for entry in entries where entry.chunks.count > 1 { tensors[entry.name] = try tensor(entry.name, team: team) }
        return tensors
    }

    /// Checks a tensor that was read against the digest that it was written with.
    public func checkDigest(of tensor: Tensor, name: String) throws(ArchiveError) {
        let digest = tensor.storage.withUnsafeBytes { SHA256.hexadecimal($0) }
        guard digest == (try entry(name)).sha256 else { throw .digestMismatch(tensor: name) }
    }
}

extension ArchiveReader {
    /// A chunk and the memory that it fills.
    private struct Piece: @unchecked Sendable {
        let index: Int
        let chunk: TensorEntry.Chunk
        let destination: UnsafeMutableRawBufferPointer
    }

    private static func pieces(of entry: TensorEntry, in buffer: UnsafeMutableRawBufferPointer) -> [Piece] {
        var position = 0
        return entry.chunks.enumerated().map { i, chunk in
            defer { position += chunk.size }
            let destination = UnsafeMutableRawBufferPointer(rebasing: buffer[position..<(position + chunk.size)])
            return Piece(index: i, chunk: chunk, destination: destination)
        }
    }

    private func read(_ piece: Piece, of entry: TensorEntry) throws(ArchiveError) {
        let chunk = piece.chunk
        if chunk.encoding == .raw {
            try source.read(at: dataStart + chunk.offset, into: piece.destination)
            guard Zlib.crc32(UnsafeRawBufferPointer(piece.destination)) == chunk.crc32 else {
                throw .chunkChecksumMismatch(tensor: entry.name, chunk: piece.index)
            }
            return
        }
        // Stored bytes and, for planes, the inflated ones stand here until they are put where they belong.
        let scratch = ScratchBuffer(byteCount: chunk.stored + (chunk.encoding == .planes ? chunk.size : 0))
        let stored = UnsafeMutableRawBufferPointer(rebasing: scratch.bytes[..<chunk.stored])
        try source.read(at: dataStart + chunk.offset, into: stored)
        guard Zlib.crc32(UnsafeRawBufferPointer(stored)) == chunk.crc32 else {
            throw .chunkChecksumMismatch(tensor: entry.name, chunk: piece.index)
        }
        let planes = UnsafeMutableRawBufferPointer(rebasing: scratch.bytes[chunk.stored...])
        let inflated = chunk.encoding == .planes ? planes : piece.destination
        if let problem = Zlib.inflate(UnsafeRawBufferPointer(stored), into: inflated) {
            throw .chunkNotInflatable(tensor: entry.name, chunk: piece.index, problem: problem)
        }
        if chunk.encoding == .planes {
            BytePlanes.merge(UnsafeRawBufferPointer(planes), elementSize: entry.dtype.blockByteCount, into: piece.destination)
        }
    }
}

extension TensorEntry {
    /// In memory. Checked to be countable when an archive is opened; 0 where it is not.
    public var byteCount: Int { dtype.byteCount(shape: shape, blockAxis: blockAxis) ?? 0 }
    public var count: Int { shape.reduce(1, *) }
}

/// Memory for the length of a call, not initialised.
struct ScratchBuffer: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer
    init(byteCount: Int) { bytes = .allocate(byteCount: max(byteCount, 1), alignment: 64) }
    deinit { bytes.deallocate() }
}

/// Of the errors of many threads, the one with the lowest number: what is reported does not depend on timing.
final class FirstFailure: Sendable {
    private let first = Mutex<(index: Int, error: ArchiveError)?>(nil)

    func note(_ index: Int, _ body: () throws(ArchiveError) -> Void) {
        do throws(ArchiveError) {
            try body()
        } catch {
            first.withLock { first in
                if first.map({ index < $0.index }) ?? true { first = (index, error) }
            }
        }
    }

    func rethrow() throws(ArchiveError) {
        if let error = first.withLock({ $0?.error }) { throw error }
    }
}
