import Foundation
import Kernels
import Testing

@testable import Archive

/// Files that are no archives, or no longer.
@Suite struct ForeignFileTests {
    func failure(_ path: String) -> ArchiveError? {
        do throws(ArchiveError) { _ = try ArchiveReader(path: path) } catch { return error }
        return nil
    }

    @Test func aMissingFileIsNamed() throws {
        #expect(failure(try TemporaryFolder().file("none.rnnz")) == .fileNotFound)
    }

    @Test func aFolderIsNoArchive() throws {
        let folder = try TemporaryFolder()
        #expect(failure(folder.path) == .isDirectory)
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/null"))) func aDeviceIsNoArchive() {
        #expect(failure("/dev/null") == .notRegularFile)
    }

    @Test(.timeLimit(.minutes(1))) func aPipeWithoutAWriterIsNotWaitedFor() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.file("pipe.rnnz"), 0o600) == 0)
        #expect(failure(folder.file("pipe.rnnz")) == .notRegularFile)
    }

    @Test func anEmptyFileIsNoArchive() throws {
        let folder = try TemporaryFolder()
        try writeFile(folder.file("e.rnnz"), [])
        #expect(failure(folder.file("e.rnnz")) == .emptyFile)
    }

    @Test func aGitLFSPointerIsNoArchive() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
        #expect(ArchiveTests.failure(Array(pointer.utf8)) == .gitLFSPointer)
        #expect(ArchiveError.gitLFSPointer.description.contains("git lfs pull"))
    }

    @Test(arguments: [
        ("PK\u{3}\u{4}xxxxxxxxxxxx", "a zip file, such as a PyTorch or Keras checkpoint"),
        ("{\"weights\": []}", "JSON"),
        ("<!DOCTYPE html><html>", "a web page"),
        ("GGUF\u{3}", "a GGUF file"),
        ("@\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}{\"a\":", "a safetensors file"),
        ("To be, or not to be", nil),
        ("\n", nil),
    ])
    func aForeignFileIsToldApart(text: String, kind: String?) {
        #expect(ArchiveTests.failure(Array(text.utf8)) == .notAnArchive(looksLike: kind))
    }

    @Test func aTransferAsTextIsRecognised() throws {
        var unix = try smallArchive()
        unix.remove(at: 5)  // the carriage return
        #expect(ArchiveTests.failure(unix) == .changedInTransfer)
        var sevenBits = try smallArchive()
        sevenBits[0] = 0x09
        #expect(ArchiveTests.failure(sevenBits) == .changedInTransfer)
    }

    @Test func everyTruncationIsAnError() throws {
        let bytes = try smallArchive()
        for length in 1..<bytes.count {
            guard case .truncated(_, length)? = ArchiveTests.failure(Array(bytes[..<length])) else {
                Issue.record("cut to \(length) bytes: \(String(describing: ArchiveTests.failure(Array(bytes[..<length]))))")
                continue
            }
        }
    }

    @Test func trailingBytesAreRejected() throws {
        #expect(failure(try smallArchive() + [0]) == .trailingBytes(count: 1))
    }

    func failure(_ bytes: [UInt8]) -> ArchiveError? { ArchiveTests.failure(bytes) }

    @Test func unknownVersionsAreRejected() throws {
        var bytes = try smallArchive()
        bytes[8] = 3
        #expect(failure(bytes) == .unsupportedVersion(found: 3, newest: 2))
        bytes[8] = 0
        #expect(failure(bytes) == .unsupportedVersion(found: 0, newest: 2))
    }

    @Test func aDamagedPrefixIsRejected() throws {
        var bytes = try smallArchive()
        bytes[13] ^= 0x40
        #expect(failure(bytes) == .prefixChecksumMismatch)
    }

    @Test func aFileThatShrinksWhileItIsReadIsAnError() throws {
        let folder = try TemporaryFolder()
        let bytes = try smallArchive()
        try writeFile(folder.file("a.rnnz"), bytes)
        let reader = try ArchiveReader(path: folder.file("a.rnnz"))
        #expect(truncate(folder.file("a.rnnz"), off_t(bytes.count - 1)) == 0)
        #expect(throws: ArchiveError.truncated(expected: bytes.count, found: bytes.count - 1)) { try reader.tensor("second") }
    }

    @Test func everyErrorIsOneSentence() throws {
        let path = try fixture("v1.rnnz")
        #expect(!path.isEmpty)
        for error in ArchiveError.examples {
            let text = error.description
            #expect(!text.isEmpty && !text.contains("\n") && !text.hasSuffix("."))
        }
    }
}

/// Archives whose checksums are right and whose header lies.
@Suite struct HostileHeaderTests {
    /// The error after a change to the small archive: `first` [16, 10] in chunks of 256, 256 and 128 bytes, `second` [5].
    func failure(_ change: (inout Pieces) -> Void) throws -> ArchiveError? {
        var pieces = try Pieces(try smallArchive())
        change(&pieces)
        return ArchiveTests.failure(try pieces.assembled())
    }

    @Test func theUnchangedArchiveIsFine() throws {
        #expect(try failure { _ in } == nil)
    }

    @Test func aHeaderBeyondTheLimitIsRejected() {
        let prefix = ArchivePrefix(headerStored: 100, headerSize: (64 << 20) + 1, headerCRC32: 0, dataLength: 0)
        #expect(ArchiveTests.failure(prefix.bytes) == .headerTooLarge(byteCount: (64 << 20) + 1, limit: 64 << 20))
        let stored = ArchivePrefix(headerStored: (64 << 20) + 1, headerSize: 1, headerCRC32: 0, dataLength: 0)
        #expect(ArchiveTests.failure(stored.bytes) == .headerTooLarge(byteCount: (64 << 20) + 1, limit: 64 << 20))
    }

    @Test func aDataLengthBeyondAllNumbersIsTruncation() {
        var bytes = ArchivePrefix(headerStored: 0, headerSize: 0, headerCRC32: 0, dataLength: Int.max).bytes
        #expect(ArchiveTests.failure(bytes) == .truncated(expected: Int.max, found: 36))
        for i in 24..<32 { bytes[i] = 0xff }
        bytes.removeLast(4)
        bytes.append(littleEndian: bytes.withUnsafeBytes { Zlib.crc32($0) })
        #expect(ArchiveTests.failure(bytes) == .truncated(expected: Int.max, found: 36))
    }

    @Test func aHeaderBombIsStopped() {
        let text = Array("{\"name\":\"x\"}".utf8) + [UInt8](repeating: 0x20, count: 1 << 20)
        let bytes = assemble(text: text, data: [], statedSize: 12)
        #expect(ArchiveTests.failure(bytes) == .headerNotInflatable(problem: .tooLong(expected: 12)))
        let short = assemble(text: text, data: [], statedSize: 2 << 20)
        #expect(
            ArchiveTests.failure(short)
                == .headerNotInflatable(problem: .tooShort(expected: 2 << 20, found: text.count)))
    }

    @Test func aHeaderOfTooManyValuesIsRejected() {
        let text = Array("{\"name\":[".utf8) + Array(repeatElement(Array("0,".utf8), count: 9 << 20).joined()) + Array("0]}".utf8)
        guard case .headerNotJSON(let error)? = ArchiveTests.failure(assemble(text: text, data: [])) else {
            Issue.record("a header of nine million values was accepted")
            return
        }
        #expect(error.problem == "more than 8388608 values")
    }

    @Test func aDamagedHeaderIsRejected() throws {
        var bytes = try smallArchive()
        bytes[40] ^= 1
        #expect(ArchiveTests.failure(bytes) == .headerChecksumMismatch)
    }

    @Test func aHeaderThatIsNotZlibIsRejected() {
        let stored = [UInt8](repeating: 0x55, count: 20)
        let sum = stored.withUnsafeBytes { Zlib.crc32($0) }
        let prefix = ArchivePrefix(headerStored: 20, headerSize: 30, headerCRC32: sum, dataLength: 0)
        #expect(ArchiveTests.failure(prefix.bytes + stored) == .headerNotInflatable(problem: .damaged))
    }

    @Test func bytesAfterTheHeadersEndAreRejected() {
        let text = Array("{\"name\":\"x\"}".utf8)
        let stored = deflated(text) + [0, 0]
        let sum = stored.withUnsafeBytes { Zlib.crc32($0) }
        let prefix = ArchivePrefix(headerStored: stored.count, headerSize: text.count, headerCRC32: sum, dataLength: 0)
        #expect(ArchiveTests.failure(prefix.bytes + stored) == .headerNotInflatable(problem: .leftOver(byteCount: 2)))
    }

    @Test func aHeaderThatIsNotJSONIsRejected() {
        let bytes = assemble(text: Array("{\"name\":}".utf8), data: [])
        #expect(ArchiveTests.failure(bytes) == .headerNotJSON(JSONError(offset: 8, problem: "a value was expected")))
    }

    @Test(arguments: [
        ("name", JSONValue.number(1), "name", "a text"),
        ("name", .null, "name", "a text"),
        ("window", .number(0), "window", "a whole number, at least 1"),
        ("window", .number(1.5), "window", "a whole number, at least 1"),
        ("unused_ids", .number(-1), "unused_ids", "a whole number, at least 0"),
        ("hyperparameters", .object(["eps": .string("x")]), "hyperparameters.eps", "a number"),
        ("tokenizers", .array([]), "tokenizers", "an object"),
        ("special", .object(["start": .number(1e300)]), "special.start", "a whole number, at least 0"),
        ("tensors", .array([.string("x")]), "tensors[0].name", "a text"),
        (
            "self_tests", .array([.object(["origin": .string("o"), "ids": .array([])])]), "self_tests[0].ids",
            "an array of at least one id"
        ),
    ])
    func aFieldOfTheWrongKindIsNamed(key: String, value: JSONValue, path: String, expected: String) throws {
        #expect(try failure { $0.header[key] = value } == .headerField(path: path, expected: expected))
    }

    @Test func aChecksumOfTheWrongKindIsNamed() throws {
        #expect(
            try failure { $0.set(1, "sha256", .string("abc")) }
                == .headerField(path: "tensors[1].sha256", expected: "a SHA-256 in 64 lower-case hexadecimal digits"))
        #expect(
            try failure { $0.set(0, chunk: 1, "crc32", .number(4_294_967_296)) }
                == .headerField(path: "tensors[0].chunks[1].crc32", expected: "a whole number of 0 to 4294967295"))
    }

    @Test func duplicateTensorsAreRejected() throws {
        #expect(try failure { $0.set(1, "name", .string("first")) } == .duplicateTensor(name: "first"))
    }

    @Test(arguments: ["", "ä", "a\nb", String(repeating: "x", count: 257)])
    func unprintableNamesAreRejected(name: String) throws {
        guard case .headerField("tensors.name", _)? = try failure({ $0.set(1, "name", .string(name)) }) else {
            Issue.record("the name was accepted")
            return
        }
    }

    @Test func unknownElementTypesAreRejected() throws {
        #expect(try failure { $0.set(1, "dtype", .string("f8")) } == .unknownElementType(tensor: "second", name: "f8"))
    }

    @Test func theWrongElementTypeIsRejected() throws {
        #expect(
            try failure { $0.set(1, "dtype", .string("f32")) }
                == .chunkNotWholeElements(tensor: "second", chunk: 0, byteCount: 10))
        #expect(
            try failure { $0.set(0, "dtype", .string("f16")) } == .tensorSizeMismatch(tensor: "first", expected: 320, found: 640))
    }

    @Test func unknownEncodingsAreRejected() throws {
        #expect(
            try failure { $0.set(0, chunk: 2, "encoding", .string("zstd")) }
                == .unknownChunkEncoding(tensor: "first", chunk: 2, name: "zstd"))
    }

    @Test func overflowingShapesAreRejected() throws {
        let huge = JSONValue([1 << 40, 1 << 40])
        #expect(try failure { $0.set(0, "shape", huge) } == .shapeOverflow(tensor: "first"))
        #expect(try failure { $0.set(0, "shape", JSONValue([1 << 31, 1 << 31])) } == .shapeOverflow(tensor: "first"))
        #expect(
            try failure { $0.set(0, "shape", JSONValue([0, 1 << 53, 1 << 53])) }
                == .tensorSizeMismatch(tensor: "first", expected: 0, found: 640))
        #expect(
            try failure { $0.set(0, "shape", JSONValue([Int](repeating: 1, count: 9))) }
                == .tooManyDimensions(tensor: "first", count: 9, limit: 8))
    }

    @Test func negativeSizesAreRejected() throws {
        #expect(
            try failure { $0.set(0, "shape", JSONValue([-16, -10])) }
                == .headerField(path: "tensors[0].shape[0]", expected: "a whole number, at least 0"))
        #expect(
            try failure { $0.set(0, chunk: 0, "offset", .number(-1)) }
                == .headerField(path: "tensors[0].chunks[0].offset", expected: "a whole number, at least 0"))
    }

    @Test func aShapeThatDoesNotFitItsChunksIsRejected() throws {
        #expect(
            try failure { $0.set(0, "shape", JSONValue([16, 11])) }
                == .tensorSizeMismatch(tensor: "first", expected: 704, found: 640))
        #expect(try failure { $0.set(0, "chunks", nil) } == .tensorSizeMismatch(tensor: "first", expected: 640, found: 0))
    }

    @Test func originsThatDoNotFitAreRejected() throws {
        func origin(_ shape: [Int], _ steps: [[JSONValue]]) -> JSONValue {
            .array([.object(["name": .string("s"), "shape": JSONValue(shape), "steps": .array(steps.map { .array($0) })])])
        }
        let transpose: [JSONValue] = [.string("transpose")]
        #expect(try failure { $0.set(0, "sources", origin([10, 16], [transpose])) } == nil)
        for wrong in [
            origin([16, 10], [transpose]), origin([160], [transpose]), origin([16, 10], [[.string("squeeze"), .number(0)]]),
            origin([16, 10], [[.string("rows"), .number(4), .number(3)]]),
            origin([16, 10], [[.string("rows"), .number(0), .number(17)]]),
            origin([16, 10], [[.string("reshape"), .number(161)]]),
        ] {
            guard case .sourceDoesNotFit("first", _)? = try failure({ $0.set(0, "sources", wrong) }) else {
                Issue.record("\(wrong) was accepted")
                continue
            }
        }
        #expect(try failure { $0.set(0, "sources", origin([1 << 40, 1 << 40], [])) } == .shapeOverflow(tensor: "s"))
        guard
            case .headerField("tensors[0].sources[0].steps[0]", _)? = try failure({
                $0.set(0, "sources", origin([16, 10], [[.string("invert")]]))
            })
        else {
            Issue.record("an unknown step was accepted")
            return
        }
    }
}

extension ArchiveError {
    /// One of every kind.
    static let examples: [ArchiveError] = [
        .fileNotFound, .isDirectory, .notRegularFile, .interrupted, .unreadable(reason: "r"), .emptyFile, .gitLFSPointer,
        .notAnArchive(looksLike: nil),
        .notAnArchive(looksLike: "k"), .changedInTransfer, .unsupportedVersion(found: 2, newest: 1),
        .truncated(expected: 2, found: 1), .trailingBytes(count: 1), .prefixChecksumMismatch,
        .headerTooLarge(byteCount: 2, limit: 1), .headerChecksumMismatch, .headerNotInflatable(problem: .damaged),
        .headerNotJSON(JSONError(offset: 1, problem: "p")), .headerField(path: "p", expected: "e"), .duplicateTensor(name: "n"),
        .tooManyTensors(count: 2, limit: 1), .unknownElementType(tensor: "t", name: "n"),
        .elementTypeOfLaterVersion(tensor: "t", name: "q8", version: 1),
        .blockAxisOutOfRange(tensor: "t", axis: 2, dimensions: 2),
        .chunkNotWholeBlocks(tensor: "t", chunk: 0, byteCount: 3, blockByteCount: 34),
        .unknownChunkEncoding(tensor: "t", chunk: 0, name: "n"), .tooManyDimensions(tensor: "t", count: 9, limit: 8),
        .shapeOverflow(tensor: "t"), .sourceDoesNotFit(tensor: "t", problem: "p"), .emptyChunk(tensor: "t", chunk: 0),
        .chunkTooLarge(tensor: "t", chunk: 0, byteCount: 2, limit: 1),
        .chunkExpandsTooMuch(tensor: "t", chunk: 0, stored: 1, byteCount: 65),
        .chunkNotWholeElements(tensor: "t", chunk: 0, byteCount: 3),
        .rawChunkSizeMismatch(tensor: "t", chunk: 0, stored: 1, byteCount: 2),
        .tensorSizeMismatch(tensor: "t", expected: 1, found: 2), .chunkOutsideFile(tensor: "t", chunk: 0),
        .overlappingChunks(tensor: "t", chunk: 0, otherTensor: "u", otherChunk: 1), .gap(offset: 0, byteCount: 1),
        .chunkChecksumMismatch(tensor: "t", chunk: 0),
        .chunkNotInflatable(tensor: "t", chunk: 0, problem: .tooLong(expected: 1)), .digestMismatch(tensor: "t"),
        .noSuchTensor(name: "n"), .missingTensors(names: ["a", "b"]), .nonFiniteNumber, .destinationIsNoFile(path: "p"),
        .folderNotWritable(path: "p", reason: "r"), .diskFull(path: "p", reason: "r"), .writeFailed(path: "p", reason: "r"),
        .sourceIncomplete(source: "s", missing: 1, of: 2), .sourceContradiction(source: "s", tensor: "t", problem: "p"),
    ]
}
