import Archive
import Foundation
import Kernels
import Testing

@testable import Zoo

@Suite struct VerificationTests {
    func verification(
        _ change: (inout ArchiveHeader) -> Void = { _ in }, damage: (inout [UInt8]) -> Void = { _ in }
    ) throws -> Verification {
        let folder = try TemporaryFolder()
        var header = CountingModel.header()
        change(&header)
        let tensors = ["table": CountingModel.table].merging(header.tensors.map { ($0.name, CountingModel.table) }) { $1 }
        try ArchiveWriter().write(header, tensors: tensors, to: folder.file("m.rnnz"))
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("m.rnnz"))))
        damage(&bytes)
        try folder.write(bytes, to: "m.rnnz")
        return try verify(path: folder.file("m.rnnz"))
    }

    @Test func aSoundArchivePasses() throws {
        let verification = try verification()
        #expect(verification.passed && verification.kind == nil)
        #expect(verification.checks.map(\.name) == ["structure", "digests", "tokenizer", "program", "self-test 1 of 1"])
        #expect(
            verification.checks[4].detail
                == "3 logits with a largest absolute error of 0 (0 allowed), 4 greedy ids equal, expected by a reader of the table"
        )
    }

    @Test func aWrongLogitIsFound() throws {
        let verification = try verification { $0.selfTests[0].logits = [0, 0.0625, 1] }
        #expect(!verification.passed && verification.kind == .badData)
        #expect(verification.checks[4].ok == false)
        #expect(verification.checks[4].detail.contains("error of 6.3e-02 (0 allowed)"))
    }

    @Test func aToleranceIsALimit() throws {
        #expect(
            try verification {
                $0.selfTests[0].logits = [0, 0.0625, 1]
                $0.selfTests[0].tolerance = 0.0625
            }.passed)
        #expect(
            try !verification {
                $0.selfTests[0].logits = [0, 0.0625, 1]
                $0.selfTests[0].tolerance = 0.0624
            }.passed)
    }

    @Test func theWrongNumberOfLogitsIsFound() throws {
        let verification = try verification {
            $0.selfTests[0].logits = [0, 0]
            $0.selfTests[0].tolerance = 100
        }
        #expect(!verification.passed)
        #expect(verification.checks[4].detail.contains("infinity"))
    }

    @Test func aWrongGreedyIDIsFound() throws {
        let verification = try verification { $0.selfTests[0].greedy = [2, 0, 2, 2] }
        #expect(!verification.passed)
        #expect(verification.checks[4].detail.contains("greedy id 3 of 4 is another"))
    }

    @Test func aSelfTestThatCannotBeRunIsNoProof() throws {
        let verification = try verification { $0.selfTests[0].ids = [7] }
        #expect(!verification.passed)
        #expect(verification.checks[4].detail.hasPrefix("cannot be run: "))
    }

    @Test func everyDamagedTensorIsNamed() throws {
        let verification = try verification {
            $0.tensors = [TensorEntry(name: "table"), TensorEntry(name: "other")]
        } damage: { bytes in
            bytes[bytes.count - 1] ^= 1  // the last of `other`
            bytes[bytes.count - 36] ^= 1  // and of `table`, both stored raw or in at most 36 bytes
        }
        #expect(!verification.passed && verification.kind == .badData)
        #expect(verification.checks.map(\.name) == ["structure", "digests"])
        #expect(verification.checks[1].detail.contains("“table”") && verification.checks[1].detail.contains("“other”"))
    }

    @Test func aModelThatDoesNotFitIsFound() throws {
        let verification = try verification { $0.unusedIDs = 1 }
        #expect(!verification.passed)
        let last = try #require(verification.checks.last)
        #expect(last.name == "tokenizer")
        #expect(last.detail == "the tokenizer has 3 ids and states 1 unused ones, but the network has 3")
    }

    @Test func anArchiveWithoutSelfTestsSaysSo() throws {
        let verification = try verification { $0.selfTests = [] }
        #expect(verification.passed)
        #expect(verification.checks.last?.detail == "the archive carries none")
    }

    @Test func aBrokenStructureIsAnError() throws {
        #expect(throws: ZooError.self) { try verification(damage: { $0.removeLast() }) }
        #expect(throws: ZooError.self) { try verify(path: "/nowhere/m.rnnz") }
    }
}
