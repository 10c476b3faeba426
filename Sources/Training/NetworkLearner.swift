import Kernels
import Network

/// A program with its tensors, as the trainer knows it.
public final class NetworkLearner: Learner {
    public let parameters: [Parameter]
    private let runner: TrainingRunner

    /// - Throws: what `TrainingRunner` throws.
    public init(
        program: String, hyperparameters: [String: Double] = [:], tensors: [String: Tensor], size: TrainingRunner.Size,
        threads: Int? = nil
    ) throws {
        runner = try TrainingRunner(
            program: program, hyperparameters: hyperparameters, tensors: tensors, size: size, threads: threads)
        parameters = runner.parameters.map {
            Parameter(name: $0.name, shape: $0.shape, values: $0.values, gradient: $0.gradient)
        }
    }

    /// One past the largest id that can be both fed and foretold.
    public var tokenLimit: Int { runner.tokenLimit }

    public func learn(_ batch: Batch, dropoutSeed: UInt64?) throws -> Double {
        try runner.learn(batch.sequences, dropoutSeed: dropoutSeed)
    }

    public func evaluate(_ batch: Batch) throws -> Double { try runner.evaluate(batch.sequences) }

    public func parametersChanged() { runner.parametersChanged() }

    public var firstNonFinite: String? {
        runner.firstNonFinite.map { found in
            let place = (found.step ?? found.position).map { " at token \($0) of the window" } ?? ""
            let sequence = found.sequence.map { ", sequence \($0)" } ?? ""
            // What has no name of its own is told by its operator, in quotes already.
            let value = found.value.hasPrefix("“") ? found.value : "“\(found.value)”"
            return "\(value) is \(found.isNaN ? "NaN" : "infinite")\(place)\(sequence), counted from 0"
        }
    }

    public var carriedState: [[Float]] {
        get { runner.carriedState }
        set { runner.carriedState = newValue }
    }
}

extension Batch {
    fileprivate var sequences: [TrainingRunner.Sequence] {
        inputs.indices.map { index in
            TrainingRunner.Sequence(
                source: sources.isEmpty ? [] : sources[index], tokens: inputs[index], targets: targets[index],
                begins: begins[index])
        }
    }
}
