import Foundation
import Kernels
import Testing

@testable import Archive

/// Damage of every kind, the same in every run: never a trap, always an error or the same content.
@Suite struct FuzzTests {
    struct Content: Equatable {
        var header: ArchiveHeader
        var tensors: [String: [UInt8]]
    }

    /// nil for an error.
    func content(_ bytes: [UInt8]) -> Content? {
        guard let reader = try? ArchiveReader(bytes: bytes), let tensors = try? reader.tensors(team: ThreadTeam(count: 1)) else {
            return nil
        }
        return Content(header: reader.header, tensors: tensors.mapValues(\.bytes))
    }

    @Test func aBitFlippedAnywhereIsAnErrorOrChangesNothing() throws {
        let bytes = try smallArchive()
        let whole = try #require(content(bytes))
        var flipped = bytes
        var survivors = 0
        for place in bytes.indices {
            for bit in 0..<8 {
                flipped[place] ^= 1 << bit
                if let content = content(flipped) {
                    survivors += 1
                    #expect(content == whole, "bit \(bit) of byte \(place)")
                }
                flipped[place] = bytes[place]
            }
        }
        // Every byte stands under a checksum.
        #expect(survivors == 0)
    }

    @Test func aByteAddedOrRemovedAnywhereIsAnError() throws {
        let bytes = try smallArchive()
        for place in bytes.indices {
            var longer = bytes
            longer.insert(0x2c, at: place)
            #expect(content(longer) == nil)
            var shorter = bytes
            shorter.remove(at: place)
            #expect(content(shorter) == nil)
        }
    }

    /// The header's text is changed and every checksum made right again, so that the damage reaches the parser and the checks
    /// behind it. What is accepted must be readable to the end without a trap.
    @Test func aHeaderChangedAnywhereNeverTraps() throws {
        let pieces = try Pieces(try smallArchive())
        let text = try JSONValue.object(pieces.header).serialized()
        let replacements: [[UInt8]] = ["0", "9", "-", "e99", ",", "\"", "[", "]", "{", "}", "null", "\\u0000", "\u{7f}"].map {
            Array($0.utf8)
        }
        var accepted = 0
        for place in text.indices {
            for replacement in replacements + [[], [0xff], [text[place] ^ 1]] {
                var changed = text
                changed.replaceSubrange(place...place, with: replacement)
                if content(assemble(text: changed, data: pieces.data)) != nil { accepted += 1 }
            }
        }
        // Changes inside free texts (the name, the program) are no errors.
        #expect(accepted > 0)
    }

    @Test func randomDamageToTheHeaderNeverTraps() throws {
        let pieces = try Pieces(try readFile(try fixture("v1.rnnz")))
        let text = try JSONValue.object(pieces.header).serialized()
        var random = TestRandom(11)
        for _ in 0..<4000 {
            var changed = text
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<changed.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: changed[place] = UInt8.random(in: 0...255, using: &random)
                case 1: changed.remove(at: place)
                case 2: changed.insert(UInt8.random(in: 0x20...0x7e, using: &random), at: place)
                default:  // a piece of the text at another place
                    let from = Int.random(in: 0..<changed.count, using: &random)
                    let piece = changed[from..<min(changed.count, from + Int.random(in: 1...30, using: &random))]
                    changed.replaceSubrange(place..<min(changed.count, place + piece.count), with: Array(piece))
                }
            }
            let bytes = assemble(text: changed, data: pieces.data)
            guard let reader = try? ArchiveReader(bytes: bytes), let tensors = try? reader.tensors(team: ThreadTeam(count: 1))
            else {
                continue
            }
            // What a header claims of its sources is used when leaving again.
            _ = try? Rearrangement.undo(reader.header.tensors, tensors: tensors)
        }
    }

    /// Chunks are changed and their CRC-32 made right again, so that the damage reaches zlib.
    @Test func damagedChunksNeverTrap() throws {
        let pieces = try Pieces(try smallArchive())
        let (start, count) = (pieces.offset(0, 0), pieces.stored(0, 0))
        for place in start..<(start + count) {
            for bit in 0..<8 {
                var changed = pieces
                changed.data[place] ^= 1 << bit
                let sum = changed.data[start..<(start + count)].withUnsafeBytes { Zlib.crc32($0) }
                changed.set(0, chunk: 0, "crc32", JSONValue(Int(sum)))
                _ = content(try changed.assembled())
            }
        }
    }
}
