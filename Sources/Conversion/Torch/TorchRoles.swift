/// Which of a state dictionary's other tensors is the embedding and which the output layer.
///
/// Names decide, as people give them; shapes decide between several, and alone where no name is known. What cannot be decided is an
/// error that says which setting decides.
struct TorchRoles {
    static let embeddingNames: Set<String> = [
        "embedding", "embeddings", "encoder", "embed", "embeds", "emb", "wte", "tokenembedding", "charembedding",
        "charembeddings",
        "wordembedding", "wordembeddings", "lookup",
    ]
    static let outputNames: Set<String> = [
        "fc", "decoder", "linear", "out", "head", "output", "lmhead", "outputlayer", "outputproj", "outputprojection", "proj",
        "projection", "classifier", "dense", "logits", "softmax", "hiddentooutput", "hout", "ho", "fcout", "linearout",
    ]

    private let source: Safetensors
    private let matrices: [Safetensors.Entry]
    private let others: [Safetensors.Entry]
    private let inputSize: Int
    private let outputSize: Int

    private(set) var input = TorchModel.Input.oneHot
    private(set) var outputWeight: Safetensors.Entry
    private(set) var outputBias: Safetensors.Entry?
    private(set) var unused: [String] = []
    private(set) var warnings: [String] = []

    init(_ source: Safetensors, others: [Safetensors.Entry], inputSize: Int, outputSize: Int) {
        self.source = source
        self.others = others
        self.inputSize = inputSize
        self.outputSize = outputSize
        matrices = others.filter { $0.shape.count == 2 && $0.type.elementType != nil }
        outputWeight = Safetensors.Entry(name: "", type: .f32, shape: [0, outputSize], offset: 0, byteCount: 0)
    }

    /// - Parameters:
    ///   - embedding, output: what the user set: a tensor's name, or `none` for an embedding.
    ///   - inputMatrix: the name of the first layer's input matrix, for errors.
    mutating func assign(embedding: String?, output: String?, inputMatrix: String) throws(ConversionError) {
        let wantedOutput = try wanted(output, setting: "output")
        let isOneHotWanted = embedding == "none"
        let wantedEmbedding = isOneHotWanted ? nil : try wanted(embedding, setting: "embedding")

        var foundOutput = wantedOutput
        if foundOutput == nil { foundOutput = try named(Self.outputNames, columns: outputSize, role: "output") }
        var foundEmbedding = wantedEmbedding
        if foundEmbedding == nil && !isOneHotWanted {
            foundEmbedding = try named(Self.embeddingNames, columns: inputSize, role: "embedding", but: wantedOutput)
        }
        if foundOutput == nil {
            foundOutput = try alone(columns: outputSize, but: foundEmbedding, role: "output")
        }
        if foundOutput == nil, let tied = foundEmbedding {
            guard tied.shape[1] == outputSize else { throw .noOutputLayer(columns: outputSize) }
            foundOutput = tied
        }
        guard let outputWeight = foundOutput else {
            throw .noOutputLayer(columns: outputSize)
        }
        if foundEmbedding == nil && !isOneHotWanted { foundEmbedding = try withoutName(output: outputWeight) }
        try check(outputWeight, columns: outputSize)
        if let foundEmbedding {
            try check(foundEmbedding, columns: inputSize)
            input = .embedding(foundEmbedding)
        } else if inputSize != outputWeight.shape[0] {
            throw .inputSize(size: inputSize, vocabulary: outputWeight.shape[0], tensor: inputMatrix)
        }
        self.outputWeight = outputWeight
        try assignBias(tied: foundEmbedding == outputWeight)
        let used = [outputWeight.name, outputBias?.name, foundEmbedding?.name].compactMap { $0 }
        unused = others.map(\.name).filter { !used.contains($0) }.sorted()
    }

    /// The bias of the output layer. Beside a tied matrix it stands alone, under a name of the output layer.
    private mutating func assignBias(tied: Bool) throws(ConversionError) {
        var bias: Safetensors.Entry?
        if outputWeight.name.hasSuffix(".weight") { bias = source[outputWeight.name.dropLast(6) + "bias"] }
        if bias == nil && tied {
            bias = others.first { entry in
                entry.shape.count == 1 && entry.name.hasSuffix(".bias") && Self.outputNames.contains(Self.key(of: entry.name))
            }
        }
        guard let bias else { return }
        guard bias.shape == [outputWeight.shape[0]] else {
            throw .shape(tensor: bias.name, found: bias.shape, expected: "[\(outputWeight.shape[0])]")
        }
        outputBias = bias
    }

    /// Where no tensor is named as an embedding: the output's matrix under a tie that the file tells of, one-hot input, a single
    /// matrix of the right width, or the output's matrix.
    private mutating func withoutName(output: Safetensors.Entry) throws(ConversionError) -> Safetensors.Entry? {
        // `safetensors.torch.save_model` stores one of several names and notes the others in the metadata.
        let ties = source.metadata.filter { $0.value == output.name && Self.embeddingNames.contains(Self.key(of: $0.key)) }
        if !ties.isEmpty { return output }
        if inputSize == output.shape[0] { return nil }
        if let found = try alone(columns: inputSize, but: output, role: "embedding") { return found }
        guard output.shape[1] == inputSize else { return nil }
        warnings.append("there is no embedding: \(output.name) is taken for both, as tied weights")
        return output
    }

    private func wanted(_ name: String?, setting: String) throws(ConversionError) -> Safetensors.Entry? {
        guard let name else { return nil }
        guard let entry = matrices.first(where: { $0.name == name }) else {
            throw .settingValue(
                name: setting, value: name, expected: "the name of a matrix (\(matrices.map(\.name).joined(separator: ", ")))")
        }
        return entry
    }

    /// The matrix whose module, or which itself, has one of the names; shapes decide between several.
    private func named(
        _ names: Set<String>, columns: Int, role: String, but taken: Safetensors.Entry? = nil
    ) throws(ConversionError) -> Safetensors.Entry? {
        let candidates = matrices.filter { names.contains(Self.key(of: $0.name)) && $0 != taken }
        if candidates.count <= 1 { return candidates.first }
        let fitting = candidates.filter { $0.shape[1] == columns }
        guard fitting.count == 1 else {
            throw .ambiguous(what: "the \(role)", candidates: candidates.map(\.name), setting: "\(role)=NAME")
        }
        return fitting.first
    }

    /// The one matrix of the right width that has no other part.
    private mutating func alone(
        columns: Int, but taken: Safetensors.Entry?, role: String
    ) throws(ConversionError) -> Safetensors.Entry? {
        let candidates = matrices.filter { $0.shape[1] == columns && $0 != taken }
        guard let entry = candidates.first else { return nil }
        guard candidates.count == 1 else {
            throw .ambiguous(what: "the \(role)", candidates: candidates.map(\.name), setting: "\(role)=NAME")
        }
        warnings.append("\(entry.name) is taken for the \(role), by its shape alone (--set \(role)=NAME)")
        return entry
    }

    private func check(_ entry: Safetensors.Entry, columns: Int) throws(ConversionError) {
        guard entry.shape[1] == columns, entry.shape[0] > 0 else {
            throw .shape(tensor: entry.name, found: entry.shape, expected: "[vocabulary, \(columns)]")
        }
    }

    /// The word that a tensor's name is known by: its module's last component that is no number, in lower case, without `_` and
    /// digits at the end. `model.lm_head.weight` gives `lmhead`.
    static func key(of name: String) -> String {
        var components = name.split(separator: ".").map(String.init)
        if let last = components.last, last == "weight" || last == "bias" { components.removeLast() }
        while let last = components.last, Int(last) != nil { components.removeLast() }
        var key = (components.last ?? "").lowercased().filter { $0 != "_" }
        while let last = key.last, last.isNumber { key.removeLast() }
        return key
    }
}
