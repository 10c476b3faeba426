import Foundation
import Kernels
import Testing

@testable import Network

/// Gradients through time whose size is known beforehand.
@Suite struct GradientProbeTests {
    private func measure(
        _ program: String, _ tensors: [String: Tensor], _ lengths: [Int], vocabulary: Int = 3
    ) throws -> GradientProbe.Measurement {
        let probe = try GradientProbe(
            program: program, tensors: tensors, size: .init(batch: lengths.count, steps: lengths.max() ?? 0), threads: 2)
        return try probe.measure(
            lengths.map { length in
                let ids = (0...length).map { ($0 * 7 + length) % vocabulary }
                return .init(tokens: Array(ids.dropLast()), targets: Array(ids.dropFirst()), begins: false)
            })
    }

    private func tensor(_ shape: [Int], _ seed: Double, scale: Double = 1) -> Tensor {
        Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { Float(scale * sin(Double($0 + 1) * seed)) })
    }

    @Test func aDecayedSumForgetsByItsFactor() throws {
        let found = try measure(
            "step(token) {\nh = 0.5 * prev(h) + E[token]\nreturn W @ h\n}",
            ["E": tensor([3, 4], 0.7), "W": tensor([3, 4], 1.3)],
            [12, 12, 5])
        let state = try #require(found.states.first)
        #expect(found.states.count == 1 && state.name == "h" && state.norms.count == 12)
        for back in 1..<5 { #expect(abs(state.norms[back] / state.norms[back - 1] - 0.5) < 1e-6) }
        for back in 6..<12 { #expect(abs(state.norms[back] / state.norms[back - 1] - 0.5) < 1e-6) }
        for radius in found.spectralRadii { #expect(abs(radius - 0.5) < 1e-6) }
        #expect(found.spectralRadii.count == 3)
    }

    /// A rotation that shrinks: both eigenvalues are complex, of the same size.
    @Test func aRotationHasARadius() throws {
        let (c, s) = (Float(0.9 * cos(1)), Float(0.9 * sin(1)))
        let found = try measure(
            "step(token) {\nh = R @ prev(h) + E[token]\nreturn W @ h\n}",
            ["E": tensor([3, 2], 0.7), "W": tensor([3, 2], 1.3), "R": Tensor(shape: [2, 2], values: [c, -s, s, c])], [6])
        for radius in found.spectralRadii { #expect(abs(radius - 0.9) < 1e-5) }
        let norms = try #require(found.states.first).norms
        for back in 1..<6 { #expect(abs(norms[back] / norms[back - 1] - 0.9) < 1e-5) }
    }

    /// Two states of which one feeds the other: the Jacobian of both together is triangular.
    @Test func statesAreTakenTogether() throws {
        let found = try measure(
            "step(token) {\na = 0.3 * prev(a) + E[token]\nb = 0.8 * prev(b) + 5 * prev(a)\nreturn W @ b\n}",
            ["E": tensor([3, 4], 0.7), "W": tensor([3, 4], 1.3)], [9])
        #expect(Set(found.states.map(\.name)) == ["a", "b"])
        for radius in found.spectralRadii { #expect(abs(radius - 0.8) < 1e-5) }
    }

    @Test func withoutMemoryNothingComesBack() throws {
        let found = try measure(
            "step(token) {\nh = 0 * prev(h) + E[token]\nreturn W @ h\n}", ["E": tensor([3, 4], 0.7), "W": tensor([3, 4], 1.3)],
            [4])
        #expect(found.states.first.map { Array($0.norms.dropFirst()) } == [0, 0, 0])
        #expect(found.spectralRadii == [0])
    }

    /// Against differences of the loss when the state is moved that the last steps begin with, in double precision.
    @Test func anElmanNetworkAgreesWithDifferences() throws {
        let n = 5
        let tensors = ["E": tensor([3, n], 0.7), "U": tensor([n, n], 0.37, scale: 0.8), "W": tensor([3, n], 1.3)]
        let length = 6
        let found = try measure("step(token) {\nh = tanh(U @ prev(h) + E[token])\nreturn W @ h\n}", tensors, [length])
        let ids = (0...length).map { ($0 * 7 + length) % 3 }
        let (e, u, w) = ("E", "U", "W")
        func row(_ name: String, _ i: Int) -> [Double] {
            tensors[name].map { $0.floats()[i * n..<(i + 1) * n].map { Double($0) } } ?? []
        }
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        func states(from state: [Double], _ tokens: ArraySlice<Int>) -> [[Double]] {
            var all = [state]
            for token in tokens {
                let h = all[all.count - 1]
                all.append((0..<n).map { tanh(dot(row(u, $0), h) + row(e, token)[$0]) })
            }
            return all
        }
        func loss(of h: [Double]) -> Double {
            let logits = (0..<3).map { dot(row(w, $0), h) }
            return log(logits.reduce(0) { $0 + exp($1) }) - logits[ids[length]]
        }
        let all = states(from: [Double](repeating: 0, count: n), ids[0..<length])
        for back in 0..<length {
            let time = length - 1 - back  // of the state that is moved: all[time + 1]
            let step = 1e-5
            let gradient = (0..<n).map { i -> Double in
                let losses = [step, -step].map { difference -> Double in
                    var moved = all[time + 1]
                    moved[i] += difference
                    let later = states(from: moved, ids[(time + 1)..<length])
                    return loss(of: later[later.count - 1])
                }
                return (losses[0] - losses[1]) / (2 * step)
            }
            let norm = dot(gradient, gradient).squareRoot()
            #expect(abs(norm - found.states[0].norms[back]) < 1e-5 * max(norm, 1))
        }
        let gate = try #require(found.gates.first)
        #expect(found.gates.count == 1 && gate.name == "h" && !gate.isSigmoid)
        for (step, h) in all.dropFirst().enumerated() {
            for i in 0..<n { #expect(abs(Double(gate.activations[step * n + i]) - h[i]) < 1e-6) }
        }
    }

    @Test func gatesAreNamed() throws {
        let n = 4
        let found = try measure(
            """
            step(token) {
              i, f, g, o = split(U @ prev(h) + E[token])
              c = sigmoid(f) * prev(c) + sigmoid(i) * tanh(g)
              h = sigmoid(o) * tanh(c)
              return W @ h
            }
            """, ["E": tensor([3, 4 * n], 0.7), "U": tensor([4 * n, n], 0.37), "W": tensor([3, n], 1.3)], [5, 5])
        #expect(Set(found.gates.filter(\.isSigmoid).map(\.name)) == ["i", "f", "o"])
        #expect(Set(found.gates.filter { !$0.isSigmoid }.map(\.name)) == ["g", "c"])
        #expect(found.gates.allSatisfy { $0.activations.count == 2 * 5 * n })
        #expect(Set(found.states.map(\.name)) == ["h", "c"])
    }

    @Test(arguments: TrainingRunnerTests.trainable) func everyProgram(_ program: ProgramCase) throws {
        let tensors = program.randomTensors()
        let network = try Network(program: program.program, hyperparameters: program.hyperparameters, tensors: tensors)
        let probe = try GradientProbe(
            program: program.program, hyperparameters: program.hyperparameters, tensors: tensors,
            size: .init(batch: 2, steps: 5, sourceSteps: 4), threads: 1)
        let hasSource = try program.program.contains("encode(")
        let found = try probe.measure(
            [5, 3].map { length in
                .init(
                    source: hasSource ? [1, 2, 3, 1] : [], tokens: (0..<length).map { $0 % 2 },
                    targets: network.graph.results[.answer] != nil ? [1] : (0..<length).map { $0 % 2 }, begins: true)
            })
        for state in found.states {
            #expect(state.norms.count == 5 && state.norms.allSatisfy { $0.isFinite && $0 >= 0 })
        }
        #expect(found.spectralRadii.count == (found.states.isEmpty ? 0 : 2) && found.spectralRadii.allSatisfy(\.isFinite))
    }
}
