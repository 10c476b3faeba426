/// Which of a manifest's variables plays which part: embedding, BasicLSTM cells, softmax layer.
struct ML5Model {
    struct Part {
        var name: String
        var variable: ML5Manifest.Variable
    }

    let parts: [Part]
    let unused: [String]
    /// Tokens.
    let vocabulary: Int
    private let cellCount: Int
    private let sizes: String

    init(_ manifest: ML5Manifest) throws(ConversionError) {
        var roles: [Role: ML5Manifest.Variable] = [:]
        var unused: [String] = []
        for variable in manifest.variables where variable.name != "Variable" {  // TensorFlow's counter of steps
            guard let role = Role(variable.name) else {
                unused.append(variable.name)
                continue
            }
            if let other = roles.updateValue(variable, forKey: role) {
                let problem = "it plays the same part as \(other.name)"
                throw .manifestEntry(path: manifest.file.path, variable: variable.name, problem: problem)
            }
        }
        cellCount = (roles.keys.compactMap(\.cell).max() ?? 0) + 1
        let cells = (0..<cellCount).flatMap { [Role.kernel($0), .bias($0)] }
        let needed = [.embedding] + cells + [.softmaxWeights, .softmaxBiases]
        let missing = needed.filter { roles[$0] == nil }
        guard missing.isEmpty else { throw .missingTensors(names: missing.map(\.sourceName)) }
        parts = needed.compactMap { role in roles[role].map { Part(name: role.name, variable: $0) } }
        self.unused = unused
        (vocabulary, sizes) = try Self.checkShapes(roles, cells: cellCount)
    }

    /// - Returns: the rows of the embedding, and the sizes for the program's comment.
    private static func checkShapes(
        _ roles: [Role: ML5Manifest.Variable], cells: Int
    ) throws(ConversionError) -> (vocabulary: Int, sizes: String) {
        func check(_ role: Role, _ expected: [Int]) throws(ConversionError) {
            guard let variable = roles[role], variable.shape != expected else { return }
            throw .shape(tensor: variable.name, found: variable.shape, expected: "\(expected)")
        }
        let embedding = roles[.embedding]?.shape ?? []
        guard embedding.count == 2 else {
            throw .shape(tensor: roles[.embedding]?.name ?? "", found: embedding, expected: "[vocabulary, size]")
        }
        var width = embedding[1]
        for cell in 0..<cells {
            let bias = roles[.bias(cell)]?.shape ?? []
            guard bias.count == 1, bias[0] % 4 == 0 else {
                throw .shape(tensor: roles[.bias(cell)]?.name ?? "", found: bias, expected: "[4n]")
            }
            let hidden = bias[0] / 4
            try check(.kernel(cell), [width + hidden, 4 * hidden])
            width = hidden
        }
        try check(.softmaxWeights, [width, embedding[0]])
        try check(.softmaxBiases, [embedding[0]])
        return (embedding[0], "V \(embedding[0]), m \(embedding[1]), n \(width)")
    }

    var program: String {
        """
        # Character model: embedding, \(cellCount) BasicLSTM \(cellCount == 1 ? "layer" : "layers") (gates i j f o, +1 on the forget gate), linear.
        # embedding [V, m]; cells.L.{kernel [m+n, 4n], bias [4n]}; softmax_w [n, V]; softmax_b [V]
        # \(sizes)
        cell basic_lstm(x, p) {
          i, j, f, o = split([x, prev(h)] @ p.kernel + p.bias)
          c = sigmoid(f + 1) * prev(c) + sigmoid(i) * tanh(j)
          h = sigmoid(o) * tanh(c)
          return h
        }

        step(token) {
          x = embedding[token]
          repeat layer in cells { x = basic_lstm(x, layer) }
          return x @ softmax_w + softmax_b
        }

        """
    }

    /// The part that a variable's name gives it.
    private enum Role: Hashable {
        case embedding, softmaxWeights, softmaxBiases
        case kernel(Int)
        case bias(Int)

        init?(_ name: String) {
            let components = name.split(separator: "/")
            let cell = components.lazy.compactMap { component -> Int? in
                guard component.hasPrefix("cell_"), component.utf8.count <= 8 else { return nil }
                return Int(component.dropFirst(5)).flatMap { $0 >= 0 ? $0 : nil }
            }.first
            switch components.last {
            case "embedding": self = .embedding
            case "softmax_w": self = .softmaxWeights
            case "softmax_b": self = .softmaxBiases
            case "kernel", "weights": self = .kernel(cell ?? 0)
            case "bias", "biases": self = .bias(cell ?? 0)
            default: return nil
            }
        }

        var cell: Int? {
            switch self {
            case .kernel(let cell), .bias(let cell): cell
            default: nil
            }
        }

        /// In the program.
        var name: String {
            switch self {
            case .embedding: "embedding"
            case .softmaxWeights: "softmax_w"
            case .softmaxBiases: "softmax_b"
            case .kernel(let cell): "cells.\(cell).kernel"
            case .bias(let cell): "cells.\(cell).bias"
            }
        }

        /// As TensorFlow would have called it.
        var sourceName: String {
            switch self {
            case .embedding: "embedding"
            case .softmaxWeights: "rnnlm/softmax_w"
            case .softmaxBiases: "rnnlm/softmax_b"
            case .kernel(let cell): "rnnlm/multi_rnn_cell/cell_\(cell)/basic_lstm_cell/kernel"
            case .bias(let cell): "rnnlm/multi_rnn_cell/cell_\(cell)/basic_lstm_cell/bias"
            }
        }
    }
}
