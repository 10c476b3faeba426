import Foundation
import Kernels
import Testing

@testable import Archive

/// Tensors in blocks, and files that lie about them.
@Suite struct QuantizedArchiveTests {
    static let tensors: [String: Tensor] = [
        "rows": randomTensor(.q8, [50, 70], seed: 1),
        "columns": randomTensor(.q4, [70, 50], blockAxis: 0, seed: 2),
        "heads": randomTensor(.q8, [3, 33, 5], blockAxis: 1, seed: 3),
        "vector": randomTensor(.q4, [7], seed: 4),
        "empty": randomTensor(.q4, [4, 0], seed: 5),
        "bias": randomTensor(.f32, [50], seed: 6),
        "zeros": Tensor(
            .q8, shape: [640, 320], storage: TensorStorage(byteCount: 640 * 10 * 34) { _ in }),
    ]

    func written(_ tensors: [String: Tensor], chunkByteCount: Int = 4096) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        var writer = ArchiveWriter()
        writer.chunkByteCount = chunkByteCount
        try writer.write(ArchiveHeader(name: "x"), tensors: tensors, to: folder.file("a.rnnz"))
        return try readFile(folder.file("a.rnnz"))
    }

    @Test(arguments: [1, 35, 4096, 1 << 30]) func everyTensorComesBack(chunkByteCount: Int) throws {
        let reader = try ArchiveReader(bytes: try written(Self.tensors, chunkByteCount: chunkByteCount))
        #expect(reader.version == 2)
        let read = try reader.tensors()
        #expect(read.count == Self.tensors.count)
        for (name, tensor) in Self.tensors {
            let back = try #require(read[name])
            #expect(back.elementType == tensor.elementType && back.shape == tensor.shape && back.blockAxis == tensor.blockAxis)
            #expect(back.bytes == tensor.bytes, "\(name)")
            try reader.checkDigest(of: back, name: name)
        }
    }

    /// The last axis is not said, any other is.
    @Test func theBlockAxisIsWritten() throws {
        let json = try ArchiveReader(bytes: try written(Self.tensors)).header.json
        for entry in json["tensors"]?.array ?? [] {
            let expected: [String: Int] = ["columns": 0, "heads": 1]
            #expect(entry["block_axis"]?.integer == expected[entry["name"]?.string ?? ""])
        }
    }

    /// Older readers read what they can know.
    @Test func theLowestVersionIsWritten() throws {
        let plain = ["bias": try #require(Self.tensors["bias"])]
        #expect(try ArchiveReader(bytes: try written(plain)).version == 1)
        #expect(try ArchiveReader(bytes: try written(Self.tensors)).version == 2)
    }

    @Test func zerosStayWithinTheExpansionLimit() throws {
        let entry = try ArchiveReader(bytes: try written(Self.tensors, chunkByteCount: 1 << 20)).entry("zeros")
        for chunk in entry.chunks {
            #expect(chunk.stored * ArchiveFormat.expansionLimit >= chunk.size && chunk.stored < chunk.size / 7)
        }
    }

    @Test func bytePlanesOfBlocksAreRegrouped() {
        for size in [18, 34] {
            let source = (0..<(3 * size)).map { UInt8($0) }
            var planes = [UInt8](repeating: 0, count: source.count)
            var back = planes
            source.withUnsafeBytes { from in planes.withUnsafeMutableBytes { BytePlanes.split(from, elementSize: size, into: $0) }
            }
            #expect(planes == (0..<size).flatMap { plane in (0..<3).map { UInt8($0 * size + plane) } })
            planes.withUnsafeBytes { from in back.withUnsafeMutableBytes { BytePlanes.merge(from, elementSize: size, into: $0) } }
            #expect(back == source)
        }
    }

    // MARK: Another implementation

    @Test(.enabled(if: IndependentImplementationTests.hasNumPy, "needs python3 with NumPy"))
    func thePythonReaderReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        try writeFile(folder.file("a.rnnz"), try written(Self.tensors))
        let run = IndependentImplementationTests.runPython(
            ["\(sourceFolder)/reader/read_rnnz.py", folder.file("a.rnnz"), folder.path])
        try #require(run.status == 0, "\(run.output)")
        for (i, entry) in try ArchiveReader(path: folder.file("a.rnnz")).header.tensors.enumerated() {
            let tensor = try #require(Self.tensors[entry.name])
            #expect(try IndependentImplementationTests.npy(folder.file("\(i).npy")) == tensor.floats(), "\(entry.name)")
        }
    }

    /// Written by Fixtures/make_v2.py. Version 2 stays readable for ever.
    @Test func version2IsReadable() throws {
        let reader = try ArchiveReader(path: try fixture("v2.rnnz"))
        let tensors = try reader.tensors()
        #expect(reader.version == 2)
        #expect(reader.header.tensors.map(\.name) == ["last", "first", "middle", "vector", "nothing", "plain"])
        #expect(reader.header.tensors.map(\.dtype) == [.q8, .q8, .q4, .q4, .q4, .f32])
        #expect(reader.header.tensors.map(\.shape) == [[6, 40], [70, 3], [2, 33, 3], [31], [0, 5], []])
        let axes: [Int?] = reader.header.tensors.map { tensors[$0.name]?.blockAxis }
        #expect(axes == [1, 0, 1, 0, 1, nil])
        for (name, tensor) in tensors where name != "plain" {
            // Element k of a line stands in block line · blocks + k / 32.
            let layout = try #require(tensor.blockLayout)
            var expected = [Float](repeating: 0, count: tensor.count)
            for line in 0..<layout.lines {
                for k in 0..<layout.length {
                    let n = line * layout.blocksPerLine + k / 32
                    let eight = (37 * (k % 32) + 11 * n) % 255 - 127
                    let q = tensor.elementType == .q8 ? eight : (5 * (k % 32) + 3 * n) % 16 - 8
                    let place = (line / layout.inner * layout.length + k) * layout.inner + line % layout.inner
                    expected[place] = Float(n + 1) / 64 * Float(q)
                }
            }
            #expect(tensor.floats() == expected, "\(name)")
            try reader.checkDigest(of: tensor, name: name)
        }
        #expect(tensors["plain"]?.floats() == [1.5])
    }

    // MARK: Hostile files

    /// The error after a change to the archive: `blocks` q8 [5, 40] in chunks of 4, 4 and 2 blocks, `columns` q4 [40, 3].
    func failure(version: Int = 2, _ change: (inout Pieces) -> Void) throws -> ArchiveError? {
        var pieces = try Pieces(try quantizedArchive())
        change(&pieces)
        return ArchiveTests.failure(try pieces.assembled(version: version))
    }

    @Test func theUnchangedArchiveIsFine() throws {
        #expect(try failure { _ in } == nil)
        #expect(try failure { $0.set(0, "block_axis", .number(1)) } == nil)
        #expect(try failure { $0.set(0, "block_axis", .null) } == nil)
    }

    @Test func blocksInAnArchiveOfVersion1AreRejected() throws {
        #expect(
            try failure(version: 1) { _ in } == .elementTypeOfLaterVersion(tensor: "blocks", name: "q8", version: 1))
    }

    @Test func blockAxesThatAreNotThereAreRejected() throws {
        #expect(
            try failure { $0.set(0, "block_axis", .number(2)) } == .blockAxisOutOfRange(tensor: "blocks", axis: 2, dimensions: 2))
        #expect(
            try failure { $0.set(0, "block_axis", JSONValue(1 << 53)) }
                == .blockAxisOutOfRange(tensor: "blocks", axis: 1 << 53, dimensions: 2))
        #expect(
            try failure { $0.set(0, "shape", .array([])) } == .blockAxisOutOfRange(tensor: "blocks", axis: 0, dimensions: 0))
        for wrong in [JSONValue.number(-1), .number(0.5), .string("last"), .array([])] {
            #expect(
                try failure { $0.set(0, "block_axis", wrong) }
                    == .headerField(path: "tensors[0].block_axis", expected: "a whole number, at least 0"))
        }
    }

    /// 5 lines of 2 blocks along the last axis would be 40 lines of one along the first.
    @Test func theWrongBlockAxisIsRejected() throws {
        #expect(
            try failure { $0.set(0, "block_axis", .number(0)) }
                == .tensorSizeMismatch(tensor: "blocks", expected: 40 * 34, found: 10 * 34))
        #expect(
            try failure { $0.set(1, "block_axis", nil) }
                == .tensorSizeMismatch(tensor: "columns", expected: 40 * 18, found: 6 * 18))
    }

    @Test func chunksOfPartsOfBlocksAreRejected() throws {
        #expect(
            try failure { $0.set(0, chunk: 0, "size", .number(4 * 34 - 2)) }
                == .chunkNotWholeBlocks(tensor: "blocks", chunk: 0, byteCount: 4 * 34 - 2, blockByteCount: 34))
        #expect(
            try failure { $0.set(1, "dtype", .string("q8")) }
                == .chunkNotWholeBlocks(tensor: "columns", chunk: 0, byteCount: 6 * 18, blockByteCount: 34))
    }

    @Test func shapesThatDoNotFitTheBlocksAreRejected() throws {
        #expect(
            try failure { $0.set(0, "shape", JSONValue([5, 65])) }
                == .tensorSizeMismatch(tensor: "blocks", expected: 15 * 34, found: 10 * 34))
        #expect(
            try failure { $0.set(0, "chunks", nil) } == .tensorSizeMismatch(tensor: "blocks", expected: 10 * 34, found: 0))
        #expect(
            try failure {
                $0.set(0, chunk: 2, "encoding", .string("zlib"))
                $0.set(0, chunk: 2, "size", .number(3 * 34))
            }
                == .tensorSizeMismatch(tensor: "blocks", expected: 10 * 34, found: 11 * 34))
        // As many blocks, fewer elements: nothing that a reader could see is wrong.
        #expect(try failure { $0.set(0, "shape", JSONValue([5, 33])) } == nil)
    }

    @Test func overflowingShapesAreRejected() throws {
        // 2^60 elements, each in a block of its own: the elements can be counted, the bytes cannot.
        #expect(try failure { $0.set(0, "shape", JSONValue([1 << 53, 1 << 7, 1])) } == .shapeOverflow(tensor: "blocks"))
        #expect(try failure { $0.set(0, "shape", JSONValue([1 << 53, 1 << 11])) } == .shapeOverflow(tensor: "blocks"))
    }

    @Test func chunksThatExpandTooMuchAreRejected() throws {
        let stored = try Pieces(try quantizedArchive()).stored(1, 0)
        let size = (64 * stored / 18 + 1) * 18
        #expect(
            try failure {
                $0.set(1, chunk: 0, "encoding", .string("zlib"))
                $0.set(1, chunk: 0, "size", JSONValue(size))
            } == .chunkExpandsTooMuch(tensor: "columns", chunk: 0, stored: stored, byteCount: size))
    }

    @Test func largeChunksAreRejected() throws {
        let size = (16 << 20) / 34 * 34 + 34
        #expect(
            try failure { $0.set(0, chunk: 0, "size", JSONValue(size)) }
                == .chunkTooLarge(tensor: "blocks", chunk: 0, byteCount: size, limit: 16 << 20))
    }

    @Test func rawChunksHaveOneSize() throws {
        let stored = try Pieces(try quantizedArchive()).stored(0, 2)
        #expect(
            try failure {
                $0.set(0, chunk: 2, "encoding", .string("raw"))
                $0.set(0, chunk: 2, "size", .number(3 * 34))
            } == .rawChunkSizeMismatch(tensor: "blocks", chunk: 2, stored: stored, byteCount: 3 * 34))
    }

    @Test func damageIsFound() throws {
        #expect(try failure { $0.data[0] ^= 1 } == .chunkChecksumMismatch(tensor: "blocks", chunk: 0))
    }

    @Test func aBitFlippedAnywhereIsAnError() throws {
        let bytes = try quantizedArchive()
        for place in bytes.indices {
            var flipped = bytes
            flipped[place] ^= 1 << UInt8(place % 8)
            #expect(ArchiveTests.failure(flipped) != nil, "byte \(place)")
        }
    }

    @Test func aHeaderChangedAnywhereNeverTraps() throws {
        let pieces = try Pieces(try quantizedArchive())
        let text = try JSONValue.object(pieces.header).serialized()
        for place in text.indices {
            for replacement in ["0", "9", "-", "\"", "[", "]", "}", "null"].map({ Array($0.utf8) }) + [[], [text[place] ^ 1]] {
                var changed = text
                changed.replaceSubrange(place...place, with: replacement)
                guard let reader = try? ArchiveReader(bytes: assemble(version: 2, text: changed, data: pieces.data)),
                    let tensors = try? reader.tensors(team: ThreadTeam(count: 1))
                else { continue }
                for tensor in tensors.values { _ = tensor.floats() }
                _ = try? Rearrangement.undo(reader.header.tensors, tensors: tensors)
            }
        }
    }

    // MARK: Leaving again

    @Test func quantizedTensorsLeaveAsF32() throws {
        let tensor = randomTensor(.q8, [4, 40], seed: 9)
        let source = TensorEntry.Source(name: "k", shape: [1, 40, 4], steps: [.squeeze(axis: 0), .transpose])
        let back = try Rearrangement.undo([TensorEntry(name: "W", source: source)], tensors: ["W": tensor])
        let made = try #require(back["k"])
        #expect(made.elementType == .f32 && made.shape == [1, 40, 4])
        let again = try Rearrangement.apply([source], making: "W", from: back)
        #expect(again.floats() == tensor.floats())
    }

    /// Of one source, a part in blocks and a part in halves.
    @Test func partsOfDifferentTypesLeaveAsF32() throws {
        let (blocks, halves) = (randomTensor(.q4, [2, 32], seed: 1), randomTensor(.f16, [3, 32], seed: 2))
        let entries = [
            TensorEntry(name: "a", source: .init(name: "s", shape: [5, 32], steps: [.rows(from: 0, to: 2)])),
            TensorEntry(
                name: "b",
                sources: [
                    .init(name: "s", shape: [5, 32], steps: [.rows(from: 2, to: 4)]),
                    .init(name: "s", shape: [5, 32], steps: [.rows(from: 4, to: 5)]),
                ]),
            TensorEntry(name: "c"),
        ]
        let back = try Rearrangement.undo(entries, tensors: ["a": blocks, "b": halves, "c": halves])
        #expect(back["s"]?.elementType == .f32 && back["s"]?.floats() == blocks.floats() + halves.floats())
        #expect(back["c"]?.elementType == .f16 && back["c"]?.bytes == halves.bytes)
    }
}
