import Foundation
import Kernels
import Testing

@testable import Archive

@Suite struct RearrangementTests {
    struct Case: Decodable {
        struct Array: Decodable {
            var shape: [Int]
            var values: [Float]
            var tensor: Tensor { Tensor(shape: shape, values: values) }
        }
        var title: String
        var source: [String: Array]
        var archive: [String: Array]
    }

    /// What NumPy makes of the steps, from Fixtures/make_rearrangement.py, with the entries as the header's JSON has them.
    static func cases() throws -> [(case: Case, entries: [TensorEntry])] {
        let bytes = try readFile(try fixture("rearrangement.json"))
        let cases = try JSONDecoder().decode([Case].self, from: Data(bytes))
        let json = try JSONValue(parsing: bytes).array ?? []
        return try zip(cases, json).map { one, json in
            let entries = try (json["entries"]?.object ?? [:]).map { name, sources in
                var sourceList: [TensorEntry.Source] = []
                for source in sources.array ?? [] {
                    sourceList.append(try TensorEntry.Source(HeaderField(value: source, path: "source")))
                }
                return TensorEntry(name: name, sources: sourceList)
            }
            return (one, entries)
        }
    }

    @Test func stepsDoWhatNumPyDoes() throws {
        let cases = try Self.cases()
        #expect(cases.count == 8)
        for (one, entries) in cases {
            let source = one.source.mapValues(\.tensor)
            for entry in entries {
                let made = try Rearrangement.apply(entry.sources, making: entry.name, from: source)
                let expected = try #require(one.archive[entry.name])
                #expect(made.shape == expected.shape, "\(one.title)")
                #expect(made.floats() == expected.values, "\(one.title)")
            }
        }
    }

    @Test func stepsAreUndone() throws {
        for (one, entries) in try Self.cases() {
            let restored = try Rearrangement.undo(entries, tensors: one.archive.mapValues(\.tensor))
            #expect(Set(restored.keys) == Set(one.source.keys), "\(one.title)")
            for (name, expected) in one.source {
                #expect(restored[name]?.shape == expected.shape, "\(one.title)")
                #expect(restored[name]?.floats() == expected.values, "\(one.title)")
            }
        }
    }

    @Test func halvesAreMovedWhole() throws {
        let kernel = randomTensor(.f16, [3, 4], seed: 1)
        let source = TensorEntry.Source(name: "k", shape: [3, 4], steps: [.transpose, .rows(from: 0, to: 4)])
        let made = try Rearrangement.apply([source], making: "W", from: ["k": kernel])
        #expect(made.elementType == .f16 && made.shape == [4, 3])
        let back = try Rearrangement.undo([TensorEntry(name: "W", source: source)], tensors: ["W": made])
        #expect(back["k"]?.bytes == kernel.bytes)
    }

    @Test func aTensorWithoutSourcesIsItself() throws {
        let tensor = Tensor(shape: [2], values: [1, 2])
        let restored = try Rearrangement.undo([TensorEntry(name: "a")], tensors: ["a": tensor, "unlisted": tensor])
        #expect(Array(restored.keys) == ["a"])
        #expect(restored["a"]?.floats() == [1, 2])
    }

    @Test func aSourceThatIsNotWholeIsNamed() {
        let part = TensorEntry(name: "a", source: .init(name: "s", shape: [3, 2], steps: [.rows(from: 0, to: 2)]))
        #expect(throws: ArchiveError.sourceIncomplete(source: "s", missing: 2, of: 6)) {
            try Rearrangement.undo([part], tensors: ["a": Tensor(shape: [2, 2], values: [1, 2, 3, 4])])
        }
        // Enough elements in all, but some twice.
        let again = TensorEntry(name: "b", source: .init(name: "s", shape: [3, 2], steps: [.rows(from: 1, to: 2)]))
        #expect(throws: ArchiveError.sourceIncomplete(source: "s", missing: 2, of: 6)) {
            try Rearrangement.undo(
                [part, again],
                tensors: ["a": Tensor(shape: [2, 2], values: [1, 2, 3, 4]), "b": Tensor(shape: [1, 2], values: [3, 4])])
        }
    }

    @Test func aHugeSourceIsRefusedBeforeMemoryIsAskedFor() {
        let part = TensorEntry(name: "a", source: .init(name: "s", shape: [1 << 60], steps: [.rows(from: 0, to: 1)]))
        #expect(throws: ArchiveError.sourceIncomplete(source: "s", missing: 1 << 60 - 1, of: 1 << 60)) {
            try Rearrangement.undo([part], tensors: ["a": Tensor(shape: [1], values: [1])])
        }
    }

    /// Tied weights: one tensor of the source under two names. They may be restored only while they are still equal.
    @Test func tiedWeightsMustAgree() throws {
        let source = TensorEntry.Source(name: "s", shape: [2])
        let entries = [TensorEntry(name: "a", source: source), TensorEntry(name: "b", source: source)]
        let one = Tensor(shape: [2], values: [1, 2])
        #expect(try Rearrangement.undo(entries, tensors: ["a": one, "b": one])["s"]?.floats() == [1, 2])
        #expect(throws: ArchiveError.sourceContradiction(source: "s", tensor: "b", problem: "values")) {
            try Rearrangement.undo(entries, tensors: ["a": one, "b": Tensor(shape: [2], values: [1, 3])])
        }
        let other = TensorEntry(name: "b", source: .init(name: "s", shape: [2, 1], steps: [.reshape([2])]))
        #expect(throws: ArchiveError.sourceContradiction(source: "s", tensor: "b", problem: "shape")) {
            try Rearrangement.undo([entries[0], other], tensors: ["a": one, "b": one])
        }
    }

    @Test func partsThatDoNotFitAreRefused() {
        let sources = [TensorEntry.Source(name: "s", shape: [2, 2]), TensorEntry.Source(name: "t", shape: [2, 3])]
        let tensors = [
            "s": Tensor(shape: [2, 2], values: [1, 2, 3, 4]), "t": Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
        ]
        #expect(throws: ArchiveError.sourceDoesNotFit(tensor: "W", problem: "shapes [2, 2] and [2, 3] cannot be joined")) {
            try Rearrangement.apply(sources, making: "W", from: tensors)
        }
        #expect(throws: ArchiveError.noSuchTensor(name: "t")) {
            try Rearrangement.apply(sources, making: "W", from: ["s": Tensor(shape: [2, 2], values: [1, 2, 3, 4])])
        }
    }
}
