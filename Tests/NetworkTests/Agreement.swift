import Kernels
import Testing

@testable import Network

/// One program with its tensors: planned against the interpreter, and every way of running it against every other.
struct Agreement {
    var label: String
    var program: String
    var hyperparameters: [String: Double] = [:]
    var tensors: [String: Tensor]
    /// Ids that tokens are drawn from.
    static let vocabulary = 5

    init(label: String, program: String, hyperparameters: [String: Double] = [:], tensors: [String: Tensor]) {
        self.label = label
        self.program = program
        self.hyperparameters = hyperparameters
        self.tensors = tensors
    }

    /// Tensors of random numbers from -0.5 to 0.5.
    init(_ program: String, tensors: [String: [Int]] = [:], function: String = #function) {
        var random = SplitMix(seed: 3)
        self.init(
            label: function, program: program,
            tensors: Dictionary(
                uniqueKeysWithValues: tensors.sorted { $0.key < $1.key }.map { name, shape in
                    (name, Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in random.unit() / 2 }))
                }))
    }

    private func network(threads: Int) throws -> Network {
        try Network(
            program: program, hyperparameters: hyperparameters, tensors: tensors, options: NetworkOptions(threads: threads))
    }

    private func comment(_ text: String) -> Comment { "\(label): \(text)\n\(program)" }

    func check() throws {
        let network = try network(threads: 1)
        let inputs = inputs(of: network, lengths: [7, 1, 4, 67, 2, 7])
        let single = try inputs.map { try SequenceRunner(network).run([$0])[0] }
        try compare(network, inputs[0], single[0])
        for (index, input) in inputs.enumerated() where index < 4 {
            for chunk in [1, 3] {
                let again = try SequenceRunner(network, chunk: chunk).run([input])[0]
                #expect(same(again, single[index]), comment("sequence \(index) in chunks of \(chunk)"))
            }
        }
        for chunk in [1, 3, 64] {
            let batched = try SequenceRunner(network, chunk: chunk).run(inputs)
            for index in inputs.indices {
                #expect(same(batched[index], single[index]), comment("sequence \(index) of a batch in chunks of \(chunk)"))
            }
        }
        let threaded = try SequenceRunner(self.network(threads: 2)).run(inputs)
        for index in inputs.indices { #expect(same(threaded[index], single[index]), comment("sequence \(index), 2 threads")) }
        if network.kind == .languageModel { try checkState(network, inputs.map(\.tokens)) }
    }

    /// Bit for bit.
    private func same(_ a: [Entry: [SequenceRunner.Output]], _ b: [Entry: [SequenceRunner.Output]]) -> Bool {
        guard a.keys == b.keys else { return false }
        return a.allSatisfy { entry, outputs in
            zip(outputs, b[entry] ?? []).allSatisfy { x, y in
                x.name == y.name && x.shape == y.shape && x.values.count == y.values.count
                    && zip(x.values, y.values).allSatisfy { $0.map(\.bitPattern) == $1.map(\.bitPattern) }
            }
        }
    }

    private func inputs(of network: Network, lengths: [Int]) -> [SequenceRunner.Input] {
        var random = SplitMix(seed: 11)
        let entries = Set(network.graph.results.keys)
        let generating = network.graph.generating
        func isVector(_ entry: Entry) -> Bool { network.plan.vectorInputs.contains { $0.entry == entry } }
        return lengths.map { length in
            var input = SequenceRunner.Input()
            func tokens(_ count: Int) -> [Int] { (0..<count).map { _ in Int(random.next() % UInt64(Self.vocabulary)) } }
            for vector in network.plan.vectorInputs {
                input.vectors[vector.name] = (0..<length).map { _ in (0..<vector.size).map { _ in random.unit() } }
            }
            if entries.contains(.encode), !isVector(.encode) { input.source = tokens(length) }
            if entries.contains(generating), !isVector(generating) {
                input.tokens = tokens(generating == .step ? length : length + 2)
            }
            return input
        }
    }

    private func compare(
        _ network: Network, _ input: SequenceRunner.Input, _ results: [Entry: [SequenceRunner.Output]]
    ) throws {
        #expect(Set(results.keys) == Set(network.graph.results.keys), comment("the entries with results"))
        for (entry, outputs) in results {
            var interpreter = try network.interpreter(for: input)
            // What rounding the vectors of products with blocks does to a value is what the plan may differ by.
            var rounded = interpreter
            rounded.integerProducts = network.integerProducts
            let isRounded = !network.integerProducts.isEmpty
            for (output, root) in zip(outputs, network.graph.results[entry] ?? []) {
                var (largest, error, allowed, isFinite) = (1.0, 0.0, 0.0, true)
                for (step, values) in output.values.enumerated() {
                    let expected = interpreter.value(of: root.node, at: step).expanded(to: output.shape).elements
                    #expect(expected.count == values.count, comment("the size of \(entry).\(output.name)"))
                    if isRounded {
                        let other = rounded.value(of: root.node, at: step).expanded(to: output.shape).elements
                        for (a, b) in zip(expected, other) { allowed = max(allowed, abs(a - b)) }
                    }
                    for (a, b) in zip(expected, values) {
                        if !a.isFinite { isFinite = false }
                        largest = max(largest, abs(a))
                        // A NaN is no agreement.
                        error = b.isFinite ? max(error, abs(a - Double(b))) : .infinity
                    }
                }
                #expect(
                    !isFinite || error <= 8 * allowed + (isRounded ? 1e-2 : 1e-5) * largest,
                    comment("\(entry).\(output.name): error \(error), largest \(largest), allowed \(allowed)"))
            }
        }
    }

    /// One runner fed with texts of unequal length, twice, against single steps whose state moves between runners.
    private func checkState(_ network: Network, _ texts: [[Int]]) throws {
        let batch = try LanguageRunner(network, batch: texts.count)
        var logits = try batch.feed(texts.map { Array($0.prefix(3)) })
        let rest = try batch.feed(texts.map { Array($0.dropFirst(3)) })
        for index in texts.indices where !rest[index].isEmpty { logits[index] = rest[index] }
        for (index, text) in texts.enumerated() {
            var state = network.initialState
            var last: [Float] = []
            for (step, token) in text.enumerated() {
                let runner = try LanguageRunner(network, batch: 2)
                try runner.setState(state, of: step % 2)
                let both = try runner.step([token, token]) { Array($0) }
                let size = network.vocabulary ?? 0
                last = Array(both[step % 2 * size..<(step % 2 + 1) * size])
                state = runner.state(of: step % 2)
            }
            #expect(last.map(\.bitPattern) == logits[index].map(\.bitPattern), comment("logits of \(index)"))
            #expect(batch.state(of: index) == state, comment("state of \(index)"))
        }
    }
}
