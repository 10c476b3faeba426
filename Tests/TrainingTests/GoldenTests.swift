import Archive
import Foundation
import Testing
import Tokenization

@testable import Training

/// A whole training against PyTorch's: text to windows, gradient, clipping, optimizer, parameters.
@Suite struct GoldenTests {
    private static func flat(_ json: JSONValue) -> [Double] {
        json.number.map { [$0] } ?? (json.array ?? []).flatMap(flat)
    }

    @Test func stepsAreThoseOfPyTorch() throws {
        let expectations = try golden("charlm_rnn_rmsprop")
        let vocabulary = (expectations["vocab"]?.array ?? []).compactMap(\.string)
        let text = try #require(expectations["text"]?.string)
        let folder = try TemporaryFolder()
        let corpus = try Corpus(path: try folder.write(text, to: "text.txt"), validation: .none)
        #expect(vocabulary.enumerated().allSatisfy { corpus.tokenizer.bytes(of: $0) == Array($1.utf8) })

        let learner = HandLearner(vocabulary: vocabulary.count, size: 6, hidden: 8, layers: 2, batch: 1)
        let start = try goldenStart("charlm_rnn_rmsprop")
        for parameter in learner.parameters {
            let values = try #require(start[parameter.name])
            for (i, value) in values.enumerated() { parameter.values[i] = value }
        }
        let window = try #require(expectations["bptt"]?.integer)
        let batches = try StreamBatches(corpus.training, batchSize: 1, window: window, zeroStateShare: 0, path: "text.txt")
        var rule = OptimizerOptions(.rmsprop)
        rule.learningRate = 0.005
        var options = TrainerOptions(optimizer: rule, seed: 1)
        options.clipping = Clipping(norm: 1)
        options.steps = expectations["steps"]?.integer
        let trainer = try Trainer(
            learner: learner, batches: batches, outline: ModelOutline(header: ArchiveHeader(name: "golden")), options: options,
            clock: { 0 })
        var steps: [TrainingEvent.Step] = []
        let result = try trainer.run(event: { if case .step(let step) = $0 { steps.append(step) } })
        #expect(result.reason == .steps)
        let (losses, norms) = (
            try #require(expectations["losses"]).numbers, try #require(expectations["grad_norms_before_clip"]).numbers
        )
        #expect(steps.count == losses.count && steps.count == 24)
        for (i, step) in steps.enumerated() {
            #expect(abs(step.loss - losses[i]) < 2e-5)
            #expect(abs(step.gradientNorm - norms[i]) < 5e-5)
        }
        for parameter in learner.parameters {
            let expected = Self.flat(try #require(expectations["final_params"]?[parameter.name]))
            #expect(expected.count == parameter.values.count)
            for (value, number) in zip(parameter.values, expected) { #expect(abs(Double(value) - number) < 5e-5) }
        }
    }
}
