import Archive
import Foundation
import Kernels
import Network
import Testing
import Tokenization

@testable import Zoo

@Suite struct ModelTests {
    func failure(_ change: (inout ArchiveHeader) -> Void, tensors: [String: Tensor] = ["table": CountingModel.table]) -> ZooError?
    {
        var header = CountingModel.header()
        change(&header)
        do throws(ZooError) {
            _ = try Model(header: header, tensors: tensors, path: "counting.rnnz")
        } catch {
            #expect("\(error)".hasPrefix("counting.rnnz: "))
            return error
        }
        return nil
    }

    @Test func anArchiveBecomesAModel() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("counting.rnnz")
        try ArchiveWriter().write(CountingModel.header(), tensors: ["table": CountingModel.table], to: path)
        for threads in [nil, 1, 2] {
            let model = try Model.load(path: path, threads: threads)
            #expect(model.header.name == "counting" && model.path == path && model.warnings.isEmpty)
            #expect(model.tokenizer?.encode("cab").ids == [2, 0, 1])
            let network = try #require(model.network)
            #expect(network.vocabulary == 3 && network.parameterCount == 9)
            #expect(try LanguageRunner(network).feed([1]) == [0, 0, 1])
        }
    }

    @Test func aTokenizerAloneIsAModel() throws {
        let folder = try TemporaryFolder()
        var header = CountingModel.header()
        header.program = nil
        header.selfTests = []
        // Tensors that nothing uses are not even read: damage to them is not noticed.
        try ArchiveWriter().write(header, tensors: ["table": CountingModel.table], to: folder.file("t.rnnz"))
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("t.rnnz"))))
        bytes[bytes.count - 1] ^= 1
        try folder.write(bytes, to: "t.rnnz")
        let model = try Model.load(path: folder.file("t.rnnz"))
        #expect(model.network == nil)
        #expect(model.tokenizer?.idLimit == 3)
    }

    @Test func aVocabularyOfTheWrongSizeIsBadData() {
        for (characters, unused) in [(["a", "b"], 0), (["a", "b", "c", "d"], 0), (["a", "b", "c"], 1)] {
            let error = failure {
                $0.tokenizers["text"] = CountingModel.characters(characters)
                $0.unusedIDs = unused
            }
            guard case .vocabularySize(_, characters.count, unused, 3)? = error else {
                Issue.record("\(characters): \(String(describing: error))")
                continue
            }
            #expect(error?.kind == .badData)
            #expect(error?.description.contains("\(characters.count)") == true && error?.description.contains("3") == true)
        }
    }

    @Test func rowsThatTheHeaderCallsUnusedNeedNoToken() {
        #expect(
            failure {
                $0.tokenizers["text"] = CountingModel.characters(["a", "b"])
                $0.unusedIDs = 1
            } == nil)
    }

    @Test func specialTokensAreInTheVocabulary() {
        guard case .specialToken(_, "end", 3, 3)? = failure({ $0.special.end = 3 }) else {
            Issue.record("an end token beyond the vocabulary was accepted")
            return
        }
        #expect(failure { $0.special.end = 2 } == nil)
    }

    @Test(arguments: [
        JSONValue.object(["kind": .string("runes")]), .object([:]), .number(1),
        .object(["kind": .string("characters"), "vocabulary": .array([.string("a"), .string("a"), .string("c")])]),
    ])
    func aTokenizerThatIsNoneIsBadData(tokenizer: JSONValue) {
        let error = failure { $0.tokenizers["text"] = tokenizer }
        guard case .tokenizer(_, "text", _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.kind == .badData)
    }

    @Test func errorsOfTheFileNameIt() throws {
        let folder = try TemporaryFolder()
        try folder.write([], to: "empty.rnnz")
        try folder.write(Array("version https://git-lfs.github.com/spec/v1\n".utf8), to: "lfs.rnnz")
        let expected: [(String, FailureKind, String)] = [
            ("none.rnnz", .notFound, "there is no such file"), ("empty.rnnz", .badData, "the file is empty"),
            ("", .badData, "this is a folder, not an archive"), ("lfs.rnnz", .badData, "this is a Git LFS pointer"),
        ]
        for (name, kind, sentence) in expected {
            let path = folder.file(name)
            do throws(ZooError) {
                _ = try Model.load(path: path)
                Issue.record("\(path) was read")
            } catch {
                #expect(error.kind == kind)
                #expect("\(error)".hasPrefix("\(path): \(sentence)"))
            }
        }
    }
}

/// What the network itself says: these need the notation.
@Suite struct ModelProgramTests {
    @Test func missingTensorsAreNamedAtOnce() {
        var header = CountingModel.header()
        header.program = "step(token) {\n  return table[token] + first.bias + second.bias\n}\n"
        do throws(ZooError) {
            _ = try Model(header: header, tensors: ["table": CountingModel.table], path: "m.rnnz")
            Issue.record("a model without its tensors was accepted")
        } catch {
            guard case .program("m.rnnz", _) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(error.kind == .badData)
            #expect("\(error)".contains("first.bias") && "\(error)".contains("second.bias"))
        }
    }

    @Test func unusedTensorsAreAWarning() throws {
        let one = Tensor(shape: [1], values: [1])
        let tensors = ["table": CountingModel.table, "lost": one, "found": one]
        let model = try Model(header: CountingModel.header(), tensors: tensors, path: "m.rnnz")
        #expect(model.warnings.count == 1)
        #expect(model.warnings[0].contains("found") && model.warnings[0].contains("lost"))
    }
}
