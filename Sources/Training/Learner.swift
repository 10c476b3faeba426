/// A tensor that is learned, and the memory of its gradient.
public struct Parameter: @unchecked Sendable {
    public let name: String
    public let shape: [Int]
    /// Row-major, as in the archive.
    public let values: UnsafeMutableBufferPointer<Float>
    /// The derivative of the loss with respect to each value; the same layout.
    public let gradient: UnsafeMutableBufferPointer<Float>

    public init(
        name: String, shape: [Int], values: UnsafeMutableBufferPointer<Float>, gradient: UnsafeMutableBufferPointer<Float>
    ) {
        self.name = name
        self.shape = shape
        self.values = values
        self.gradient = gradient
    }
}

/// What the next step of training reads: the same number of sequences at every step.
public struct Batch: Sendable, Equatable {
    /// Of each sequence, the ids that are fed. [sequence][step]
    public var inputs: [[Int]]
    /// The id that should follow each of them; negative where no loss is taken. [sequence][step]
    public var targets: [[Int]]
    /// Sequences that begin anew: their state is what it is before a first token, not what the last step of training left.
    public var begins: [Bool]
    /// For translation, the source of each sequence; empty otherwise.
    public var sources: [[Int]]

    public init(inputs: [[Int]], targets: [[Int]], begins: [Bool], sources: [[Int]] = []) {
        self.inputs = inputs
        self.targets = targets
        self.begins = begins
        self.sources = sources
    }

    /// Targets that a loss is taken of.
    public var targetCount: Int { targets.reduce(0) { $0 + $1.reduce(0) { $1 >= 0 ? $0 + 1 : $0 } } }
}

/// A network that can be trained: what the trainer knows of it.
public protocol Learner: AnyObject {
    /// Always the same, in the same order.
    var parameters: [Parameter] { get }
    /// Forward and backward through time: fills the gradients of the mean loss over the batch's targets, and keeps the state that
    /// each sequence ends with for the next call.
    /// - Parameter dropoutSeed: decides what is dropped; nil: nothing is.
    /// - Returns: the mean loss, in nats for each target.
    func learn(_ batch: Batch, dropoutSeed: UInt64?) throws -> Double
    /// Forward only, without dropout; keeps the state likewise.
    /// - Returns: the mean loss, in nats for each target.
    func evaluate(_ batch: Batch) throws -> Double
    /// To be called when values of parameters have been changed.
    func parametersChanged()
    /// What the sequences carry from one batch to the next, for checkpoints and for a look aside. The lengths never change, so that a
    /// checkpoint of another network is seen; none at all where no batch was read yet.
    var carriedState: [[Float]] { get set }
    /// After a loss or gradient that is NaN or infinite: the value in which the first such number appeared, and where, as the middle
    /// of a sentence; nil: not known.
    var firstNonFinite: String? { get }
}

extension Learner {
    public var firstNonFinite: String? { nil }
}
