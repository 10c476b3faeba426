import Kernels

/// A program whose tensors are learned: forward, and backward through time, over a batch of sequences.
///
/// Sequences carry their state from one batch to the next (truncated back-propagation): a carried state receives no gradient. Every
/// number is the same for any number of threads. Not Sendable: it belongs to one training run.
public final class TrainingRunner {
    public struct Parameter {
        public let name: String
        public let shape: [Int]
        /// Row-major.
        public let values: UnsafeMutableBufferPointer<Float>
        /// Of the mean loss, by each value.
        public let gradient: UnsafeMutableBufferPointer<Float>
    }

    /// What a batch reads: sequences of up to `steps` tokens.
    public struct Sequence {
        /// Of `encode`.
        public var source: [Int]
        /// Of `step` or `decode`.
        public var tokens: [Int]
        /// The token that should follow each; negative where no loss is taken. Of `answer`: one, the label.
        public var targets: [Int]
        /// Whether it starts from the initial state, not from what the last batch left.
        public var begins: Bool

        public init(source: [Int] = [], tokens: [Int], targets: [Int], begins: Bool) {
            self.source = source
            self.tokens = tokens
            self.targets = targets
            self.begins = begins
        }
    }

    public struct Size {
        /// Sequences.
        public var batch: Int
        /// Tokens of the longest sequence, and of the longest source.
        public var steps: Int
        public var sourceSteps: Int

        public init(batch: Int, steps: Int, sourceSteps: Int = 0) {
            self.batch = batch
            self.steps = steps
            self.sourceSteps = sourceSteps
        }
    }

    public let parameters: [Parameter]
    private let learning: TrainingStage
    /// Made when first needed, and dropped before the next step of training: its memory is large.
    private var evaluating: TrainingStage?
    private let makeEvaluating: () -> TrainingStage
    private let team: ThreadTeam
    /// Values of the parameters, and gradients that have no place in the frame.
    private var owned: [UnsafeMutableRawPointer] = []
    /// Gradients that stand in the frame, to be copied after each step.
    private let copies: [(parameter: Int, place: Plan.Place)]
    private let limits: TokenLimits
    /// Counts changes of the parameters.
    private var version = 0

    /// - Parameters:
    ///   - tensors: the first values; each is converted to f32.
    ///   - threads: nil: one for each core.
    /// - Throws: `NotationErrors`, or `NetworkError`: `.cannotTrain`, `.tooMuchMemory`.
    public init(
        program: String, hyperparameters: [String: Double] = [:], tensors: [String: Tensor], size: Size, threads: Int? = nil
    ) throws {
        let (graph, used) = try TrainingGraph.read(program, hyperparameters, shapes: tensors.mapValues(\.shape))
        let floats = tensors.mapValues { $0.elementType == .f32 ? $0 : Tensor(shape: $0.shape, values: $0.floats()) }
        let names = used.sorted()
        team = threads.map { ThreadTeam(count: max(1, $0)) } ?? .shared
        limits = TokenLimits(of: graph)

        var memory: [String: UnsafeMutablePointer<Float>] = [:]
        var owned: [UnsafeMutableRawPointer] = []
        func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
            let raw = UnsafeMutableRawPointer.allocate(byteCount: (count + vectorWidth) * 4, alignment: 64)
            owned.append(raw)
            let floats = raw.bindMemory(to: Float.self, capacity: count + vectorWidth)
            floats.initialize(repeating: 0, count: count + vectorWidth)
            return floats
        }
        for name in names {
            guard let tensor = floats[name] else { continue }
            let values = allocate(tensor.count)
            tensor.convert(into: UnsafeMutableBufferPointer(start: values, count: tensor.count))
            memory[name] = values
        }
        let learned = Set(names)
        let gradients = try TrainingGraph.gradients(of: graph, by: learned.contains, tokenLimit: size.batch * size.steps)
        learning = TrainingStage(gradients, floats, memory, size, team)
        let loss = try TrainingGraph.loss(of: graph)
        makeEvaluating = { [memory, team] in TrainingStage(loss, floats, memory, size, team) }

        var parameters: [Parameter] = []
        var copies: [(parameter: Int, place: Plan.Place)] = []
        var seen: Set<UnsafeMutablePointer<Float>> = []
        let outputs = learning.plan.outputs[graph.generating] ?? []
        for name in names {
            guard let tensor = floats[name], let values = memory[name] else { continue }
            var gradient: UnsafeMutablePointer<Float>
            if let output = outputs.first(where: { $0.name == "/" + name }) {
                gradient = learning.frame.row(output.place, step: 0, sequence: 0)
                // Two tensors that are only ever added up have one gradient; each gets memory of its own.
                if !seen.insert(gradient).inserted {
                    gradient = allocate(tensor.count)
                    copies.append((parameters.count, output.place))
                }
            } else {
                gradient = allocate(tensor.count)
            }
            parameters.append(
                Parameter(
                    name: name, shape: tensor.shape, values: UnsafeMutableBufferPointer(start: values, count: tensor.count),
                    gradient: UnsafeMutableBufferPointer(start: gradient, count: tensor.count)))
        }
        self.parameters = parameters
        self.copies = copies
        self.owned = owned
    }

    deinit { for pointer in owned { pointer.deallocate() } }

    // MARK: Running

    /// Forward and backward: fills the gradients of the mean loss over all targets.
    /// - Parameter dropoutSeed: decides what is dropped out; nil: nothing is.
    /// - Returns: the mean loss in nats for each target.
    /// - Throws: `NetworkError` for tokens out of range and sequences that are too long.
    public func learn(_ sequences: [Sequence], dropoutSeed: UInt64? = nil) throws(NetworkError) -> Double {
        evaluating = nil
        let loss = try run(learning, sequences, dropoutSeed)
        for copy in copies {
            let row = learning.frame.row(copy.place, step: 0, sequence: 0)
            let gradient = parameters[copy.parameter].gradient
            gradient.baseAddress?.update(from: row, count: gradient.count)
        }
        return loss
    }

    /// Forward alone, nothing dropped out. It has a state of its own, apart from that of `learn`, which ends it.
    /// - Returns: the mean loss in nats for each target.
    public func evaluate(_ sequences: [Sequence]) throws(NetworkError) -> Double {
        let stage = evaluating ?? makeEvaluating()
        evaluating = stage
        return try run(stage, sequences, nil)
    }

    /// To be called after values of parameters have changed.
    public func parametersChanged() { version += 1 }

    /// One past the largest id that can be both fed and foretold.
    public var tokenLimit: Int { min(limits.tokens, limits.targets) }

    /// After a loss or gradient that is no number: where the first NaN or infinity of the last run stands, forward before backward.
    /// What is overwritten from step to step is not seen.
    public var firstNonFinite: NonFinite? { (evaluating ?? learning).frame.firstNonFinite() }

    private func run(_ stage: TrainingStage, _ sequences: [Sequence], _ dropoutSeed: UInt64?) throws(NetworkError) -> Double {
        let frame = stage.frame
        try limits.check(sequences, frame)
        if stage.version != version || dropoutSeed != frame.dropoutSeed {
            stage.weights.refresh(stage.plan, tensors: stage.tensors, team: team, dropoutSeed: dropoutSeed)
            stage.version = version
        }
        frame.dropoutSeed = dropoutSeed
        let count = stage.fill(sequences)
        frame.lossScale = count > 0 ? 1 / Float(count) : 0
        frame.train(team)
        guard let loss = stage.plan.outputs.values.first?.first(where: { $0.name == "loss" }) else { return 0 }
        return Double(frame.row(loss.place, step: 0, sequence: 0)[0])
    }

    // MARK: State

    /// What each sequence carries into the next batch. [sequence][values of all states, one after the other]
    public var carriedState: [[Float]] {
        get { (0..<learning.frame.batch).map { learning.frame.state(of: $0).flatMap { $0 } } }
        set {
            for (sequence, values) in newValue.enumerated() where sequence < learning.frame.batch {
                var rest = values[...]
                let sizes = learning.frame.state(of: sequence).map(\.count)
                guard sizes.reduce(0, +) == values.count else { continue }
                learning.frame.setState(
                    sizes.map { size in
                        defer { rest = rest.dropFirst(size) }
                        return Array(rest.prefix(size))
                    }, of: sequence)
            }
        }
    }
}
