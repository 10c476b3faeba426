import Kernels
import Testing

@testable import Network

/// The derivative of a program, in double precision, against finite differences.
@Suite struct DerivativeTests {
    @Test(arguments: ProgramCase.all) func everyProgram(_ program: ProgramCase) throws {
        let network = try program.network()
        for input in try program.inputs([5, 1]) {
            try FiniteDifferences(network, input, label: program.name).check()
        }
    }

    /// Programs of a line or two for operators that no shipped one differentiates.
    static let expressions = [
        "tanh(v) * sigmoid(w) + relu(v) + exp(w) + log(abs(v) + 1)", "sqrt(abs(v) + 1) + softplus(w) + sin(v) - cos(w)",
        "v / (w * w + 1) - v ^ 3 + (abs(w) + 1) ^ -1.5 + w ^ 0", "max(v, w) - min(v, 2 * w) + max(v, v)",
        "softmax(v) * w + v * mean(w) + sum(v * w)", "outer(v, w) @ v + w @ outer(w, v)", "dropout(v, 0.5) + (x @ A) * (A @ x)",
        "flat(heads(w, 2) * heads(v, 2)) + flat(heads(w, 2) * mean(heads(v, 2)))", "column(v) * (row(w) @ w)",
        "M @ v + v @ M + M2 @ v",
        "[v, w, v] @ J", "prev(v, start: s) + prev(prev(w, start: 0.3), start: v0) * v", "window(v, 3) @ v",
        "sum(window(sum(v), 4)) * w",
        "P @ heads(v, 3) + heads(v, 3) @ P", "B2 @ heads(v, 3)",
    ]

    @Test(arguments: expressions) func everyOperator(_ expression: String) throws {
        var random = SplitMix(seed: 23)
        let shapes: [String: [Int]] = [
            "E": [5, 6], "F": [5, 6], "A": [6, 6], "B": [3, 6], "M": [6, 6], "M2": [6, 6], "J": [18, 6], "s": [6], "v0": [1],
            "P": [3, 2, 2], "B2": [1, 4, 2],
        ]
        var tensors: [String: Tensor] = [:]
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            tensors[name] = Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in random.unit() })
        }
        for program in [
            "step(token) { x = E[token]; v = E[token] + A @ prev(h); w = F[token]; h = tanh(v); y = \(expression); return y }",
            "step(token) { x = E[token]; v = E[token] * prev(u); w = F[token] + prev(h); h = tanh(\(expression)); g = sum(h) + v; u = sigmoid(g); return u, h }",
        ] {
            let text = program.replacing("; ", with: "\n")
            do {
                let network = try Network(program: text, tensors: tensors)
                try FiniteDifferences(network, .init(tokens: [1, 4, 0, 4, 2]), label: text).check()
            } catch let errors as NotationErrors {
                // A result of another size cannot be the state of the second program.
                #expect(program.contains("return u, h"), "\(errors)")
            }
        }
    }

    @Test func tablesAreDifferentiatedThrough() throws {
        let program = ProgramCase.all.first { $0.name == "lstm" } ?? ProgramCase.all[0]
        let network = try program.network()
        try FiniteDifferences(network, program.inputs([4])[0], label: "tables", tabulating: true).check()
    }

    @Test func randomPrograms() throws {
        var checked = 0
        for seed in RandomProgramTests.seeds.prefix(80) {
            let program = RandomProgram(seed: seed)
            guard
                let network = try? Network(
                    program: program.text, hyperparameters: program.hyperparameters, tensors: program.tensors)
            else { continue }
            let isSource = network.graph.results[.encode] != nil
            let input = SequenceRunner.Input(source: isSource ? [1, 3, 0] : [], tokens: [2, 0, 4, 1])
            if network.plan.vectorInputs.isEmpty {
                try FiniteDifferences(network, input, label: "seed \(seed)\n\(program.text)").check()
                checked += 1
            }
        }
        #expect(checked > 25)
    }
}

/// A loss that weights every element of every result, and its derivative by every tensor.
struct FiniteDifferences {
    let network: Network
    let input: SequenceRunner.Input
    let label: String
    private let graph: Graph
    private let loss: [(node: Graph.ID, weight: Graph.ID)]

    init(_ network: Network, _ input: SequenceRunner.Input, label: String, tabulating: Bool = false) throws {
        self.network = network
        self.input = input
        self.label = label
        var rewriting = Rewriting(graph: network.graph)
        if tabulating { rewriting.tabulateTokens() }
        var graph = rewriting.graph
        var random = SplitMix(seed: 99)
        var loss: [(node: Graph.ID, weight: Graph.ID)] = []
        for root in graph.roots where !loss.contains(where: { $0.node == root }) {
            let weight = graph.appendFresh(.number(Double(random.unit()) + 0.1), [], at: graph[root].position)
            loss.append((root, weight))
        }
        self.graph = graph
        self.loss = loss
    }

    private func interpreter(_ graph: Graph, _ tensors: [String: Interpreter.Value]) -> Interpreter {
        var interpreter = Interpreter(graph: graph, tensors: tensors)
        if !input.source.isEmpty { interpreter.tokens[.encode] = input.source }
        if !input.tokens.isEmpty { interpreter.tokens[network.graph.generating] = input.tokens }
        interpreter.vectors = input.vectors.mapValues { $0.map { $0.map(Double.init) } }
        return interpreter
    }

    private func loss(_ tensors: [String: Interpreter.Value]) -> Double {
        var run = interpreter(graph, tensors)
        var sum = 0.0
        for (node, weight) in loss {
            let steps = graph[node].clock.isTimed ? run.steps(graph[node].clock) : 1
            for step in 0..<steps {
                sum += (graph.number(weight) ?? 0) * run.value(of: node, at: step).elements.reduce(0, +)
            }
        }
        return sum
    }

    func check() throws {
        let derivative = Derivative(of: graph, seeds: loss.map { ($0.node, $0.weight) }) {
            if case .tensor = $0.op { true } else { false }
        }
        let tensors = network.tensors.mapValues { Interpreter.Value($0.shape, floats: $0.floats()) }
        var run = interpreter(derivative.graph, tensors)
        var random = SplitMix(seed: 7)
        for (id, node) in derivative.graph.nodes.enumerated() {
            guard case .tensor(let name) = node.op, let tensor = tensors[name] else { continue }
            let found = derivative.adjoints[id].map { run.value(of: $0, at: 0) }
            if let found { #expect(found.shape == tensor.shape, "\(name) in \(label)") }
            for _ in 0..<3 {
                let element = Int(random.next() % UInt64(tensor.elements.count))
                func loss(_ difference: Double) -> Double {
                    var changed = tensors
                    changed[name]?.elements[element] += difference
                    return self.loss(changed)
                }
                let step = 1e-5
                // Of fourth order.
                let expected = (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step)
                let value = found?.elements[element] ?? 0
                #expect(
                    abs(value - expected) <= 1e-7 * max(1, abs(expected)),
                    "\(name)[\(element)]: \(value), \(expected) in \(label)")
            }
        }
    }
}
