/// The program of a recurrent language model, in the notation of `zoo/NOTATION.md`, and what its tensors are called there.
///
/// Gate orders, two biases and layouts stay as PyTorch has them: the program says them.
struct TorchProgram {
    let model: TorchModel
    /// Reads a window of tokens for each answer.
    let isWindow: Bool

    /// One tensor of the program and the source's that it is.
    struct Part {
        var name: String
        var entry: Safetensors.Entry
        var isTransposed = false
    }

    private var isOneHot: Bool { if case .oneHot = model.input { true } else { false } }
    private var layerCount: Int { model.layers.count }
    private var cellName: String { model.cell == .rnn ? "elman" : model.cell.rawValue }

    /// In the order of the network.
    func parts() -> [Part] {
        var parts: [Part] = []
        if case .embedding(let entry) = model.input { parts.append(Part(name: "embedding.weight", entry: entry)) }
        for (index, layer) in model.layers.enumerated() {
            var directions = [(layer.forward, layer.reverse == nil ? "" : "forward.")]
            if let reverse = layer.reverse { directions.append((reverse, "reverse.")) }
            for (direction, prefix) in directions {
                for kind in TorchNames.RecurrentName.Kind.allCases {
                    guard let entry = direction.tensors[kind] else { continue }
                    if index == 0 && isOneHot && kind == .weightIH {
                        parts.append(Part(name: "input.\(prefix)weight", entry: entry, isTransposed: true))
                    } else {
                        parts.append(Part(name: "rnn.\(index).\(prefix)\(kind.rawValue)", entry: entry))
                    }
                }
            }
        }
        if !model.isTied { parts.append(Part(name: "output.weight", entry: model.outputWeight)) }
        if let bias = model.outputBias { parts.append(Part(name: "output.bias", entry: bias)) }
        return parts
    }

    func text() -> String { [comment() + "\n" + cell(), entries()].joined(separator: "\n\n") + "\n" }

    // MARK: The comment

    private func comment() -> String {
        let titles: [TorchModel.Cell: String] = [
            .rnn: "Elman network (\(model.isReLU ? "relu" : "tanh"))", .gru: "GRU", .lstm: "LSTM",
        ]
        let gates: [TorchModel.Cell: String] = [.rnn: "", .gru: "; gates r z n", .lstm: "; gates i f g o"]
        let kind =
            model.isBidirectional
            ? "bidirectional \(titles[model.cell] ?? ""), one result for each position" : titles[model.cell] ?? ""
        let title = model.isBidirectional ? kind.prefix(1).uppercased() + kind.dropFirst() : kind + " language model"
        let layers = layerCount == 1 ? "1 layer" : "\(layerCount) layers"
        let input = isOneHot ? "one-hot input" : "embedding"
        var lines = ["# \(title): \(input), \(layers), \(model.isTied ? "tied " : "")linear\(gates[model.cell] ?? "")."]
        if isOneHot {
            lines.append(
                "# One-hot input times a matrix is a column of it: input.weight is that matrix transposed, a row for each token.")
        }
        lines.append("# \(shapes())")
        lines.append("# \(sizes())")
        return lines.joined(separator: "\n")
    }

    private func shapes() -> String {
        let g = model.cell.gateCount == 1 ? "" : "\(model.cell.gateCount)"
        let state = model.isProjected ? "r" : "n"
        var parts = [isOneHot ? "weight_ih [\(g)n, m] (but for layer 0)" : "weight_ih [\(g)n, m]", "weight_hh [\(g)n, \(state)]"]
        if isOneHot && layerCount == 1 { parts.removeFirst() }
        if model.isProjected { parts.append("weight_hr [r, n]") }
        if model.hasBias { parts += ["bias_ih [\(g)n]", "bias_hh [\(g)n]"] }
        let direction = model.isBidirectional ? "{forward,reverse}." : ""
        let input = isOneHot ? "input.\(direction)weight [V, \(g)n]" : "embedding.weight [V, m]"
        let width = model.isBidirectional ? "2\(state)" : state
        var output: [String] = model.isTied ? [] : ["weight [V, \(width)]"]
        if model.outputBias != nil { output.append("bias [V]") }
        var groups = [input, "rnn.L.\(direction){\(parts.joined(separator: ", "))}"]
        if let only = output.first {
            groups.append(output.count == 1 ? "output.\(only)" : "output.{\(output.joined(separator: ", "))}")
        }
        return groups.joined(separator: "; ")
    }

    private func sizes() -> String {
        let first = model.layers[0].forward
        var sizes = ["V \(model.inputVocabulary)"]
        if model.outputVocabulary != model.inputVocabulary { sizes[0] += " (output: \(model.outputVocabulary))" }
        if !isOneHot { sizes.append("m \(first.tensors[.weightIH]?.shape.last ?? 0)") }
        let widths = Set(model.layers.map { ($0.forward.tensors[.weightHH]?.shape.first ?? 0) / model.cell.gateCount })
        sizes.append("n \(widths.sorted().map(String.init).joined(separator: " or "))")
        if model.isProjected { sizes.append("r \(first.tensors[.weightHH]?.shape.last ?? 0)") }
        return sizes.joined(separator: ", ")
    }

    // MARK: The cell

    /// With one-hot input the cell takes the input's share of the gates, which for layer 0 is a row of a table.
    private func cell() -> String {
        let argument = isOneHot ? "a" : "x"
        let input = (isOneHot ? "a" : "p.weight_ih @ x") + (model.hasBias ? " + p.bias_ih" : "")
        let recurrent = "p.weight_hh @ prev(h)" + (model.hasBias ? " + p.bias_hh" : "")
        let body: [String]
        switch model.cell {
        case .rnn:
            body = ["h = \(model.isReLU ? "relu" : "tanh")(\(input) + \(recurrent))"]
        case .gru:
            body = [
                "xr, xz, xn = split(\(input))",
                "hr, hz, hn = split(\(recurrent))",
                "r = sigmoid(xr + hr)",
                "z = sigmoid(xz + hz)",
                "n = tanh(xn + r * hn)",
                "h = (1 - z) * n + z * prev(h)",
            ]
        case .lstm:
            body = [
                "i, f, g, o = split(\(input) + \(recurrent))",
                "c = sigmoid(f) * prev(c) + sigmoid(i) * tanh(g)",
                model.isProjected ? "h = p.weight_hr @ (sigmoid(o) * tanh(c))" : "h = sigmoid(o) * tanh(c)",
            ]
        }
        return "cell \(cellName)(\(argument), p) {\n" + (body + ["return h"]).map { "  \($0)\n" }.joined() + "}"
    }

    // MARK: The entries

    private func entries() -> String {
        let matrix = model.isTied ? "embedding.weight" : "output.weight"
        let bias = model.outputBias == nil ? "" : " + output.bias"
        let lines = layers().map { "  \($0)\n" }.joined()
        if isWindow {
            return "encode(token) {\n\(lines)  return h: last(x)\n}\n\nanswer() { return \(matrix) @ encode.h\(bias) }"
        }
        let entry = model.isBidirectional ? "encode" : "step"
        return "\(entry)(token) {\n\(lines)  return \(matrix) @ x\(bias)\n}"
    }

    private func layers() -> [String] {
        guard isOneHot else {
            return ["x = embedding.weight[token]", "repeat layer in rnn { x = \(call("x", "x", "layer")) }"]
        }
        var lines = [
            "x = " + call("input.weight[token]", "input.reverse.weight[token]", "rnn.0", forward: "input.forward.weight[token]")
        ]
        if layerCount > 1 {
            let inputs = ("layer.forward.weight_ih @ x", "layer.reverse.weight_ih @ x")
            lines.append(
                "repeat layer in rnn from 1 { x = " + call("layer.weight_ih @ x", inputs.1, "layer", forward: inputs.0) + " }")
        }
        return lines
    }

    /// A layer applied to its input; both directions joined where there are two.
    private func call(_ input: String, _ reverse: String, _ group: String, forward: String? = nil) -> String {
        guard model.isBidirectional else { return "\(cellName)(\(input), \(group))" }
        return "[\(cellName)(\(forward ?? input), \(group).forward), backward \(cellName)(\(reverse), \(group).reverse)]"
    }
}
