import Archive
import Kernels

extension Trainer {
    /// What keeps a checkpoint from being one of this training; nil: nothing.
    func difference(to checkpoint: Checkpoint) -> CheckpointDifference? {
        let (header, own) = (checkpoint.header, outline.header)
        if Self.withoutComments(header.program) != Self.withoutComments(own.program) { return .program }
        if header.tokenizers != own.tokenizers { return .tokenizer }
        if let difference = parameterDifference(to: checkpoint) { return difference }
        let names = Set(header.hyperparameters.keys).union(own.hyperparameters.keys)
        let changed = names.filter { header.hyperparameters[$0] != own.hyperparameters[$0] }
        if !changed.isEmpty { return .hyperparameters(names: changed.sorted()) }
        if checkpoint.record.corpus != record.corpus { return .corpus }
        let settings = [
            ("optimizer", checkpoint.record.optimizerRule.rawValue, record.optimizerRule.rawValue),
            ("batch", "\(checkpoint.record.batchSize)", "\(record.batchSize)"),
            ("window", "\(checkpoint.record.window)", "\(record.window)"),
        ]
        for (name, there, here) in settings where there != here { return .setting(name: name, checkpoint: there, run: here) }
        let carried = learner.carriedState
        if !carried.isEmpty, carried.map(\.count) != checkpoint.carriedState.map(\.count) { return .carriedState }
        return nil
    }

    /// The comments of the built-in networks tell sizes, and a size that differs is to be told as one.
    private static func withoutComments(_ program: String?) -> [Substring] {
        (program ?? "").split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("#") }
    }

    private func parameterDifference(to checkpoint: Checkpoint) -> CheckpointDifference? {
        let names = Set(learner.parameters.map(\.name)).union(outline.constants.keys)
        let missing = names.subtracting(checkpoint.tensors.keys)
        let extra = Set(checkpoint.tensors.keys).subtracting(names)
        guard missing.isEmpty, extra.isEmpty else {
            return .parameters(missing: missing.sorted(), extra: extra.sorted())
        }
        for parameter in learner.parameters {
            guard let tensor = checkpoint.tensors[parameter.name], tensor.shape != parameter.shape else { continue }
            return .parameterShape(name: parameter.name, checkpoint: tensor.shape, network: parameter.shape)
        }
        return nil
    }
}
