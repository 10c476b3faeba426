import Foundation
import Testing
import Zoo

@testable import Generation

@Suite struct SnapshotTests {
    static func session(seed: UInt64 = 3) throws -> Session {
        let session = try Session(TestModel.elman().model(), seed: seed)
        try session.feed("abc é")
        return session
    }

    static var options: GenerationOptions {
        var options = GenerationOptions()
        options.limit = 50
        (options.sampling.repeatPenalty, options.sampling.frequencyPenalty) = (1.2, 0.1)
        return options
    }

    @Test func restoredItGoesOnWithTheSameBits() throws {
        let session = try Self.session()
        _ = try session.generate(Self.options)
        try session.feed("ab")
        let snapshot = session.snapshot
        let expected = try session.generate(Self.options)
        let after = session.snapshot

        try session.restore(snapshot)
        #expect(session.snapshot == snapshot)
        #expect(try session.generate(Self.options).ids == expected.ids)
        #expect(session.snapshot == after)

        let other = try Session(TestModel.elman().model(), seed: 77)
        try other.restore(Snapshot(fileBytes: snapshot.fileBytes))
        let found = try other.generate(Self.options)
        #expect(found.ids == expected.ids && found.text == expected.text && found.promptIDs == expected.promptIDs)
        #expect(other.snapshot == after && other.seed == 3)
    }

    @Test func aSnapshotMayBeTakenWhileTextComes() throws {
        let session = try Session(TestModel.reciting("ab😀"), seed: 0)
        try session.feed("a")
        var options = SessionTests.greedy(12, stops: ["b😀ab😀x"])
        var snapshots: [(Snapshot, String)] = []
        var text = ""
        let whole = try session.generate(options) {
            text += $0
            snapshots.append((session.snapshot, text))
        }
        #expect(snapshots.count > 1)
        for (snapshot, before) in snapshots {
            let generated = snapshot.history.count - 1
            let other = try Session(TestModel.reciting("ab😀"), seed: 0)
            try other.restore(snapshot)
            options.limit = max(0, 12 - generated)
            // What was handed out before and what comes now are the whole, held-back text included.
            #expect(before + (try other.generate(options).text) == whole.text)
        }
    }

    @Test func codedItIsTheSame() throws {
        let session = try Self.session()
        _ = try session.generate(Self.options)
        let snapshot = session.snapshot
        #expect(try JSONDecoder().decode(Snapshot.self, from: JSONEncoder().encode(snapshot)) == snapshot)
        #expect(try JSONDecoder().decode([Snapshot].self, from: JSONEncoder().encode([snapshot])) == [snapshot])
        #expect(throws: (any Error).self) { try JSONDecoder().decode([Snapshot].self, from: Data(#"["????"]"#.utf8)) }
        #expect(snapshot.fileBytes.count < 1024)
    }

    @Test func anEmptySessionIsASnapshotToo() throws {
        let session = try Session(TestModel.elman().model(), seed: 1)
        let empty = try Snapshot(fileBytes: session.snapshot.fileBytes)
        try session.feed("abc")
        try session.restore(empty)
        #expect(!session.hasBegun)
        #expect(throws: GenerationError.noStart(model: "elman")) { try session.generate() }
    }

    @Test func longHistoriesAreKept() throws {
        let session = try Self.session()
        for _ in 0..<40 { try session.feed(ids: [Int](repeating: 2, count: 1000)) }
        let snapshot = session.snapshot
        #expect(!snapshot.history.earlier.isEmpty)
        #expect(try Snapshot(fileBytes: snapshot.fileBytes) == snapshot)
    }

    @Test func aSnapshotOfAnotherModelIsRefused() throws {
        let snapshot = try Self.session().snapshot
        let other = try Session(TestModel.reciting("abc"), seed: 0)
        try other.feed("a")
        let before = other.snapshot
        #expect(throws: SnapshotError.anotherModel(saved: "elman", loaded: "test")) { try other.restore(snapshot) }
        #expect(other.snapshot == before)
        // The same shapes and another program.
        let changed = try Session(TestModel.elman().model { $0.program? += "\n# changed\n" }, seed: 0)
        #expect(throws: SnapshotError.anotherModel(saved: "elman", loaded: "elman")) { try changed.restore(snapshot) }
        // Another name and another licence change nothing.
        let renamed = try Session(TestModel.elman().model { $0.name = "x" }, seed: 0)
        try renamed.restore(snapshot)
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = try Self.session().snapshot.fileBytes
        for count in 0..<bytes.count {
            #expect(throws: SnapshotError.self) { try Snapshot(fileBytes: Array(bytes.prefix(count))) }
        }
        #expect(throws: SnapshotError.self) { try Snapshot(fileBytes: bytes + [0]) }
    }

    @Test func everyFlippedByteIsRefused() throws {
        let bytes = try Self.session().snapshot.fileBytes
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x41
            #expect(throws: SnapshotError.self) { try Snapshot(fileBytes: damaged) }
        }
    }

    /// With the checksum made right again, so that what is inside is read.
    @Test func hostileContentNeverCrashes() throws {
        let bytes = try Self.session().snapshot.fileBytes
        var generator = RandomGenerator(seed: 11)
        let session = try Self.session()
        for index in Snapshot.headSize..<bytes.count {
            for value: UInt8 in [0, 0x7F, 0xFF, UInt8.random(in: 0...255, using: &generator)] {
                var damaged = bytes
                damaged[index] = value
                var checksum = Checksum()
                checksum.add(damaged[Snapshot.headSize...])
                damaged.replaceSubrange(20..<28, with: (0..<8).map { UInt8(truncatingIfNeeded: checksum.value >> (8 * $0)) })
                guard let snapshot = try? Snapshot(fileBytes: damaged), (try? session.restore(snapshot)) != nil else { continue }
                _ = try? session.generate(SessionTests.greedy(2))
            }
        }
    }

    @Test func otherVersionsAndOtherFilesAreNamed() throws {
        var bytes = try Self.session().snapshot.fileBytes
        bytes[8] = 9
        #expect(throws: SnapshotError.unsupportedVersion(found: 9, supported: 1)) { try Snapshot(fileBytes: bytes) }
        #expect(throws: SnapshotError.notASnapshot) { try Snapshot(fileBytes: Array("PK\u{3}\u{4}".utf8)) }
        #expect(throws: SnapshotError.notASnapshot) { try Snapshot(fileBytes: []) }
    }

    @Test func filesAreWrittenWhole() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("été 1.session").path
        let first = try Self.session().snapshot
        let second = try Self.session(seed: 4).snapshot
        try first.write(to: path)
        #expect(try Snapshot(contentsOf: path) == first)
        try second.write(to: path)
        #expect(try Snapshot(contentsOf: path) == second)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)  // nothing temporary is left

        for bad in [folder.path, folder.path + "/none/x", ""] {
            #expect(throws: SnapshotError.self) { try first.write(to: bad) }
            #expect(throws: SnapshotError.self) { try Snapshot(contentsOf: bad) }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
        let siblings = try FileManager.default.contentsOfDirectory(atPath: folder.deletingLastPathComponent().path)
        #expect(siblings.filter { $0.hasPrefix(folder.lastPathComponent) }.count == 1)
    }

    @Test func everyErrorIsOneSentence() {
        let errors: [any Error] = [
            SnapshotError.notASnapshot, SnapshotError.unsupportedVersion(found: 2, supported: 1), SnapshotError.damaged("x"),
            SnapshotError.anotherModel(saved: "a", loaded: "b"), SnapshotError.anotherModel(saved: "a", loaded: "a"),
            SnapshotError.doesNotFit("x"), SnapshotError.cannotRead(path: "x", reason: "y"),
            SnapshotError.cannotWrite(path: "x", reason: "y"), GenerationError.noNetwork(model: "x"),
            GenerationError.noTokenizer(model: "x"), GenerationError.noStart(model: "x"),
            GenerationError.tokenOutOfRange(id: 1, limit: 1), GenerationError.nothingToDraw(afterTokens: 1),
            GenerationError.emptyStop, GenerationError.limitOutOfRange(-2), GenerationError.badDefault(name: "x", problem: "y"),
        ]
        for error in errors {
            #expect(!"\(error)".contains("\n") && "\(error)".count > 15 && !"\(error)".contains("("))
        }
    }
}
