import Archive
import Kernels
import Network
import Testing

@testable import Training

@Suite struct CellNetworkTests {
    private static func network(_ definition: NetworkDefinition, _ tensors: [String: Tensor]) throws -> Network {
        try Network(program: definition.program, hyperparameters: definition.hyperparameters, tensors: tensors)
    }

    private static func logits(_ network: Network, _ ids: [Int]) throws -> [[Float]] {
        let runner = try LanguageRunner(network)
        var logits: [[Float]] = []
        try runner.feed(ids) { logits.append(Array($1)) }
        return logits
    }

    /// PyTorch's tensors in the cell's program give PyTorch's logits.
    @Test(arguments: [(CellNetwork.Cell.rnn, "charlm_rnn_rmsprop"), (.lstm, "charlm_lstm_sgd"), (.gru, "charlm_gru_adam")])
    func computesWhatPyTorchDoes(_ cell: CellNetwork.Cell, _ name: String) throws {
        let (expectations, start) = (try golden(name), try goldenStart(name))
        let vocabulary = (expectations["vocab"]?.array ?? []).compactMap(\.string)
        var options = CellNetwork(cell, vocabulary: vocabulary.count)
        (options.layers, options.hidden, options.embedding) = (2, 8, 6)
        let definition = try options.definition()
        var tensors: [String: Tensor] = [:]
        for tensor in definition.tensors {
            let parts = tensor.name.split(separator: ".")
            let theirs =
                switch parts[0] {
                case "embedding": "emb.weight"
                case "output": "out.\(parts[1])"
                default: "rnn.\(parts[2])_l\(parts[1])"
                }
            tensors[tensor.name] = Tensor(shape: tensor.shape, values: try #require(start[theirs]))
        }
        #expect(tensors.count == start.count)
        let text = try #require(expectations["text"]?.string)
        let expected = try #require(expectations["first_logits"]?.array).map(\.numbers)
        let ids = try text.unicodeScalars.prefix(expected.count).map { try #require(vocabulary.firstIndex(of: String($0))) }
        let found = try Self.logits(Self.network(definition, tensors), ids)
        #expect(found.count == expected.count && expected.count == 20)
        for (row, numbers) in zip(found, expected) {
            for (logit, number) in zip(row, numbers) { #expect(abs(Double(logit) - number) < 1e-5) }
        }
    }

    /// Dropout is the identity where nothing is trained, wherever it stands.
    @Test(arguments: CellNetwork.Cell.allCases, [1, 3]) func dropoutChangesNoAnswer(_ cell: CellNetwork.Cell, _ layers: Int)
        throws
    {
        var options = CellNetwork(cell, vocabulary: 7)
        (options.layers, options.hidden, options.isTied) = (layers, 5, true)
        let plain = try options.definition()
        (options.dropout, options.inputDropout, options.recurrentDropout) = (0.5, 0.25, 0.125)
        let dropping = try options.definition()
        let rates = ["input_dropout": 0.25, "output_dropout": 0.5, "recurrent_dropout": 0.125]
        #expect(dropping.hyperparameters == (layers > 1 ? rates.merging(["layer_dropout": 0.5]) { $1 } : rates))
        for name in dropping.hyperparameters.keys { #expect(dropping.program.contains(", \(name))")) }
        #expect(!plain.program.contains("dropout"))
        let tensors = try plain.initialization.tensors(plain.tensors, seed: 3)
        #expect(plain.tensors == dropping.tensors && !tensors.keys.contains("output.weight"))
        let answers = try Self.logits(Self.network(plain, tensors), [1, 2, 3, 6])
        #expect(answers == (try Self.logits(Self.network(dropping, tensors), [1, 2, 3, 6])))
        #expect(Set(answers).count == 4)
    }

    @Test func firstValuesArePyTorchs() throws {
        var options = CellNetwork(.lstm, vocabulary: 50)
        (options.layers, options.hidden) = (2, 16)
        var definition = try options.definition()
        var tensors = try definition.initialization.tensors(definition.tensors, seed: 1).mapValues { $0.floats() }
        let bias = try #require(tensors["rnn.1.bias_ih"])
        #expect(bias[16..<32].allSatisfy { $0 == 1 } && bias[..<16].allSatisfy { abs($0) <= 0.25 } && bias[0] != 0)
        #expect(tensors["rnn.1.bias_hh"]?[16..<32].allSatisfy { $0 == 0 } == true)
        for name in ["rnn.0.weight_ih", "rnn.1.weight_hh", "output.weight", "output.bias"] {
            let values = try #require(tensors[name])
            #expect(values.allSatisfy { abs($0) <= 0.25 } && (values.map(abs).max() ?? 0) > 0.2)
        }
        #expect((tensors["embedding.weight"] ?? []).contains { abs($0) > 2 })
        options.forgetBias = nil
        definition = try options.definition()
        tensors = try definition.initialization.tensors(definition.tensors, seed: 1).mapValues { $0.floats() }
        #expect(tensors["rnn.1.bias_ih"]?.allSatisfy { abs($0) <= 0.25 } == true)
        #expect(!definition.initialization.rules.contains { if case .orthogonal = $0.initializer { true } else { false } })
        options.isOrthogonal = true
        #expect(try options.definition().initialization.rules.contains(.init("rnn.*.weight_hh", .orthogonal(blocks: 4))))
    }

    @Test func sizesThatCannotBeAreNamed() {
        func error(_ change: (inout CellNetwork) -> Void) -> TrainingError? {
            var network = CellNetwork(.gru, vocabulary: 10)
            change(&network)
            do { _ = try network.definition() } catch { return error }
            return nil
        }
        func option(_ change: (inout CellNetwork) -> Void) -> String? {
            guard case .option(let name, _, _)? = error(change) else { return nil }
            return name
        }
        #expect(error { _ in } == nil)
        #expect(option { $0.layers = 0 } == "layers")
        #expect(option { $0.hidden = .max } == "hidden")
        #expect(option { $0.embedding = -1 } == "embedding")
        #expect(option { $0.dropout = 1 } == "dropout")
        #expect(option { $0.inputDropout = .nan } == "dropout-input")
        #expect(option { $0.recurrentDropout = -0.1 } == "dropout-recurrent")
        guard case .optionConflict("tied", _)? = error({ ($0.isTied, $0.embedding) = (true, 3) }) else {
            return #expect(Bool(false), "a tied embedding of another size")
        }
    }
}
