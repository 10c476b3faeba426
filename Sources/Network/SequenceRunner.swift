import Kernels

/// Runs whole sequences from their beginning and hands back every result: taggers, classifiers, translations of known targets,
/// programs over vectors. Sequences of a batch may differ in length; none sees another.
public final class SequenceRunner {
    /// What one sequence reads.
    public struct Input: Sendable {
        /// Of `encode`.
        public var source: [Int]
        /// Of `step` or `decode`.
        public var tokens: [Int]
        /// In place of tokens, by the name of the input: one vector for each step.
        public var vectors: [String: [[Float]]]

        public init(source: [Int] = [], tokens: [Int] = [], vectors: [String: [[Float]]] = [:]) {
            self.source = source
            self.tokens = tokens
            self.vectors = vectors
        }
    }

    /// A result of an entry for one sequence.
    public struct Output: Sendable, Equatable {
        public var name: String
        /// Of one value.
        public var shape: [Int]
        /// One value for each step; one in all for a result that is not timed.
        public var values: [[Float]]
    }

    public let network: Network
    private let plan: Plan
    /// Steps of the target that are computed at once.
    private let chunk: Int

    /// - Parameter chunk: steps of the target computed at once; nil: as many as the plan says. The results do not depend on it.
    public init(_ network: Network, chunk: Int? = nil) {
        self.network = network
        plan = network.plan
        self.chunk = max(1, chunk ?? network.plan.chunk)
    }

    /// - Returns: for each sequence, the results of each entry. [sequence][entry]
    /// - Throws: `NetworkError` for what cannot be read; with checks `.notFinite`, and there are no results.
    public func run(_ inputs: [Input]) throws -> [[Entry: [Output]]] {
        try check(inputs)
        let sourceLengths = inputs.map { length($0, of: .encode) }
        let targetLengths = inputs.map { length($0, of: network.graph.generating) }
        let frame = Frame(
            plan: plan, weights: network.weights, batch: inputs.count, sourceCapacity: sourceLengths.max() ?? 0,
            targetCapacity: min(chunk, max(1, targetLengths.max() ?? 0)), threads: network.team.count,
            checks: network.options.checks)
        var results = [[Entry: [Output]]](repeating: [:], count: inputs.count)
        if network.graph.results[.encode] != nil {
            try read(inputs, sourceLengths, frame)
            for entry in [Entry.encode, .answer] {
                for sequence in inputs.indices {
                    collect(entry, frame, sequence, steps: sourceLengths[sequence], into: &results[sequence])
                }
            }
        }
        frame.begin(.target)
        var start = 0
        while start < targetLengths.max() ?? 0 {
            fill(frame, inputs, targetLengths, from: start)
            frame.firstStep = start
            try frame.advance(network.team) {
                for sequence in inputs.indices {
                    collect(
                        network.graph.generating, frame, sequence, steps: frame.targetLengths[sequence], into: &results[sequence])
                }
            }
            start += frame.targetCapacity
        }
        return results
    }

    private func length(_ input: Input, of entry: Entry) -> Int {
        if let first = plan.vectorInputs.first(where: { $0.entry == entry }) { return input.vectors[first.name]?.count ?? 0 }
        return entry == .encode ? input.source.count : input.tokens.count
    }

    private func check(_ inputs: [Input]) throws(NetworkError) {
        for input in inputs {
            try network.check(input.source)
            if network.graph.generating == .step { try network.check(input.tokens) }
            if network.graph.results[.encode] != nil {
                if length(input, of: .encode) == 0 { throw .emptySource }
                if let limit = network.options.sourceLimit, length(input, of: .encode) > limit {
                    throw .sourceTooLong(length(input, of: .encode), limit: limit)
                }
            }
            for (entry, name, _, size) in plan.vectorInputs {
                let vectors = input.vectors[name] ?? []
                guard vectors.count == length(input, of: entry), vectors.allSatisfy({ $0.count == size }) else {
                    throw .inputMismatch("input \(name) takes vectors of \(size) numbers, one for each step")
                }
            }
        }
    }

    private func read(_ inputs: [Input], _ lengths: [Int], _ frame: Frame) throws(NetworkError) {
        frame.sourceLengths = lengths
        for (sequence, input) in inputs.enumerated() {
            for (step, token) in input.source.enumerated() {
                frame.sourceTokens[step * frame.batch + sequence] = Int32(truncatingIfNeeded: token)
            }
            for vector in plan.vectorInputs where vector.entry == .encode {
                write(input.vectors[vector.name] ?? [], to: vector.buffer, frame, sequence)
            }
        }
        try frame.read(network.team)
    }

    private func fill(_ frame: Frame, _ inputs: [Input], _ lengths: [Int], from start: Int) {
        for (sequence, input) in inputs.enumerated() {
            let own = max(0, min(frame.targetCapacity, lengths[sequence] - start))
            frame.targetLengths[sequence] = own
            for step in 0..<frame.targetCapacity {
                let token = step < own && !input.tokens.isEmpty ? input.tokens[start + step] : 0
                frame.targetTokens[step * frame.batch + sequence] = Int32(truncatingIfNeeded: token)
            }
            for vector in plan.vectorInputs where vector.entry != .encode {
                write(Array((input.vectors[vector.name] ?? []).dropFirst(start).prefix(own)), to: vector.buffer, frame, sequence)
            }
        }
    }

    private func write(_ vectors: [[Float]], to buffer: Int, _ frame: Frame, _ sequence: Int) {
        for (step, vector) in vectors.enumerated() {
            let row = frame.memory[buffer].row(step: step, sequence: sequence)
            for (i, value) in vector.enumerated() { row[i] = value }
        }
    }

    private func collect(_ entry: Entry, _ frame: Frame, _ sequence: Int, steps: Int, into results: inout [Entry: [Output]]) {
        guard let outputs = plan.outputs[entry] else { return }
        if results[entry] == nil {
            results[entry] = outputs.map {
                Output(name: $0.name, shape: $0.shape.resolved(source: frame.sourceLengths[sequence]), values: [])
            }
        }
        for (index, output) in outputs.enumerated() {
            if !output.clock.isTimed, results[entry]?[index].values.isEmpty == false { continue }
            let count = output.shape.count(source: frame.sourceLengths[sequence])
            for step in 0..<(output.clock.isTimed ? steps : 1) {
                let row = frame.row(output.place, step: step, sequence: sequence)
                results[entry]?[index].values.append(Array(UnsafeBufferPointer(start: row, count: count)))
            }
        }
    }
}
