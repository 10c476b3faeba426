import Foundation
import Kernels

@testable import Archive

/// A folder that is gone after the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "rnnz-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// All names, hidden ones included.
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

func readFile(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

func writeFile(_ path: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

func fixture(_ name: String) throws -> String {
    guard let url = Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil) else {
        throw CocoaError(.fileNoSuchFile)
    }
    return url.path
}

/// The folder of this test target's sources.
let sourceFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path

/// Random numbers that are the same in every run (SplitMix64).
struct TestRandom: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A tensor of random bytes whose exponents are small, as those of weights are.
func randomTensor(_ type: ElementType, _ shape: [Int], blockAxis: Int? = nil, seed: UInt64) -> Tensor {
    var random = TestRandom(seed)
    let unit = type.blockByteCount
    return Tensor(
        type, shape: shape, blockAxis: blockAxis,
        storage: TensorStorage(byteCount: type.byteCount(shape: shape, blockAxis: blockAxis) ?? 0) { bytes in
            for i in 0..<(bytes.count / unit) {
                let value = Float.random(in: -1...1, using: &random)
                switch type {
                case .f32: bytes.storeBytes(of: value.bitPattern, toByteOffset: 4 * i, as: UInt32.self)
                case .bf16: bytes.storeBytes(of: UInt16(value.bitPattern >> 16), toByteOffset: 2 * i, as: UInt16.self)
                case .f16:
                    let bits = UInt16(truncatingIfNeeded: random.next()) & 0xbbff
                    bytes.storeBytes(of: bits, toByteOffset: 2 * i, as: UInt16.self)
                case .q8, .q4:
                    bytes.storeBytes(of: value.halfBits, toByteOffset: unit * i, as: UInt16.self)
                    for k in 2..<unit { bytes[unit * i + k] = UInt8.random(in: 0...255, using: &random) }
                }
            }
        })
}

extension Tensor {
    var bytes: [UInt8] { storage.withUnsafeBytes { Array($0) } }
}

/// An archive taken to pieces, so that a test can make one of them wrong and put right every checksum around it.
struct Pieces {
    var header: [String: JSONValue]
    var data: [UInt8]

    let version: Int

    init(_ bytes: [UInt8]) throws {
        version = Int(bytes.littleEndian(at: 8, as: UInt32.self))
        let stored = Int(bytes.littleEndian(at: 12, as: UInt32.self))
        let reader = try ArchiveReader(bytes: bytes)
        header = reader.header.json.object ?? [:]
        data = Array(bytes[(ArchiveFormat.prefixByteCount + stored)...])
    }

    func assembled() throws -> [UInt8] { try assembled(version: version) }

    func assembled(version: Int) throws -> [UInt8] {
        try assemble(version: version, text: JSONValue.object(header).serialized(), data: data)
    }

    /// Changes a field of a tensor.
    mutating func set(_ tensor: Int, _ key: String, _ value: JSONValue?) {
        var tensors = header["tensors"]?.array ?? []
        var members = tensors[tensor].object ?? [:]
        members[key] = value
        tensors[tensor] = .object(members)
        header["tensors"] = .array(tensors)
    }

    /// Changes a field of a chunk.
    mutating func set(_ tensor: Int, chunk: Int, _ key: String, _ value: JSONValue?) {
        var chunks = header["tensors"]?.array?[tensor]["chunks"]?.array ?? []
        var members = chunks[chunk].object ?? [:]
        members[key] = value
        chunks[chunk] = .object(members)
        set(tensor, "chunks", .array(chunks))
    }

    func chunk(_ tensor: Int, _ chunk: Int) -> JSONValue? { header["tensors"]?.array?[tensor]["chunks"]?.array?[chunk] }

    func offset(_ tensor: Int, _ chunk: Int) -> Int { self.chunk(tensor, chunk)?["offset"]?.integer ?? -1 }
    func stored(_ tensor: Int, _ chunk: Int) -> Int { self.chunk(tensor, chunk)?["stored"]?.integer ?? -1 }
}

/// Prefix, header and data with checksums that are right.
func assemble(version: Int = 1, text: [UInt8], data: [UInt8], statedSize: Int? = nil) -> [UInt8] {
    let stored = deflated(text)
    let sum = stored.withUnsafeBytes { Zlib.crc32($0) }
    let prefix = ArchivePrefix(
        version: version, headerStored: stored.count, headerSize: statedSize ?? text.count, headerCRC32: sum,
        dataLength: data.count)
    return prefix.bytes + stored + data
}

func deflated(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count + bytes.count / 100 + 64) { buffer, count in
        count = bytes.withUnsafeBytes { Zlib.deflate($0, into: UnsafeMutableRawBufferPointer(buffer), strategy: .general) ?? 0 }
    }
}

/// A small archive with two tensors: `first` in three chunks that compress, `second` in one that does not.
func smallArchive() throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var writer = ArchiveWriter()
    writer.chunkByteCount = 256
    var header = ArchiveHeader(name: "small")
    header.program = "step(token) { return first[token] }"
    header.tensors = [TensorEntry(name: "first"), TensorEntry(name: "second")]
    let values = (0..<160).map { Float($0 % 7) }
    let tensors = [
        "first": Tensor(shape: [16, 10], values: values),
        "second": randomTensor(.f16, [5], seed: 3),
    ]
    try writer.write(header, tensors: tensors, to: folder.file("small.rnnz"))
    return try readFile(folder.file("small.rnnz"))
}

/// An archive with the tensor `blocks`, `q8` [5, 40] with blocks along its last axis (10 of them, in chunks of 4, 4 and 2), and
/// `columns`, `q4` [40, 3] with blocks along its first (6 of them, in one chunk).
func quantizedArchive() throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var writer = ArchiveWriter()
    writer.chunkByteCount = 4 * 34
    var header = ArchiveHeader(name: "quantized")
    header.tensors = [TensorEntry(name: "blocks"), TensorEntry(name: "columns")]
    let tensors = [
        "blocks": randomTensor(.q8, [5, 40], seed: 1), "columns": randomTensor(.q4, [40, 3], blockAxis: 0, seed: 2),
    ]
    try writer.write(header, tensors: tensors, to: folder.file("q.rnnz"))
    return try readFile(folder.file("q.rnnz"))
}

/// Opens an archive and reads everything in it: the error, if any.
func failure(_ bytes: [UInt8]) -> ArchiveError? {
    do throws(ArchiveError) {
        let reader = try ArchiveReader(bytes: bytes)
        _ = try reader.tensors(team: ThreadTeam(count: 1))
        return nil
    } catch {
        return error
    }
}
