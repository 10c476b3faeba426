import Archive
import Foundation
import Kernels
import Network
import Testing
import Zoo

@testable import Conversion

/// Converted models against the frameworks that made them.
@Suite("Numbers")
struct NumbersTests {
    private func load(_ path: String) throws -> Model {
        let reader = try ArchiveReader(path: path)
        return try Model(header: reader.header, tensors: reader.tensors(), path: path)
    }

    /// The largest absolute error over all positions, relative to the largest logit where that is above 1.
    private func largestError(_ network: Network, _ ids: [Int], _ expected: [[Double]]) throws -> Double {
        var worst = 0.0
        let scale = max(1, expected.joined().map { abs($0) }.max() ?? 1)
        try LanguageRunner(network).feed(ids) { index, logits in
            #expect(logits.count == expected[index].count)
            for (found, wanted) in zip(logits, expected[index]) { worst = max(worst, abs(Double(found) - wanted) / scale) }
        }
        return worst
    }

    @Test(
        "Logits after every token are PyTorch's",
        arguments: [
            "lstm2", "gru1_prefix", "rnn2", "rnn_relu", "onehot_lstm2", "onehot_gru1", "nobias", "projected", "tied",
            "tied_noted",
            "half", "bfloat16", "double", "stacked_extra", "ml5",
        ])
    func logits(_ name: String) throws {
        let scratch = try Scratch()
        let expected = try Fixtures.expected()
        let wanted = try #require(expected.models[name])
        let settings = name == "rnn_relu" ? ["nonlinearity": "relu"] : [:]
        let report = try convert(
            from: name == "ml5" ? Fixtures.path("ml5") : Fixtures.model(name), to: scratch.file("x.rnnz"),
            options: options(settings))
        #expect(report.parameters == wanted.parameters)
        #expect(report.vocabulary == 11)
        #expect(report.selfTests.count == 1 && (report.largestError ?? 1) < 1e-5)
        let network = try #require(try load(scratch.file("x.rnnz")).network)
        #expect(try largestError(network, expected.ids, wanted.logits) < 1e-5)
    }

    @Test(
        "Bidirectional networks: the interpreter gives PyTorch's result for each position",
        arguments: ["bidirectional", "onehot_bigru2"])
    func bidirectional(_ name: String) throws {
        let scratch = try Scratch()
        let expected = try Fixtures.expected()
        let report = try convert(from: Fixtures.model(name), to: scratch.file("x.rnnz"))
        #expect(try #require(report.largestError) < 1e-5)
        let network = try #require(try load(scratch.file("x.rnnz")).network)
        #expect(throws: (any Error).self) { try LanguageRunner(network).feed([1]) }
        let rows = try network.interpret(expected.ids)
        let wanted = try #require(expected.models[name]).logits
        #expect(rows.count == wanted.count)
        let errors = zip(rows, wanted).flatMap { row, logits in zip(row, logits).map { abs($0 - $1) } }
        #expect(errors.count == 11 * expected.ids.count && errors.allSatisfy { $0 < 1e-9 })
    }

    @Test("A window model answers for the last tokens alone")
    func window() throws {
        let scratch = try Scratch()
        let expected = try Fixtures.expected()
        let settings = ["window": "\(expected.window.window)", "padding": "\(expected.window.padding)"]
        _ = try convert(from: Fixtures.model(expected.window.model), to: scratch.file("x.rnnz"), options: options(settings))
        let network = try #require(try load(scratch.file("x.rnnz")).network)
        #expect(try largestError(network, expected.ids, expected.window.logits) < 1e-5)
    }

    @Test("A program written by hand, with a hyper-parameter")
    func program() throws {
        let scratch = try Scratch()
        let program = try scratch.write(
            "p.rnn",
            text: """
                # Logits of the embedding alone, made larger.
                step(token) { return gain * (output @ embedding.weight[token]) }
                """)
        try writeModel(["embedding.weight": [3, 2], "output": [3, 2], "spare": [1]], to: scratch.file("m.safetensors"))
        let report = try convert(
            from: scratch.file("m.safetensors"), to: scratch.file("x.rnnz"),
            options: options(["gain": "2"]) { $0.program = program })
        #expect(report.format == "safetensors")
        #expect(report.warnings.contains { $0.contains("spare") })
        let model = try load(scratch.file("x.rnnz"))
        #expect(model.header.hyperparameters == ["gain": 2])
        #expect(model.header.provenance?.format == "safetensors")
        #expect(try LanguageRunner(try #require(model.network)).feed([1]) == [0.25, 0.25, 0.25])
        let typo = try conversionError(scratch.file("m.safetensors"), options(["gein": "2"]) { $0.program = program })
        guard case .unknownSetting("gein", "gain", _) = typo else { return unexpected(typo) }
    }

    @Test("A self-test that the network does not meet stops the conversion")
    func failingSelfTest() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model("gru1_prefix"), to: scratch.file("a.rnnz"))
        let reader = try ArchiveReader(path: scratch.file("a.rnnz"))
        var header = reader.header
        header.selfTests[0].logits?[3] += 0.5
        try ArchiveWriter().write(header, tensors: try reader.tensors(), to: scratch.file("wrong.rnnz"))
        let found = try conversionError(scratch.file("wrong.rnnz"))
        guard case .selfTest(_, let error, _) = found else { return unexpected(found) }
        #expect(abs(error - 0.5) < 1e-3 && found?.category == .failed)
        header = reader.header
        header.selfTests[0].greedy = [10, 10, 10]
        try ArchiveWriter().write(header, tensors: try reader.tensors(), to: scratch.file("wrong.rnnz"))
        guard case .selfTestGreedy = try conversionError(scratch.file("wrong.rnnz")) else {
            Issue.record("wrong greedy ids were accepted")
            return
        }
    }
}

/// Published models, read where they are.
@Suite("Published models")
struct PublishedModelTests {
    struct Expected: Decodable {
        struct Greedy: Decodable {
            let ids: [Int]
            let text: String
        }
        enum CodingKeys: String, CodingKey {
            case prompt, logits, greedy
            case promptIDs = "prompt_ids"
        }
        let prompt: String
        let promptIDs: [Int]
        let logits: [Double]
        let greedy: Greedy
    }

    @Test(
        "ml5's models meet their publisher's numbers",
        .enabled(if: Reference.has("ml5_charrnn"), "RNNZ_REFERENCE has no ml5_charrnn"),
        arguments: ["shakespeare", "charlotte_bronte"])
    func ml5(_ name: String) throws {
        let scratch = try Scratch()
        let data = try Data(contentsOf: URL(fileURLWithPath: Reference.path("ml5_charrnn/expected.json")))
        let expected = try #require(try JSONDecoder().decode([String: Expected].self, from: data)[name])
        let corrected = Reference.path("ml5_charrnn/\(name)/vocab.corrected.json")
        let options = options { if FileManager.default.fileExists(atPath: corrected) { $0.vocabularyPath = corrected } }
        let report = try convert(from: Reference.path("ml5_charrnn/\(name)"), to: scratch.file("x.rnnz"), options: options)
        #expect(report.warnings.isEmpty)
        let reader = try ArchiveReader(path: scratch.file("x.rnnz"))
        let model = try Model(header: reader.header, tensors: reader.tensors(), path: scratch.file("x.rnnz"))
        let tokenizer = try #require(model.tokenizer)
        #expect(tokenizer.encode(expected.prompt).ids == expected.promptIDs)
        let runner = try LanguageRunner(try #require(model.network))
        var logits = try runner.feed(expected.promptIDs)
        let error = zip(logits, expected.logits).map { abs(Double($0) - $1) }.max() ?? 1
        #expect(logits.count == expected.logits.count && error < 1e-4)
        var ids: [Int] = []
        while ids.count < expected.greedy.ids.count {
            let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
            ids.append(best)
            logits = try runner.step([best]) { Array($0) }
        }
        #expect(ids == expected.greedy.ids)
        #expect(tokenizer.decode(ids) == expected.greedy.text)
    }

    @Test(
        "The damaged vocabulary converts with a warning that names its entries",
        .enabled(if: Reference.has("ml5_charrnn"), "RNNZ_REFERENCE has no ml5_charrnn"))
    func damagedVocabulary() throws {
        let scratch = try Scratch()
        let report = try convert(from: Reference.path("ml5_charrnn/shakespeare"), to: scratch.file("x.rnnz"))
        #expect(report.warnings.contains { $0.contains(#""  " (13), "" (40)"#) })
    }

    struct Trained: Decodable {
        enum CodingKeys: String, CodingKey {
            case text, vocab
            case firstLogits = "first_logits"
        }
        let text: String
        let vocab: [String]
        let firstLogits: [[Double]]
    }

    @Test(
        "PyTorch's initial models give its first logits",
        .enabled(if: Reference.has("torch_golden"), "RNNZ_REFERENCE has no torch_golden"),
        arguments: ["charlm_lstm_sgd", "charlm_lstm_adamw", "charlm_gru_adam", "charlm_gru_sgd_momentum", "charlm_rnn_rmsprop"])
    func golden(_ name: String) throws {
        let scratch = try Scratch()
        let data = try Data(contentsOf: URL(fileURLWithPath: Reference.path("torch_golden/\(name).json")))
        let expected = try JSONDecoder().decode(Trained.self, from: data)
        let vocabulary = try scratch.write("vocab.json", Array(try JSONEncoder().encode(expected.vocab)))
        _ = try convert(
            from: Reference.path("torch_golden/\(name)_init.safetensors"), to: scratch.file("x.rnnz"),
            options: options { $0.vocabularyPath = vocabulary })
        let reader = try ArchiveReader(path: scratch.file("x.rnnz"))
        let model = try Model(header: reader.header, tensors: reader.tensors(), path: scratch.file("x.rnnz"))
        let ids = Array(try #require(model.tokenizer).encode(expected.text).ids.prefix(expected.firstLogits.count))
        var worst = 0.0
        try LanguageRunner(try #require(model.network)).feed(ids) { index, logits in
            for (found, wanted) in zip(logits, expected.firstLogits[index]) { worst = max(worst, abs(Double(found) - wanted)) }
        }
        #expect(worst < 2e-6)
    }
}
