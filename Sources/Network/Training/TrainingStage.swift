import Kernels

/// A plan with its memory.
final class TrainingStage {
    let plan: Plan
    let weights: Weights
    let frame: Frame
    let tensors: [String: Tensor]
    /// Which values of the parameters the weights have.
    var version = 0

    init(
        _ graph: Graph, _ tensors: [String: Tensor], _ parameters: [String: UnsafeMutablePointer<Float>],
        _ size: TrainingRunner.Size,
        _ team: ThreadTeam
    ) {
        self.tensors = tensors
        plan = Planner.plan(Rewriting.apply(to: graph, isTraining: true), tensors: tensors, isTraining: true)
        weights = Weights(plan: plan, tensors: tensors, parameters: parameters, team: team)
        frame = Frame(
            plan: plan, weights: weights, batch: size.batch, sourceCapacity: size.sourceSteps, targetCapacity: size.steps,
            threads: team.count)
        frame.begin(.target)
    }

    /// Writes what the batch reads.
    /// - Returns: targets that a loss is taken of.
    func fill(_ sequences: [TrainingRunner.Sequence]) -> Int {
        var count = 0
        for (index, sequence) in sequences.enumerated() {
            frame.sourceLengths[index] = sequence.source.count
            frame.targetLengths[index] = sequence.tokens.count
            frame.begins[index] = sequence.begins
            for (step, token) in sequence.source.enumerated() { frame.sourceTokens[step * frame.batch + index] = Int32(token) }
            for (step, token) in sequence.tokens.enumerated() { frame.targetTokens[step * frame.batch + index] = Int32(token) }
            for (step, target) in sequence.targets.enumerated() {
                frame.targets[step * frame.batch + index] = Int32(target)
                if target >= 0 { count += 1 }
            }
        }
        return count
    }
}

/// One past the largest id of each kind that a batch may have.
struct TokenLimits {
    let source: Int
    let tokens: Int
    let targets: Int

    init(of graph: Graph) {
        source = Network.vocabulary(of: graph, read: [.encode]) ?? .max
        tokens = Network.vocabulary(of: graph, read: [.step, .decode]) ?? .max
        targets = TrainingGraph.logits(of: graph).map { graph[$0].shape.last } ?? 0
    }

    func check(_ sequences: [TrainingRunner.Sequence], _ frame: Frame) throws(NetworkError) {
        guard sequences.count == frame.batch else {
            throw .inputMismatch("the batch has \(sequences.count) sequences, not \(frame.batch)")
        }
        for sequence in sequences {
            guard sequence.tokens.count <= frame.targetCapacity, sequence.source.count <= frame.sourceCapacity,
                sequence.targets.count <= max(1, sequence.tokens.count)
            else { throw .inputMismatch("a sequence is longer than the \(frame.targetCapacity) steps of a batch") }
            for id in sequence.source where !(0..<source).contains(id) { throw .tokenOutOfRange(id, limit: source) }
            for id in sequence.tokens where !(0..<tokens).contains(id) { throw .tokenOutOfRange(id, limit: tokens) }
            for id in sequence.targets where id >= targets { throw .tokenOutOfRange(id, limit: targets) }
        }
    }
}
