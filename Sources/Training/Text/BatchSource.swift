import Generation

/// Where the steps of a training get what they read.
public protocol BatchSource: Sendable {
    /// Sequences in a batch: the same number at every step.
    var batchSize: Int { get }
    /// The greatest length of a sequence in a batch, in tokens.
    var window: Int { get }
    /// Steps until everything has been read once.
    var stepsPerEpoch: Int { get }
    /// For each target, the characters of the text; 1 where tokens are characters.
    var tokensPerCharacter: Double { get }
    /// Tells what is read from anything else that could be.
    var digest: String { get }

    mutating func next(using generator: inout RandomGenerator) -> Batch

    /// Where reading is, for checkpoints.
    var position: [Int] { get }
    /// - Returns: false where there is no such place.
    mutating func move(to position: [Int]) -> Bool
}

/// What a training is measured on.
public protocol EvaluationSource: Sendable {
    var tokensPerCharacter: Double { get }
    /// Every target once, in the order of carried state.
    ///
    /// - Parameter body: gives false when no more batches are wanted.
    func forEachBatch(_ body: (Batch) throws -> Bool) rethrows
}

extension Batch {
    /// A sequence that is shorter than the others is filled up with an id whose target is none.
    static let noTarget = -1

    mutating func append(inputs: [Int], targets: [Int], begins: Bool, window: Int) {
        let missing = window - inputs.count
        self.inputs.append(inputs + [Int](repeating: inputs.last ?? 0, count: missing))
        self.targets.append(targets + [Int](repeating: Self.noTarget, count: missing))
        self.begins.append(begins)
    }
}
