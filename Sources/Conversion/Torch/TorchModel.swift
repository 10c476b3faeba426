/// A recurrent language model found in a PyTorch state dictionary: which tensor plays which part, checked against each other.
struct TorchModel {
    enum Cell: String, CaseIterable {
        case rnn, gru, lstm

        /// How many gates' rows stand in one matrix.
        var gateCount: Int {
            switch self {
            case .rnn: 1
            case .gru: 3
            case .lstm: 4
            }
        }
    }

    enum Input {
        case embedding(Safetensors.Entry)
        /// One-hot: the token is a column of the first layer's input matrix.
        case oneHot
    }

    let cell: Cell
    let isReLU: Bool
    let layers: [TorchNames.Layer]
    let input: Input
    let outputWeight: Safetensors.Entry
    let outputBias: Safetensors.Entry?
    /// Tensors with no part in the model.
    let unused: [String]
    var warnings: [String]

    var isBidirectional: Bool { layers.contains { $0.reverse != nil } }
    var hasBias: Bool { layers[0].forward.tensors[.biasIH] != nil }
    var isProjected: Bool { layers[0].forward.tensors[.weightHR] != nil }
    var isTied: Bool { if case .embedding(let entry) = input { entry == outputWeight } else { false } }
    /// Tokens that can be fed.
    let inputVocabulary: Int
    var outputVocabulary: Int { outputWeight.shape[0] }

    init(_ source: Safetensors, settings: Settings) throws(ConversionError) {
        let names = try TorchNames(source.entries, path: source.path, wanted: settings.text("recurrent"))
        layers = names.layers
        cell = try Self.cell(names, wanted: settings.choice("cell", of: Cell.allCases.map(\.rawValue)))
        let nonlinearity = try settings.choice("nonlinearity", of: ["tanh", "relu"])
        if nonlinearity != nil && cell != .rnn {
            throw .settingValue(name: "nonlinearity", value: nonlinearity ?? "", expected: "no value, as only an RNN has one,")
        }
        isReLU = nonlinearity == "relu"
        let (inputSize, outputSize) = try Self.checkShapes(layers, cell: cell)

        var roles = TorchRoles(source, others: names.others, inputSize: inputSize, outputSize: outputSize)
        try roles.assign(
            embedding: settings.text("embedding"), output: settings.text("output"),
            inputMatrix: layers[0].forward.name(.weightIH))
        input = roles.input
        outputWeight = roles.outputWeight
        outputBias = roles.outputBias
        unused = roles.unused
        warnings = roles.warnings
        if case .embedding(let entry) = input { inputVocabulary = entry.shape[0] } else { inputVocabulary = inputSize }
        if outputWeight.shape[0] > inputVocabulary {
            throw .outputVocabularyLarger(input: inputVocabulary, output: outputWeight.shape[0])
        }
        if cell == .rnn && nonlinearity == nil {
            warnings.append("the tensors of an RNN do not tell its nonlinearity: tanh is assumed (--set nonlinearity=relu)")
        }
    }

    /// Told by the rows of the recurrent matrix for each column, and by the module's name where it says something else.
    private static func cell(_ names: TorchNames, wanted: String?) throws(ConversionError) -> Cell {
        var cells: Set<Cell> = []
        for layer in names.layers {
            guard let matrix = layer.forward.tensors[.weightHH], matrix.shape.count == 2 else {
                let entry = layer.forward.tensors[.weightHH]
                throw .shape(tensor: entry?.name ?? "", found: entry?.shape ?? [], expected: "a matrix")
            }
            // A projection makes the hidden state shorter than the gates: then it tells their length.
            let gateSize = layer.forward.tensors[.weightHR]?.shape.last ?? matrix.shape[1]
            guard let cell = Cell.allCases.first(where: { gateSize > 0 && $0.gateCount * gateSize == matrix.shape[0] }) else {
                throw .cellUnknown(tensor: matrix.name, rows: matrix.shape[0], columns: gateSize)
            }
            cells.insert(cell)
        }
        guard let cell = cells.first, cells.count == 1 else { throw .layersDiffer(module: names.module, what: "kinds") }
        if let wanted {
            guard wanted == cell.rawValue else {
                throw .settingValue(name: "cell", value: wanted, expected: "\(cell.rawValue), which the shapes are of,")
            }
            return cell
        }
        let module = names.module.lowercased()
        // "rnn" is what people call any of them.
        if let named = [Cell.lstm, .gru].first(where: { module.contains($0.rawValue) }), named != cell {
            throw .cellContradiction(module: names.module, name: named.rawValue, shape: cell.rawValue)
        }
        return cell
    }

    /// Every matrix must meet what the layer below gives.
    /// - Returns: the length of the first layer's input and of the last one's output.
    private static func checkShapes(
        _ layers: [TorchNames.Layer], cell: Cell
    ) throws(ConversionError) -> (input: Int, output: Int) {
        func check(_ entry: Safetensors.Entry?, _ expected: [Int]) throws(ConversionError) {
            guard let entry, entry.shape != expected else { return }
            throw .shape(tensor: entry.name, found: entry.shape, expected: "\(expected)")
        }
        let kinds = layers.map { Set($0.forward.tensors.keys) }
        guard kinds.allSatisfy({ $0 == kinds[0] }), layers.allSatisfy({ ($0.reverse == nil) == (layers[0].reverse == nil) })
        else {
            throw .layersDiffer(module: layers[0].forward.prefix, what: "tensors")
        }
        let first = layers[0].forward.tensors[.weightIH]
        guard let first, first.shape.count == 2 else {
            throw .shape(tensor: first?.name ?? "", found: first?.shape ?? [], expected: "a matrix")
        }
        if cell != .lstm, let projection = layers[0].forward.tensors[.weightHR] {
            throw .shape(tensor: projection.name, found: projection.shape, expected: "an LSTM")
        }
        var size = first.shape[1]
        for layer in layers {
            var output = 0
            for direction in [layer.forward] + (layer.reverse.map { [$0] } ?? []) {
                let hidden = direction.tensors[.weightHH]?.shape.last ?? 0
                let gateSize = direction.tensors[.weightHR]?.shape.last ?? hidden
                let rows = cell.gateCount * gateSize
                try check(direction.tensors[.weightIH], [rows, size])
                try check(direction.tensors[.weightHH], [rows, hidden])
                try check(direction.tensors[.weightHR], [hidden, gateSize])
                try check(direction.tensors[.biasIH], [rows])
                try check(direction.tensors[.biasHH], [rows])
                output += hidden
            }
            size = output
        }
        return (first.shape[1], size)
    }
}
