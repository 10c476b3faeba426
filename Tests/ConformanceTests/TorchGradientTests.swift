import Foundation
import Kernels
import Testing

@testable import Network

/// The gradients of PyTorch's own recurrent layers: of every parameter, the input and the initial states, in double precision by the
/// interpreter and in single by the plan.
@Suite struct TorchGradientTests {
    @Test(arguments: TorchLayerTests.layers) func everyGradient(_ layer: TorchLayerTests.Layer) throws {
        let golden = try Fixtures.json("torch_golden/\(layer.name).json")
        let arguments = golden["args"] as? [String: Any] ?? [:]
        let tolerance = golden["tolerance"] as? [String: Double] ?? [:]
        let exact = try #require(tolerance["float64"])
        let single = try #require(tolerance["float32_grad_rel"])
        let isBatchFirst = (golden["layout"] as? String)?.hasPrefix("(B") == true
        let inputs = cube(golden["input"])
        let sequences = isBatchFirst ? inputs.count : inputs[0].count
        var (interpreted, planned): ([String: [Double]], [String: [Double]]) = ([:], [:])
        for sequence in 0..<sequences {
            func steps(_ key: String) -> [[Double]] {
                isBatchFirst ? cube(golden[key])[sequence] : cube(golden[key]).map { $0[sequence] }
            }
            let tensors = try TorchLayerTests.tensors(layer, golden, sequence)
            let network = try Network(
                program: Fixtures.program(layer.program),
                hyperparameters: ["inputs": try #require(arguments["input_size"] as? Double)], tensors: tensors)
            let derivative = LayerDerivative(network, outputSize: steps("loss_weight")[0].count)
            let vectors = ["x": steps("input"), "loss_weight": steps("loss_weight")]
            add(derivative.interpreted(tensors, vectors), to: &interpreted, sequence)
            add(derivative.planned(tensors, vectors), to: &planned, sequence)
            let input = steps("grad_input").flatMap { $0 }
            #expect(largestError(interpreted["x.\(sequence)"] ?? [], input) <= exact)
            #expect(relativeError(planned["x.\(sequence)"] ?? [], input) <= single)
        }
        for (name, gradient) in golden["grad"] as? [String: Any] ?? [:] {
            let expected = vector(flattened(gradient))
            let own = TorchLayerTests.name(of: name, layer)
            #expect(largestError(interpreted[own] ?? [], expected) <= exact, "\(own)")
            #expect(relativeError(planned[own] ?? [], expected) <= single, "\(own)")
        }
        for (key, suffix) in [("grad_h0", layer.name.hasPrefix("lstm") ? "start_h" : "start"), ("grad_c0", "start_c")] {
            for (index, states) in cube(golden[key]).enumerated() {
                for (sequence, expected) in states.enumerated() {
                    let own = TorchLayerTests.start(index, suffix, layer) + ".\(sequence)"
                    #expect(largestError(interpreted[own] ?? [], expected) <= exact, "\(own)")
                    #expect(relativeError(planned[own] ?? [], expected) <= single, "\(own)")
                }
            }
        }
    }

    /// Parameters are shared by the sequences; starts and inputs are each one's own.
    private func add(_ gradients: [String: [Double]], to sums: inout [String: [Double]], _ sequence: Int) {
        for (name, gradient) in gradients {
            if name == "x" || name.contains("start") {
                sums["\(name).\(sequence)"] = gradient
            } else {
                sums[name] = zip(sums[name] ?? gradient.map { _ in 0 }, gradient).map { $0 + $1 }
            }
        }
    }

    private func flattened(_ value: Any) -> [Any] { (value as? [Any])?.flatMap { flattened($0) } ?? [value] }

    /// Of the largest number.
    private func relativeError(_ a: [Double], _ b: [Double]) -> Double {
        largestError(a, b) / max(1, b.map(abs).max() ?? 1)
    }
}

/// The derivative of `sum(output * loss_weight) + 0.5 * sum(h_n^2) + sum(sin(c_n))`.
struct LayerDerivative {
    private let graph: Graph
    private let clock: Clock
    /// By the name of a tensor, or of the input.
    private let gradients: [String: Graph.ID]

    init(_ network: Network, outputSize: Int) {
        var graph = network.graph
        let entry: Entry = graph.results[.encode] == nil ? .step : .encode
        let output = graph.results[entry]?[0].node ?? 0
        let clock = graph[output].clock
        func make(_ op: Operator, _ operands: [Graph.ID], _ shape: Shape, _ clock: Clock) -> Graph.ID {
            let id = graph.appendFresh(op, operands, at: graph[output].position)
            (graph[id].shape, graph[id].clock) = (shape, clock)
            return id
        }
        let weight = make(.input(entry, name: "loss_weight", size: outputSize), [], [outputSize], clock)
        var seeds = [(node: output, adjoint: weight)]
        for id in network.graph.nodes.indices {
            guard case .delay(let direction, _) = graph[id].op, let name = graph[id].name else { continue }
            let isCell = name.hasSuffix(".c")
            guard isCell || name.hasSuffix(".h") else { continue }
            // 1 at the last step that the state goes to.
            let isLast = make(
                .delay(direction.reversed, clock), [make(.number(0), [], [], .constant), make(.number(1), [], [], .constant)], [],
                clock)
            let state = graph[id].operands[0]
            let derivative = isCell ? make(.function(.cos), [state], graph[state].shape, clock) : state
            seeds.append((state, make(.multiply, [derivative, isLast], graph[state].shape, clock)))
        }
        let derivative = Derivative(of: graph, seeds: seeds) { node in
            switch node.op {
            case .tensor: true
            case .input(_, let name, _): name == "x"
            default: false
            }
        }
        var gradients: [String: Graph.ID] = [:]
        for (id, node) in graph.nodes.enumerated() {
            guard let adjoint = derivative.adjoints[id] else { continue }
            switch node.op {
            case .tensor(let name): gradients[name] = adjoint
            case .input(_, "x", _): gradients["x"] = adjoint
            default: break
            }
        }
        self.graph = derivative.graph
        self.clock = clock
        self.gradients = gradients
    }

    func interpreted(_ tensors: [String: Tensor], _ vectors: [String: [[Double]]]) -> [String: [Double]] {
        var run = Interpreter(graph: graph, tensors: tensors.mapValues { Interpreter.Value($0.shape, floats: $0.floats()) })
        run.vectors = vectors
        return gradients.mapValues { id in
            (0..<(graph[id].clock.isTimed ? run.steps(clock) : 1)).flatMap { run.value(of: id, at: $0).elements }
        }
    }

    func planned(_ tensors: [String: Tensor], _ vectors: [String: [[Double]]]) -> [String: [Double]] {
        var graph = graph
        graph.results = [
            graph.generating: gradients.sorted { $0.key < $1.key }.map { Graph.Result(name: $0.key, node: $0.value) }
        ]
        graph.merge()
        let plan = Planner.plan(Rewriting.apply(to: graph, isTraining: true), tensors: tensors, isTraining: true)
        let team = ThreadTeam(count: 2)
        let weights = Weights(plan: plan, tensors: tensors, team: team)
        let steps = vectors["x"]?.count ?? 0
        let frame = Frame(plan: plan, weights: weights, batch: 1, sourceCapacity: steps, targetCapacity: steps, threads: 2)
        if clock == .source { frame.sourceLengths = [steps] } else { frame.targetLengths = [steps] }
        for input in plan.vectorInputs {
            for (step, vector) in (vectors[input.name] ?? []).enumerated() {
                let row = frame.memory[input.buffer].row(step: step, sequence: 0)
                for (i, value) in vector.enumerated() { row[i] = Float(value) }
            }
        }
        frame.train(team)
        var results: [String: [Double]] = [:]
        for output in plan.outputs[graph.generating] ?? [] {
            results[output.name] = (0..<(output.clock.isTimed ? steps : 1)).flatMap { step in
                UnsafeBufferPointer(
                    start: frame.row(output.place, step: step, sequence: 0), count: output.shape.count(source: steps)
                )
                .map(Double.init)
            }
        }
        return results
    }
}
