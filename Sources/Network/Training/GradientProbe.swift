import Kernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Looks at the gradient through time: how much of what the loss at one step says is left some steps before, how far gates are
/// saturated, and whether a step shrinks or stretches what it is given (Pascanu, Mikolov and Bengio, "On the difficulty of training
/// recurrent neural networks", 2013).
public final class GradientProbe {
    /// What a sequence carries from step to step.
    public struct State: Sendable {
        /// As the program calls it: `layers.0.h`.
        public var name: String
        /// The Euclidean norm of the derivative of the loss at the last step by this state k steps before it, k = 0, 1, …; the mean
        /// over the sequences that are so long.
        public var norms: [Double]
    }

    /// The values of a sigmoid or tanh.
    public struct Gate: Sendable {
        /// Of the value or, where it has none, of its operand.
        public var name: String
        public var isSigmoid: Bool
        /// Of all elements, steps and sequences.
        public var activations: [Float]
    }

    public struct Measurement: Sendable {
        public var states: [State]
        public var gates: [Gate]
        /// Of the Jacobian of one step, of all states together by all states before it, at the end of each sequence. 0 where nothing
        /// passes; empty where there are no states.
        public var spectralRadii: [Double]
    }

    private let stage: TrainingStage
    private let limits: TokenLimits
    private let team: ThreadTeam
    private let states: [String]
    private let gates: [(name: String, function: Operator.Function)]
    private let outputs: [String: Plan.Output]
    /// Whether the label of a whole sequence is the target, not the next token.
    private let answers: Bool

    /// - Throws: `NotationErrors`, `NetworkError.cannotTrain`.
    public init(
        program: String, hyperparameters: [String: Double] = [:], tensors: [String: Tensor], size: TrainingRunner.Size,
        threads: Int? = nil
    ) throws {
        let graph = try TrainingGraph.read(program, hyperparameters, shapes: tensors.mapValues(\.shape)).graph
        team = threads.map { ThreadTeam(count: max(1, $0)) } ?? .shared
        limits = TokenLimits(of: graph)
        answers = graph.results[.answer] != nil
        let (probed, states, gates) = try TrainingGraph.probe(of: graph)
        let floats = tensors.mapValues { $0.elementType == .f32 ? $0 : Tensor(shape: $0.shape, values: $0.floats()) }
        stage = TrainingStage(probed, floats, [:], size, team)
        self.states = states
        self.gates = gates
        outputs = Dictionary(
            (stage.plan.outputs[probed.generating] ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter sequences: each begins with the initial state; of the targets only the last counts.
    /// - Throws: `NetworkError` for tokens out of range and sequences that are too long or empty.
    public func measure(_ sequences: [TrainingRunner.Sequence]) throws(NetworkError) -> Measurement {
        try limits.check(sequences, stage.frame)
        guard sequences.allSatisfy({ !$0.tokens.isEmpty && $0.targets.last.map { $0 >= 0 } == true }) else {
            throw .inputMismatch("a sequence has no step, or no target at the last one")
        }
        let watched = sequences.map { sequence in
            var sequence = sequence
            for step in sequence.targets.indices.dropLast() { sequence.targets[step] = -1 }
            sequence.begins = true
            return sequence
        }
        _ = stage.fill(watched)
        stage.frame.dropoutSeed = nil
        stage.frame.lossScale = 1
        stage.frame.train(team)
        let lengths = watched.map(\.tokens.count)
        let states = states.indices.map { State(name: self.states[$0], norms: norms(of: $0, lengths)) }
        let gates = gates.indices.map { index in
            Gate(
                name: self.gates[index].name, isSigmoid: self.gates[index].function == .sigmoid,
                activations: activations(of: index, lengths))
        }
        return Measurement(states: states, gates: gates, spectralRadii: spectralRadii(watched))
    }

    private func numbers(_ output: Plan.Output, step: Int, sequence: Int) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(
            start: stage.frame.row(output.place, step: step, sequence: sequence),
            count: output.shape.count(source: stage.frame.sourceLengths[sequence]))
    }

    private func norms(of state: Int, _ lengths: [Int]) -> [Double] {
        guard let output = outputs["state/\(state)"] else { return [] }
        return (0..<(lengths.max() ?? 0)).map { back in
            let reached = lengths.indices.filter { back < lengths[$0] }
            let sum = reached.reduce(0.0) { $0 + norm(numbers(output, step: lengths[$1] - 1 - back, sequence: $1)) }
            return sum / Double(reached.count)
        }
    }

    private func activations(of gate: Int, _ lengths: [Int]) -> [Float] {
        guard let output = outputs["gate/\(gate)"] else { return [] }
        var values: [Float] = []
        for (sequence, length) in lengths.enumerated() {
            for step in 0..<length { values += numbers(output, step: step, sequence: sequence) }
        }
        return values
    }

    private func norm(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
        values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }

    // MARK: The Jacobian

    private static let iterations = 96
    /// By then what is not of the largest eigenvalues has died away.
    private static let settling = 32

    /// By power iteration with the transposed Jacobian, which the derivative of one step computes. The eigenvalues of the largest size
    /// may be a complex pair, so that the direction never settles: the mean growth does.
    private func spectralRadii(_ sequences: [TrainingRunner.Sequence]) -> [Double] {
        let adjoints = states.indices.compactMap { outputs["delay/\($0)"] }
        if adjoints.isEmpty { return [] }
        let frame = stage.frame
        let past = sequences.indices.map { frame.state(of: $0) }
        let next = sequences.map { sequence in
            var next = sequence
            let token = answers ? sequence.tokens.last : sequence.targets.last
            next.tokens = [token.flatMap { $0 < limits.tokens ? $0 : nil } ?? 0]
            next.targets = [-1]
            next.begins = false
            return next
        }
        var vectors = sequences.indices.map { sequence in
            adjoints.enumerated().map { index, output in
                (0..<output.shape.count(source: frame.sourceLengths[sequence])).map { Self.anyNumber($0, index) }
            }
        }
        var logarithms = [Double](repeating: 0, count: sequences.count)
        for iteration in 0..<Self.iterations {
            for sequence in sequences.indices { frame.setState(past[sequence], of: sequence) }
            _ = stage.fill(next)
            frame.train(team) {
                for (sequence, vector) in vectors.enumerated() {
                    for (output, values) in zip(adjoints, vector) {
                        _ = numbers(output, step: 1, sequence: sequence).update(fromContentsOf: values)
                    }
                }
            }
            for sequence in sequences.indices {
                let rows = adjoints.map { Array(numbers($0, step: 0, sequence: sequence)) }
                let squares = rows.reduce(0.0) { $0 + $1.reduce(0.0) { $0 + Double($1) * Double($1) } }
                let growth = squares.squareRoot()
                if iteration >= Self.settling { logarithms[sequence] += log(growth) }
                vectors[sequence] = growth > 0 ? rows.map { $0.map { Float(Double($0) / growth) } } : rows
            }
        }
        return logarithms.map { exp($0 / Double(Self.iterations - Self.settling)) }
    }

    /// From -1 to 1, without a pattern that a Jacobian could have.
    private static func anyNumber(_ index: Int, _ state: Int) -> Float {
        var bits = UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(state) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 31) &* 0x94d0_49bb_1331_11eb
        return Float(bits >> 40) / Float(1 << 23) - 1
    }
}
