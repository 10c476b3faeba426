import Archive
import Foundation
import Testing
import Tokenization

@testable import Training

/// A whole training against PyTorch's: text to windows, gradient, clipping, optimizer, parameters.
@Suite struct GoldenTests {
    /// Every tensor of a safetensors file of f32.
    private static func safetensors(_ name: String) throws -> [String: [Float]] {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)")
        let bytes = [UInt8](try Data(contentsOf: url))
        let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        let header = try JSONValue(parsing: Array(bytes[8..<(8 + length)]))
        var tensors: [String: [Float]] = [:]
        for (name, entry) in header.object ?? [:] where name != "__metadata__" {
            let range = try #require(entry["data_offsets"]?.array).compactMap(\.integer)
            tensors[name] = bytes[(8 + length + range[0])..<(8 + length + range[1])].withUnsafeBytes { raw in
                (0..<(raw.count / 4)).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
        }
        return tensors
    }

    private static func flat(_ json: JSONValue) -> [Double] {
        json.number.map { [$0] } ?? (json.array ?? []).flatMap(flat)
    }

    @Test func stepsAreThoseOfPyTorch() throws {
        let golden = try fixture("charlm_rnn_rmsprop.json")
        let vocabulary = (golden["vocab"]?.array ?? []).compactMap(\.string)
        let text = try #require(golden["text"]?.string)
        let folder = try TemporaryFolder()
        let corpus = try Corpus(path: try folder.write(text, to: "text.txt"), validation: .none)
        #expect(vocabulary.enumerated().allSatisfy { corpus.tokenizer.bytes(of: $0) == Array($1.utf8) })

        let learner = HandLearner(vocabulary: vocabulary.count, size: 6, hidden: 8, layers: 2, batch: 1)
        let start = try Self.safetensors("charlm_rnn_rmsprop_init.safetensors")
        for parameter in learner.parameters {
            let values = try #require(start[parameter.name])
            for (i, value) in values.enumerated() { parameter.values[i] = value }
        }
        let window = try #require(golden["bptt"]?.integer)
        let batches = try StreamBatches(corpus.training, batchSize: 1, window: window, zeroStateShare: 0, path: "text.txt")
        var rule = OptimizerOptions(.rmsprop)
        rule.learningRate = 0.005
        var options = TrainerOptions(optimizer: rule, seed: 1)
        options.clipping = Clipping(norm: 1)
        options.steps = golden["steps"]?.integer
        let trainer = try Trainer(
            learner: learner, batches: batches, outline: ModelOutline(header: ArchiveHeader(name: "golden")), options: options,
            clock: { 0 })
        var steps: [TrainingEvent.Step] = []
        let result = try trainer.run(event: { if case .step(let step) = $0 { steps.append(step) } })
        #expect(result.reason == .steps)
        let (losses, norms) = (try #require(golden["losses"]).numbers, try #require(golden["grad_norms_before_clip"]).numbers)
        #expect(steps.count == losses.count && steps.count == 24)
        for (i, step) in steps.enumerated() {
            #expect(abs(step.loss - losses[i]) < 2e-5)
            #expect(abs(step.gradientNorm - norms[i]) < 5e-5)
        }
        for parameter in learner.parameters {
            let expected = Self.flat(try #require(golden["final_params"]?[parameter.name]))
            #expect(expected.count == parameter.values.count)
            for (value, number) in zip(parameter.values, expected) { #expect(abs(Double(value) - number) < 5e-5) }
        }
    }
}
