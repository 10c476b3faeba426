/// A network before it has values: program, the numbers that it names, its tensors, and what these begin with.
public struct NetworkDefinition: Sendable, Equatable {
    /// For display.
    public var architecture: String?
    public var program: String
    public var hyperparameters: [String: Double]
    public var tensors: [TensorDefinition]
    public var initialization: Initialization
}

/// The built-in language models: layers of one cell between an embedding and a linear output, in PyTorch's formulas and under the names
/// that imported PyTorch models have.
public struct CellNetwork: Sendable, Equatable {
    public enum Cell: String, Sendable, CaseIterable {
        /// Elman's, with tanh.
        case rnn
        case lstm, gru

        var gateCount: Int {
            switch self {
            case .rnn: 1
            case .gru: 3
            case .lstm: 4
            }
        }
    }

    public var cell: Cell
    public var vocabulary: Int
    public var layers = 1
    public var hidden = 128
    /// The length of a token's vector; nil: `hidden`.
    public var embedding: Int?
    /// The output matrix is the embedding, which then has the length of the hidden state (Press and Wolf, 2017).
    public var isTied = false
    /// The share that is dropped between layers and before the output.
    public var dropout = 0.0
    /// Of the tokens' vectors.
    public var inputDropout = 0.0
    /// Of the recurrent matrices (Merity et al., "Regularizing and Optimizing LSTM Language Models", 2018: weight drop).
    public var recurrentDropout = 0.0
    /// What an LSTM's forget gates begin with (Jozefowicz et al., 2015); nil: like other biases.
    public var forgetBias: Double? = 1
    /// Recurrent matrices begin orthogonal, each gate's by itself; otherwise uniform as PyTorch's.
    public var isOrthogonal = false

    public init(_ cell: Cell, vocabulary: Int) {
        self.cell = cell
        self.vocabulary = vocabulary
    }

    /// - Throws: `TrainingError.option`, `.optionConflict`.
    public func definition() throws(TrainingError) -> NetworkDefinition {
        try check()
        var hyperparameters: [String: Double] = [:]
        for (name, rate) in rates where rate > 0 { hyperparameters[name] = rate }
        return NetworkDefinition(
            architecture: cell == .rnn ? "elman" : cell.rawValue, program: program(), hyperparameters: hyperparameters,
            tensors: tensors(), initialization: initialization())
    }

    private static let sizeLimit = 1 << 20
    /// More than this, and what a plan takes is no longer told by its numbers.
    static let layerLimit = 1 << 10

    private func check() throws(TrainingError) {
        let limit = Self.sizeLimit
        for (name, size, limit) in [
            ("layers", layers, Self.layerLimit), ("hidden", hidden, limit), ("embedding", width, limit),
            ("vocabulary", vocabulary, limit),
        ] {
            guard (1...limit).contains(size) else {
                throw .option(name: name, value: "\(size)", expected: "a whole number from 1 to \(limit)")
            }
        }
        let names = ["dropout-input", "dropout", "dropout", "dropout-recurrent"]
        for (name, (_, rate)) in zip(names, rates) where !(rate >= 0 && rate < 1) {
            throw .option(name: name, value: "\(rate)", expected: "a number of at least 0 and less than 1")
        }
        if let forgetBias, !forgetBias.isFinite {
            throw .option(name: "forget-bias", value: "\(forgetBias)", expected: "a number")
        }
        guard !isTied || width == hidden else {
            throw .optionConflict(
                name: "tied",
                problem: "makes the embedding the output matrix: “embedding” (\(width)) has to be “hidden” (\(hidden))")
        }
    }

    private var width: Int { embedding ?? hidden }
    private var rates: [(String, Double)] {
        [
            ("input_dropout", inputDropout), ("layer_dropout", layers > 1 ? dropout : 0), ("output_dropout", dropout),
            ("recurrent_dropout", recurrentDropout),
        ]
    }

    // MARK: Tensors

    private func tensors() -> [TensorDefinition] {
        let rows = cell.gateCount * hidden
        var tensors = [TensorDefinition("embedding.weight", [vocabulary, width])]
        for layer in 0..<layers {
            tensors += [
                TensorDefinition("rnn.\(layer).weight_ih", [rows, layer == 0 ? width : hidden]),
                TensorDefinition("rnn.\(layer).weight_hh", [rows, hidden]), TensorDefinition("rnn.\(layer).bias_ih", [rows]),
                TensorDefinition("rnn.\(layer).bias_hh", [rows]),
            ]
        }
        if !isTied { tensors.append(TensorDefinition("output.weight", [vocabulary, hidden])) }
        return tensors + [TensorDefinition("output.bias", [vocabulary])]
    }

    /// PyTorch's: `nn.Embedding` normal, `nn.LSTM` and its like, and `nn.Linear`, uniform ±1/√hidden. A tied embedding is as small as
    /// an output matrix: logits of its own would be of the size of √hidden otherwise.
    private func initialization() -> Initialization {
        let uniform = Initializer.uniform(bound: 1 / Double(hidden).squareRoot())
        var rules: [Initialization.Rule] = [
            .init("embedding.weight", .normal(deviation: isTied ? 1 / Double(hidden).squareRoot() : 1)), .init("rnn.*", uniform),
            .init("output.*", uniform),
        ]
        if isOrthogonal { rules.append(.init("rnn.*.weight_hh", .orthogonal(blocks: cell.gateCount))) }
        if cell == .lstm, let forgetBias {
            // The gate has two biases; their sum is what is wanted.
            rules.append(.init("rnn.*.bias_ih", .constant(forgetBias), part: .init(1, of: 4)))
            rules.append(.init("rnn.*.bias_hh", .zeros, part: .init(1, of: 4)))
        }
        return Initialization(rules)
    }

    // MARK: The program

    private func program() -> String {
        func dropped(_ value: String, _ name: String) -> String {
            rates.contains { $0.0 == name && $0.1 > 0 } ? "dropout(\(value), \(name))" : value
        }
        let name = cell == .rnn ? "elman" : cell.rawValue
        let input = "p.weight_ih @ x + p.bias_ih"
        let recurrent = dropped("p.weight_hh", "recurrent_dropout") + " @ prev(h) + p.bias_hh"
        let body: [String]
        switch cell {
        case .rnn: body = ["h = tanh(\(input) + \(recurrent))"]
        case .gru:
            body = [
                "xr, xz, xn = split(\(input))", "hr, hz, hn = split(\(recurrent))", "r = sigmoid(xr + hr)",
                "z = sigmoid(xz + hz)",
                "n = tanh(xn + r * hn)", "h = (1 - z) * n + z * prev(h)",
            ]
        case .lstm:
            body = [
                "i, f, g, o = split(\(input) + \(recurrent))", "c = sigmoid(f) * prev(c) + sigmoid(i) * tanh(g)",
                "h = sigmoid(o) * tanh(c)",
            ]
        }
        let first = dropped("embedding.weight[token]", "input_dropout")
        let between = dropped("x", "layer_dropout")
        var lines = ["x = \(first)", "repeat layer in rnn { x = \(name)(x, layer) }"]
        if between != "x" {
            lines = ["x = \(name)(\(first), rnn.0)", "repeat layer in rnn from 1 { x = \(name)(\(between), layer) }"]
        }
        let matrix = isTied ? "embedding.weight" : "output.weight"
        lines.append("return \(matrix) @ \(dropped("x", "output_dropout")) + output.bias")
        return comment() + "cell \(name)(x, p) {\n" + (body + ["return h"]).map { "  \($0)\n" }.joined() + "}\n\nstep(token) {\n"
            + lines.map { "  \($0)\n" }.joined() + "}\n"
    }

    private func comment() -> String {
        let titles: [Cell: String] = [.rnn: "Elman network (tanh)", .gru: "GRU", .lstm: "LSTM"]
        let gates: [Cell: String] = [.rnn: "", .gru: "; gates r z n", .lstm: "; gates i f g o"]
        let g = cell.gateCount == 1 ? "" : "\(cell.gateCount)"
        let output = isTied ? "output.bias [V]" : "output.{weight [V, n], bias [V]}"
        return """
            # \(titles[cell] ?? "") language model: embedding, \(layers == 1 ? "1 layer" : "\(layers) layers"), \
            \(isTied ? "tied " : "")linear\(gates[cell] ?? "").
            # embedding.weight [V, m]; rnn.L.{weight_ih [\(g)n, m], weight_hh [\(g)n, n], bias_ih [\(g)n], bias_hh [\(g)n]}; \(output)
            # V \(vocabulary), m \(width), n \(hidden)

            """
    }
}
