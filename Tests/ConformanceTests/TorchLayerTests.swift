import Foundation
import Kernels
import Testing

@testable import Network

/// PyTorch's own recurrent layers: outputs and final states, in double precision by the interpreter and in single by the plan.
@Suite struct TorchLayerTests {
    struct Layer: Sendable, CustomTestStringConvertible {
        var name: String
        var program: String
        var testDescription: String { name }
    }

    static let layers = [
        Layer(name: "rnn_tanh", program: "elman"), Layer(name: "rnn_relu", program: "elman_relu"),
        Layer(name: "lstm1", program: "lstm"), Layer(name: "lstm2", program: "lstm"),
        Layer(name: "lstm2_bi", program: "lstm_bidirectional"), Layer(name: "lstm_proj", program: "lstm_projected"),
        Layer(name: "lstm_nobias", program: "lstm_nobias"), Layer(name: "gru1", program: "gru"),
        Layer(name: "gru2", program: "gru"), Layer(name: "gru2_bi", program: "gru_bidirectional"),
        Layer(name: "gru_batchfirst", program: "gru"),
    ]

    @Test(arguments: layers) func outputsAndFinalStates(_ layer: Layer) throws {
        let golden = try Fixtures.json("torch_golden/\(layer.name).json")
        let arguments = golden["args"] as? [String: Any] ?? [:]
        let tolerance = golden["tolerance"] as? [String: Double] ?? [:]
        let exact = try #require(tolerance["float64"])
        let single = try #require(tolerance["float32_forward"])
        let batchFirst = (golden["layout"] as? String)?.hasPrefix("(B") == true
        let (inputs, outputs) = (cube(golden["input"]), cube(golden["output"]))
        let sequences = batchFirst ? inputs.count : inputs[0].count
        let steps = batchFirst ? inputs[0].count : inputs.count
        func at(_ values: [[[Double]]], _ step: Int, _ sequence: Int) -> [Double] {
            batchFirst ? values[sequence][step] : values[step][sequence]
        }
        for sequence in 0..<sequences {
            let network = try Network(
                program: Fixtures.program(layer.program),
                hyperparameters: ["inputs": try #require(arguments["input_size"] as? Double)],
                tensors: Self.tensors(layer, golden, sequence))
            let vectors = (0..<steps).map { at(inputs, $0, sequence) }
            let expected = (0..<steps).flatMap { at(outputs, $0, sequence) }

            // The interpreter.
            var interpreter = Interpreter(
                graph: network.graph, tensors: network.tensors.mapValues { Interpreter.Value($0.shape, floats: $0.floats()) })
            interpreter.vectors["x"] = vectors
            let entry: Entry = network.graph.results[.encode] == nil ? .step : .encode
            let root = try #require(network.graph.results[entry]?.first)
            let interpreted = (0..<steps).flatMap { interpreter.value(of: root.node, at: $0).elements }
            #expect(largestError(interpreted, expected) <= exact)

            // The plan.
            let input = SequenceRunner.Input(vectors: ["x": vectors.map { $0.map(Float.init) }])
            let planned = try SequenceRunner(network).run([input])[0][entry]?.first?.values.flatMap { $0.map(Double.init) }
            #expect(largestError(try #require(planned), expected) <= single)
            try checkFinalStates(network, &interpreter, golden, sequence, steps, exact)
        }
    }

    /// h_n and c_n: the hidden and cell values at the end, or for the reverse direction at the beginning.
    private func checkFinalStates(
        _ network: Network, _ interpreter: inout Interpreter, _ golden: [String: Any], _ sequence: Int, _ steps: Int,
        _ tolerance: Double
    ) throws {
        for (key, value) in [("h_n", "h"), ("c_n", "c")] {
            let expected = cube(golden[key])
            let delays = network.graph.nodes.indices.filter {
                network.graph[$0].op.isDelay && network.graph[$0].name?.hasSuffix(".\(value)") == true
            }
            if expected.isEmpty { continue }
            #expect(delays.count == expected.count)
            for (delay, final) in zip(delays, expected) {
                guard case .delay(let direction, _) = network.graph[delay].op else { continue }
                let step = direction == .previous ? steps - 1 : 0
                let found = interpreter.value(of: network.graph[delay].operands[0], at: step).elements
                #expect(largestError(found, final[sequence]) <= tolerance)
            }
        }
    }

    /// `weight_ih_l0_reverse` becomes `layers.0.reverse.weight_ih`, and the initial states become the starts of one sequence.
    static func tensors(_ layer: Layer, _ golden: [String: Any], _ sequence: Int) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, tensor) in try Fixtures.tensors("torch_golden/\(layer.name).safetensors") {
            result[self.name(of: name, layer)] = tensor
        }
        let isLSTM = layer.name.hasPrefix("lstm")
        for (key, suffix) in [("h0", isLSTM ? "start_h" : "start"), ("c0", "start_c")] {
            for (index, states) in cube(golden[key]).enumerated() {
                result[start(index, suffix, layer)] = Tensor(
                    shape: [states[sequence].count], values: states[sequence].map(Float.init))
            }
        }
        return result
    }

    static func name(of parameter: String, _ layer: Layer) -> String {
        var parts = parameter.replacingOccurrences(of: "_reverse", with: "").components(separatedBy: "_l")
        let number = parts.removeLast()
        let side = layer.name.hasSuffix("_bi") ? (parameter.hasSuffix("_reverse") ? ".reverse" : ".forward") : ""
        return "layers.\(number)\(side).\(parts[0])"
    }

    /// The start of one layer and direction.
    static func start(_ index: Int, _ suffix: String, _ layer: Layer) -> String {
        guard layer.name.hasSuffix("_bi") else { return "layers.\(index).\(suffix)" }
        return "layers.\(index / 2).\(index % 2 == 1 ? "reverse" : "forward").\(suffix)"
    }
}
