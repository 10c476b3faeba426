import Foundation
import Kernels
import Testing

@testable import Archive

/// Archives whose chunks lie.
@Suite struct HostileChunkTests {
    func failure(_ change: (inout Pieces) throws -> Void) throws -> ArchiveError? {
        var pieces = try Pieces(try smallArchive())
        try change(&pieces)
        return ArchiveTests.failure(try pieces.assembled())
    }

    @Test func overlappingChunksAreRejected() throws {
        #expect(
            try failure { $0.set(0, chunk: 1, "offset", JSONValue($0.offset(0, 1) - 1)) }
                == .overlappingChunks(tensor: "first", chunk: 1, otherTensor: "first", otherChunk: 0))
        #expect(
            try failure { $0.set(1, chunk: 0, "offset", .number(0)) }
                == .overlappingChunks(tensor: "first", chunk: 0, otherTensor: "second", otherChunk: 0))
    }

    @Test func gapsAreRejected() throws {
        let pieces = try Pieces(try smallArchive())
        let (first, last) = (pieces.stored(0, 0), pieces.data.count)
        #expect(
            try failure { pieces in
                pieces.data.insert(0, at: first)
                for chunk in 1...2 { pieces.set(0, chunk: chunk, "offset", JSONValue(pieces.offset(0, chunk) + 1)) }
                pieces.set(1, chunk: 0, "offset", JSONValue(pieces.offset(1, 0) + 1))
            } == .gap(offset: first, byteCount: 1))
        #expect(try failure { $0.data += [0, 0] } == .gap(offset: last, byteCount: 2))
    }

    @Test func chunksBeyondTheFileAreRejected() throws {
        #expect(
            try failure { $0.set(1, chunk: 0, "offset", JSONValue(1 << 53)) } == .chunkOutsideFile(tensor: "second", chunk: 0))
        #expect(
            try failure { $0.set(0, chunk: 0, "stored", JSONValue(1 << 53)) } == .chunkOutsideFile(tensor: "first", chunk: 0))
    }

    @Test func emptyChunksAreRejected() throws {
        #expect(try failure { $0.set(0, chunk: 0, "size", .number(0)) } == .emptyChunk(tensor: "first", chunk: 0))
        #expect(try failure { $0.set(0, chunk: 0, "stored", .number(0)) } == .emptyChunk(tensor: "first", chunk: 0))
    }

    @Test func largeChunksAreRejected() throws {
        #expect(
            try failure { $0.set(0, chunk: 0, "size", JSONValue(16 << 20 + 4)) }
                == .chunkTooLarge(tensor: "first", chunk: 0, byteCount: 16 << 20 + 4, limit: 16 << 20))
    }

    @Test func chunksThatExpandTooMuchAreRejected() throws {
        let stored = try Pieces(try smallArchive()).stored(0, 0)
        #expect(
            try failure { $0.set(0, chunk: 0, "size", JSONValue(64 * stored + 4)) }
                == .chunkExpandsTooMuch(tensor: "first", chunk: 0, stored: stored, byteCount: 64 * stored + 4))
    }

    @Test func rawChunksHaveOneSize() throws {
        #expect(
            try failure { $0.set(1, chunk: 0, "size", .number(12)) }
                == .rawChunkSizeMismatch(tensor: "second", chunk: 0, stored: 10, byteCount: 12))
    }

    @Test func wrongChecksumsAreRejected() throws {
        #expect(
            try failure { $0.set(0, chunk: 1, "crc32", .number(1)) } == .chunkChecksumMismatch(tensor: "first", chunk: 1))
        #expect(try failure { $0.data[$0.data.count - 1] ^= 1 } == .chunkChecksumMismatch(tensor: "second", chunk: 0))
    }

    /// Replaces the bytes of `first`'s last chunk, with a checksum that is right. It should inflate to 128 bytes.
    func failure(lastChunk bytes: [UInt8]) throws -> ArchiveError? {
        try failure { pieces in
            let (start, old) = (pieces.offset(0, 2), pieces.stored(0, 2))
            pieces.data.replaceSubrange(start..<(start + old), with: bytes)
            pieces.set(0, chunk: 2, "stored", JSONValue(bytes.count))
            pieces.set(0, chunk: 2, "crc32", JSONValue(Int(bytes.withUnsafeBytes { Zlib.crc32($0) })))
            pieces.set(1, chunk: 0, "offset", JSONValue(start + bytes.count))
        }
    }

    @Test func aChunkBombIsStopped() throws {
        #expect(try failure(lastChunk: deflated([UInt8](repeating: 0, count: 128))) == nil)
        for count in [129, 1 << 20] {
            #expect(
                try failure(lastChunk: deflated([UInt8](repeating: 0, count: count)))
                    == .chunkNotInflatable(tensor: "first", chunk: 2, problem: .tooLong(expected: 128)))
        }
    }

    @Test func aChunkThatIsTooShortIsRejected() throws {
        #expect(
            try failure(lastChunk: deflated([UInt8](repeating: 0, count: 127)))
                == .chunkNotInflatable(tensor: "first", chunk: 2, problem: .tooShort(expected: 128, found: 127)))
    }

    @Test func aChunkThatIsNotZlibIsRejected() throws {
        #expect(
            try failure(lastChunk: [UInt8](repeating: 0x55, count: 20))
                == .chunkNotInflatable(tensor: "first", chunk: 2, problem: .damaged))
        // Without its last byte, a part of zlib's own checksum.
        #expect(
            try failure(lastChunk: Array(deflated([UInt8](repeating: 0, count: 128)).dropLast()))
                == .chunkNotInflatable(tensor: "first", chunk: 2, problem: .damaged))
    }

    @Test func bytesAfterAChunksEndAreRejected() throws {
        #expect(
            try failure(lastChunk: deflated([UInt8](repeating: 0, count: 128)) + [0])
                == .chunkNotInflatable(tensor: "first", chunk: 2, problem: .leftOver(byteCount: 1)))
    }

    /// A digest is checked by `verify` only: it takes longer than all the rest of reading.
    @Test func wrongDigestsAreFoundWhenAskedFor() throws {
        var pieces = try Pieces(try smallArchive())
        pieces.set(0, "sha256", .string(String(repeating: "0", count: 64)))
        let reader = try ArchiveReader(bytes: try pieces.assembled())
        let tensor = try reader.tensor("first")
        #expect(throws: ArchiveError.digestMismatch(tensor: "first")) { try reader.checkDigest(of: tensor, name: "first") }
    }

    @Test func ofSeveralErrorsTheFirstIsReported() throws {
        var pieces = try Pieces(try smallArchive())
        for chunk in 0...2 { pieces.set(0, chunk: chunk, "crc32", .number(1)) }
        let reader = try ArchiveReader(bytes: try pieces.assembled())
        let team = ThreadTeam(count: 3)
        for _ in 0..<50 {
            #expect(throws: ArchiveError.chunkChecksumMismatch(tensor: "first", chunk: 0)) {
                try reader.tensor("first", team: team)
            }
        }
    }
}
