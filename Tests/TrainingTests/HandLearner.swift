import Archive
import Foundation
import Generation
import Kernels
import Training

/// A character model written by hand, forward and back: embedding, layers of tanh, linear. What the trainer is tested with, so that
/// no test of it depends on how networks are differentiated. Computes in double precision.
final class HandLearner: Learner {
    let parameters: [Parameter]
    private let memory: ParameterMemory
    private let (vocabulary, size, hidden, layers): (Int, Int, Int, Int)
    private let batch: Int
    /// [sequence][layer * hidden + unit]
    private var state: [[Double]]
    /// What the next call does to its results, for tests of what goes wrong: the call's number, the loss, the parameters.
    var spoil: ((Int, inout Double, [Parameter]) -> Void)?
    private(set) var calls = 0
    private(set) var seeds: [UInt64?] = []
    private(set) var changes = 0

    init(vocabulary: Int, size: Int, hidden: Int, layers: Int, batch: Int, seed: UInt64 = 1) {
        (self.vocabulary, self.size, self.hidden, self.layers, self.batch) = (vocabulary, size, hidden, layers, batch)
        var tensors: [(name: String, shape: [Int])] = [("emb.weight", [vocabulary, size])]
        for l in 0..<layers {
            tensors += [
                ("rnn.weight_ih_l\(l)", [hidden, l == 0 ? size : hidden]), ("rnn.weight_hh_l\(l)", [hidden, hidden]),
                ("rnn.bias_ih_l\(l)", [hidden]), ("rnn.bias_hh_l\(l)", [hidden]),
            ]
        }
        tensors += [("out.weight", [vocabulary, hidden]), ("out.bias", [vocabulary])]
        memory = ParameterMemory(tensors)
        parameters = memory.parameters
        state = Array(repeating: Array(repeating: 0, count: layers * hidden), count: batch)
        var generator = RandomGenerator(seed: seed)
        for parameter in parameters {
            for i in parameter.values.indices { parameter.values[i] = Float(generator.nextUnit() - 0.5) }
        }
    }

    subscript(name: String) -> Parameter { parameters.first { $0.name == name } ?? parameters[0] }

    var carriedState: [[Float]] {
        get { state.map { $0.map(Float.init) } }
        set { state = newValue.map { $0.map(Double.init) } }
    }

    func parametersChanged() { changes += 1 }

    func learn(_ batch: Batch, dropoutSeed: UInt64?) throws -> Double {
        calls += 1
        seeds.append(dropoutSeed)
        for parameter in parameters { parameter.gradient.update(repeating: 0) }
        var sums = parameters.map { [Double](repeating: 0, count: $0.values.count) }
        var loss = 0.0
        let count = Double(batch.targetCount)
        for s in batch.inputs.indices { loss += run(batch, s, count, gradients: &sums) }
        for (parameter, sum) in zip(parameters, sums) { parameter.gradient.set(sum) }
        // States are carried as checkpoints keep them.
        state = state.map { $0.map { Double(Float($0)) } }
        var mean = loss / count
        spoil?(calls, &mean, parameters)
        return mean
    }

    func evaluate(_ batch: Batch) throws -> Double {
        var none: [[Double]] = []
        return batch.inputs.indices.reduce(0) { $0 + run(batch, $1, Double(batch.targetCount), gradients: &none) }
            / Double(batch.targetCount)
    }

    // MARK: One sequence

    private func weights(_ name: String) -> [Double] { self[name].values.map(Double.init) }

    /// - Parameter gradients: empty: forward only.
    /// - Returns: the sum of the losses.
    private func run(_ batch: Batch, _ s: Int, _ count: Double, gradients: inout [[Double]]) -> Double {
        let n = hidden
        if batch.begins[s] { state[s] = Array(repeating: 0, count: layers * n) }
        let embedding = weights("emb.weight")
        let layerWeights = (0..<layers).map { l in
            (
                weights("rnn.weight_ih_l\(l)"), weights("rnn.weight_hh_l\(l)"), weights("rnn.bias_ih_l\(l)"),
                weights("rnn.bias_hh_l\(l)")
            )
        }
        let (out, bias) = (weights("out.weight"), weights("out.bias"))
        let start = state[s]
        var (hs, dlogits): ([[Double]], [[Double]]) = ([], [])
        var loss = 0.0
        for (id, target) in zip(batch.inputs[s], batch.targets[s]) {
            var x = Array(embedding[(id * size)..<((id + 1) * size)])
            let before = hs.last ?? start
            var h: [Double] = []
            for (l, (wih, whh, bih, bhh)) in layerWeights.enumerated() {
                let previous = Array(before[(l * n)..<((l + 1) * n)])
                x = (0..<n).map { i in tanh(dot(wih, i, x) + bih[i] + dot(whh, i, previous) + bhh[i]) }
                h += x
            }
            hs.append(h)
            let logits = (0..<vocabulary).map { dot(out, $0, x) + bias[$0] }
            let largest = logits.max() ?? 0
            let total = logits.reduce(0) { $0 + exp($1 - largest) }
            var d = logits.map { exp($0 - largest) / total / count }
            if target >= 0 {
                loss += log(total) + largest - logits[target]
                d[target] -= 1 / count
            } else {
                d = d.map { _ in 0 }
            }
            dlogits.append(d)
        }
        state[s] = hs.last ?? start
        guard !gradients.isEmpty else { return loss }
        var places: [String: Int] = [:]
        for (i, parameter) in parameters.enumerated() { places[parameter.name] = i }
        func add(_ name: String, _ index: Int, _ value: Double) { gradients[places[name] ?? 0][index] += value }
        var carried = [Double](repeating: 0, count: layers * n)
        for t in hs.indices.reversed() {
            let (h, before, id) = (hs[t], t > 0 ? hs[t - 1] : start, batch.inputs[s][t])
            var above = [Double](repeating: 0, count: n)
            for v in 0..<vocabulary {
                add("out.bias", v, dlogits[t][v])
                for i in 0..<n {
                    add("out.weight", v * n + i, dlogits[t][v] * h[(layers - 1) * n + i])
                    above[i] += out[v * n + i] * dlogits[t][v]
                }
            }
            for l in (0..<layers).reversed() {
                let (wih, whh, _, _) = layerWeights[l]
                let da = (0..<n).map { (above[$0] + carried[l * n + $0]) * (1 - h[l * n + $0] * h[l * n + $0]) }
                let x = l > 0 ? Array(h[((l - 1) * n)..<(l * n)]) : Array(embedding[(id * size)..<((id + 1) * size)])
                above = [Double](repeating: 0, count: x.count)
                for j in 0..<n { carried[l * n + j] = 0 }
                for i in 0..<n {
                    add("rnn.bias_ih_l\(l)", i, da[i])
                    add("rnn.bias_hh_l\(l)", i, da[i])
                    for j in x.indices {
                        add("rnn.weight_ih_l\(l)", i * x.count + j, da[i] * x[j])
                        above[j] += wih[i * x.count + j] * da[i]
                    }
                    for j in 0..<n {
                        add("rnn.weight_hh_l\(l)", i * n + j, da[i] * before[l * n + j])
                        carried[l * n + j] += whh[i * n + j] * da[i]
                    }
                }
            }
            for j in 0..<size { add("emb.weight", id * size + j, above[j]) }
        }
        return loss
    }

    private func dot(_ matrix: [Double], _ row: Int, _ x: [Double]) -> Double {
        var sum = 0.0
        for j in x.indices { sum += matrix[row * x.count + j] * x[j] }
        return sum
    }
}
