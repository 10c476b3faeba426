/// The recurrent modules of a PyTorch state dictionary, found by the names that `torch.nn` gives: `weight_ih_l0`,
/// `bias_hh_l1_reverse`, … after any prefix; without `_l0` in a cell (`nn.LSTMCell`).
struct TorchNames {
    /// One tensor of a recurrent module.
    struct RecurrentName {
        /// What precedes the name, without its last dot: `lstm`, `module.rnn`, or nothing.
        let module: String
        let kind: Kind
        let layer: Int
        let isReverse: Bool
        /// Without `_l0`, as a cell's.
        let isCell: Bool

        enum Kind: String, CaseIterable {
            case weightIH = "weight_ih"
            case weightHH = "weight_hh"
            case weightHR = "weight_hr"
            case biasIH = "bias_ih"
            case biasHH = "bias_hh"
        }

        init?(_ name: String) {
            let dot = name.lastIndex(of: ".")
            module = dot.map { String(name[..<$0]) } ?? ""
            var rest = dot.map { name[name.index(after: $0)...] } ?? name[...]
            guard let kind = Kind.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else { return nil }
            self.kind = kind
            rest = rest.dropFirst(kind.rawValue.count)
            isCell = rest.isEmpty
            if isCell {
                layer = 0
                isReverse = false
                return
            }
            guard rest.hasPrefix("_l") else { return nil }
            rest = rest.dropFirst(2)
            isReverse = rest.hasSuffix("_reverse")
            if isReverse { rest = rest.dropLast("_reverse".count) }
            // Three digits: a name must not make a thousand thousand layers missing.
            guard rest.utf8.count <= 3, let layer = Int(rest), layer >= 0, String(layer) == rest else { return nil }
            self.layer = layer
        }
    }

    /// One direction of one layer.
    struct Direction {
        /// What precedes and follows `weight_ih` in its names, to name what is missing.
        var prefix: String
        var suffix: String
        var tensors: [RecurrentName.Kind: Safetensors.Entry] = [:]

        func name(_ kind: RecurrentName.Kind) -> String { prefix + kind.rawValue + suffix }
    }

    struct Layer {
        var forward: Direction
        var reverse: Direction?

        /// - Returns: false where there is one already.
        fileprivate mutating func set(_ entry: Safetensors.Entry, as name: RecurrentName) -> Bool {
            name.isReverse
                ? reverse?.tensors.updateValue(entry, forKey: name.kind) == nil
                : forward.tensors.updateValue(entry, forKey: name.kind) == nil
        }
    }

    /// What a user calls the module: its name in the source, or the several that are stacked.
    let module: String
    let layers: [Layer]
    /// All other tensors.
    let others: [Safetensors.Entry]

    /// - Parameter wanted: the module that is meant where there are several (`--set recurrent=NAME`).
    init(_ entries: [Safetensors.Entry], path: String, wanted: String?) throws(ConversionError) {
        var modules: [String: [(RecurrentName, Safetensors.Entry)]] = [:]
        for entry in entries {
            if let name = RecurrentName(entry.name) { modules[name.module, default: []].append((name, entry)) }
        }
        guard !modules.isEmpty else { throw .noRecurrentLayers(path: path) }
        let chosen = try Self.stack(modules.keys.sorted(), wanted: wanted)
        var layers: [Layer] = []
        for module in chosen { layers += try Self.layers(of: module, modules[module] ?? []) }
        module = chosen.joined(separator: ", ")
        self.layers = layers
        let used = Set(chosen)
        others = entries.filter { entry in RecurrentName(entry.name).map { !used.contains($0.module) } ?? true }
    }

    /// The modules that follow each other: the only one, or those whose names differ in one number alone (`lstm1`, `lstm2`).
    private static func stack(_ names: [String], wanted: String?) throws(ConversionError) -> [String] {
        if let wanted {
            guard names.contains(wanted) else {
                throw .settingValue(name: "recurrent", value: wanted, expected: names.map(shown).joined(separator: " or "))
            }
            return [wanted]
        }
        if names.count == 1 { return names }
        let numbered = names.map { name in (name: name, parts: numberAtEnd(name)) }
        let stems = Set(numbered.map { $0.parts?.stem ?? $0.name })
        guard stems.count == 1, numbered.allSatisfy({ $0.parts != nil }) else {
            throw .ambiguous(what: "the recurrent module", candidates: names.map(shown), setting: "recurrent=NAME")
        }
        return numbered.sorted { ($0.parts?.number ?? 0) < ($1.parts?.number ?? 0) }.map(\.name)
    }

    private static func shown(_ module: String) -> String { module.isEmpty ? "the one without a name" : module }

    private static func numberAtEnd(_ name: String) -> (stem: String, number: Int)? {
        let digits = String(name.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
        guard let number = Int(digits) else { return nil }
        return (String(name.dropLast(digits.count)), number)
    }

    private static func layers(
        of module: String, _ tensors: [(RecurrentName, Safetensors.Entry)]
    ) throws(ConversionError) -> [Layer] {
        let prefix = module.isEmpty ? "" : module + "."
        let isCell = tensors.contains { $0.0.isCell }
        let isBidirectional = tensors.contains { $0.0.isReverse }
        let count = (tensors.map(\.0.layer).max() ?? 0) + 1
        let projects = tensors.contains { $0.0.kind == .weightHR }
        let hasBias = tensors.contains { $0.0.kind == .biasIH || $0.0.kind == .biasHH }
        var layers = (0..<count).map { layer in
            let suffix = isCell ? "" : "_l\(layer)"
            return Layer(
                forward: Direction(prefix: prefix, suffix: suffix),
                reverse: isBidirectional ? Direction(prefix: prefix, suffix: suffix + "_reverse") : nil)
        }
        for (name, entry) in tensors {
            // `weight_ih` and `weight_ih_l0` in one module.
            guard layers[name.layer].set(entry, as: name) else { throw .layersDiffer(module: module, what: "names") }
        }
        // What one direction of one layer has, all have.
        var needed: [RecurrentName.Kind] = [.weightIH, .weightHH]
        if projects { needed.append(.weightHR) }
        if hasBias { needed += [.biasIH, .biasHH] }
        let missing = layers.flatMap { layer in
            ([layer.forward] + (layer.reverse.map { [$0] } ?? [])).flatMap { direction in
                needed.filter { direction.tensors[$0] == nil }.map { direction.name($0) }
            }
        }
        guard missing.isEmpty else { throw .missingTensors(names: missing) }
        return layers
    }
}
