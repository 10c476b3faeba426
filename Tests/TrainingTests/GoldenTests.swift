import Archive
import Foundation
import Generation
import Kernels
import Network
import Testing
import Tokenization

@testable import Training

/// Whole trainings against PyTorch's, computed there in 64 bits: text to windows, gradient, clipping, optimizer, parameters.
@Suite struct GoldenTests {
    /// A character model with two layers, and how PyTorch trained it.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var cell: CellNetwork.Cell
        var optimizer: OptimizerOptions

        init(_ name: String, _ cell: CellNetwork.Cell, _ rule: OptimizerOptions.Rule, change: (inout OptimizerOptions) -> Void) {
            (self.name, self.cell, optimizer) = (name, cell, OptimizerOptions(rule))
            change(&optimizer)
        }

        var testDescription: String { name }
    }

    static let cases = [
        Case("charlm_lstm_sgd", .lstm, .sgd) { $0.learningRate = 0.5 },
        Case("charlm_gru_sgd_momentum", .gru, .sgd) { ($0.learningRate, $0.momentum) = (0.1, 0.9) },
        Case("charlm_gru_adam", .gru, .adam) { $0.learningRate = 0.01 },
        Case("charlm_lstm_adamw", .lstm, .adamw) { ($0.learningRate, $0.weightDecay) = (0.01, 0.05) },
        Case("charlm_rnn_rmsprop", .rnn, .rmsprop) { $0.learningRate = 0.005 },
    ]

    private static func flat(_ json: JSONValue) -> [Double] {
        json.number.map { [$0] } ?? (json.array ?? []).flatMap(flat)
    }

    /// PyTorch's name of a cell network's tensor, as these models have it.
    private static func torchName(_ name: String) -> String {
        let parts = name.split(separator: ".")
        return switch parts[0] {
        case "embedding": "emb.weight"
        case "output": "out.\(parts[1])"
        default: "rnn.\(parts[2])_l\(parts[1])"
        }
    }

    @Test(arguments: cases) func stepsAreThoseOfPyTorch(_ model: Case) throws {
        let expectations = try golden(model.name)
        let tolerance = try #require(expectations["tolerance"])
        let lossTolerance = try #require(tolerance["float32_loss"]?.number)
        let valueTolerance = try #require(tolerance["float32_param"]?.number)
        let folder = try TemporaryFolder()
        let text = try folder.write(try #require(expectations["text"]?.string), to: "text.txt")
        let corpus = try Corpus(path: text, validation: .none)
        let vocabulary = (expectations["vocab"]?.array ?? []).compactMap(\.string)
        #expect(vocabulary.enumerated().allSatisfy { corpus.tokenizer.bytes(of: $0) == Array($1.utf8) })
        let window = try #require(expectations["bptt"]?.integer)
        let batches = try StreamBatches(corpus.training, batchSize: 1, window: window, zeroStateShare: 0, path: text)
        let learner = try Self.learner(model, vocabulary: vocabulary.count, window: window)

        var first = batches
        var generator = RandomGenerator(seed: 1)
        _ = try learner.learn(first.next(using: &generator), dropoutSeed: nil)
        try Self.compare(learner, expectations["first_grads"], within: 2e-6, \.gradient)
        // The state that this look has left is not the first step's.
        learner.carriedState = learner.carriedState.map { $0.map { _ in 0 } }

        var options = TrainerOptions(optimizer: model.optimizer, seed: 1)
        options.clipping = Clipping(norm: 1)
        options.steps = expectations["steps"]?.integer
        let trainer = try Trainer(
            learner: learner, batches: batches, outline: ModelOutline(header: ArchiveHeader(name: "golden")), options: options,
            clock: { 0 })
        var steps: [TrainingEvent.Step] = []
        let result = try trainer.run(event: { if case .step(let step) = $0 { steps.append(step) } })
        #expect(result.reason == .steps)
        let losses = try #require(expectations["losses"]).numbers
        let norms = try #require(expectations["grad_norms_before_clip"]).numbers
        #expect(steps.count == losses.count && steps.count == norms.count && steps.count == 24)
        for (i, step) in steps.enumerated() {
            #expect(abs(step.loss - losses[i]) <= lossTolerance, "step \(i + 1)")
            #expect(abs(step.gradientNorm - norms[i]) <= lossTolerance, "step \(i + 1)")
        }
        try Self.compare(learner, expectations["final_params"], within: valueTolerance, \.values)
    }

    private static func learner(_ model: Case, vocabulary: Int, window: Int) throws -> NetworkLearner {
        var network = CellNetwork(model.cell, vocabulary: vocabulary)
        (network.layers, network.hidden, network.embedding) = (2, 8, 6)
        let definition = try network.definition()
        let start = try goldenStart(model.name)
        var tensors: [String: Tensor] = [:]
        for tensor in definition.tensors {
            tensors[tensor.name] = Tensor(shape: tensor.shape, values: try #require(start[torchName(tensor.name)]))
        }
        #expect(tensors.count == start.count)
        return try NetworkLearner(
            program: definition.program, tensors: tensors, size: TrainingRunner.Size(batch: 1, steps: window))
    }

    private static func compare(
        _ learner: NetworkLearner, _ expected: JSONValue?, within tolerance: Double,
        _ numbers: (Parameter) -> UnsafeMutableBufferPointer<Float>
    ) throws {
        for parameter in learner.parameters {
            let wanted = flat(try #require(expected?[torchName(parameter.name)]))
            let found = numbers(parameter)
            #expect(wanted.count == found.count)
            let error = zip(found, wanted).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
            #expect(error <= tolerance, "\(parameter.name)")
        }
    }
}
