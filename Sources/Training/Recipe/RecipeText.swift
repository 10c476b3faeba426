/// The values of a recipe that are lists.
enum RecipeText {
    private static func items(_ text: String, separator: Character = ";") -> [String] {
        text.split(separator: separator).map { trimmed($0) }.filter { !$0.isEmpty }
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character == "\r" }
        let rest = text.drop(while: isBlank)
        return String(rest.reversed().drop(while: isBlank).reversed())
    }

    private static func words(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\t" }.map(String.init)
    }

    @Sendable static func names(_ text: String) -> [String]? {
        let names = items(text, separator: ",")
        return names.isEmpty ? nil : names
    }

    // MARK: Tensors

    @Sendable static func tensors(_ text: String) -> [Recipe.TensorSize]? {
        var result: [Recipe.TensorSize] = []
        for item in items(text) {
            guard let open = item.firstIndex(of: "["), item.last == "]" else { return nil }
            let name = trimmed(item[..<open])
            let inner = item[item.index(after: open)...].dropLast()
            let sizes =
                trimmed(inner).isEmpty ? [] : inner.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
            guard !name.isEmpty, sizes.allSatisfy({ size($0, words: anyWord) != nil }) else { return nil }
            result.append(Recipe.TensorSize(name, sizes))
        }
        return result.isEmpty ? nil : result
    }

    @Sendable static func text(_ tensors: [Recipe.TensorSize]) -> String {
        tensors.map { "\($0.name) [\($0.sizes.joined(separator: ", "))]" }.joined(separator: "; ")
    }

    static let sizeWords = ["vocabulary", "embedding", "hidden", "layers"]
    private static let anyWord = Dictionary(uniqueKeysWithValues: sizeWords.map { ($0, 1) })

    /// `4*hidden`; nil where it is none, or cannot be counted.
    static func size(_ text: String, words: [String: Int]) -> Int? {
        var product = 1
        for factor in text.split(separator: "*", omittingEmptySubsequences: false).map({ trimmed($0) }) {
            guard let value = words[factor] ?? Int(factor), value >= 1 else { return nil }
            let (next, overflows) = product.multipliedReportingOverflow(by: value)
            guard !overflows else { return nil }
            product = next
        }
        return product
    }

    // MARK: Numbers with names

    @Sendable static func hyperparameters(_ text: String) -> [String: Double]? {
        var result: [String: Double] = [:]
        for item in items(text) {
            let words = words(item)
            guard words.count == 2, let value = Double(words[1]), value.isFinite, result[words[0]] == nil else { return nil }
            result[words[0]] = value
        }
        return result.isEmpty ? nil : result
    }

    @Sendable static func text(_ hyperparameters: [String: Double]) -> String {
        hyperparameters.sorted { $0.key < $1.key }.map { "\($0.key) \(shown($0.value))" }.joined(separator: "; ")
    }

    /// `90`, `90s`, `15m`, `2h`.
    static func seconds(_ text: String) -> Double? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Double(unit == nil ? text[...] : text.dropLast()) else { return nil }
        let seconds = number * (unit ?? 1)
        return seconds > 0 && seconds.isFinite ? seconds : nil
    }

    // MARK: First values

    @Sendable static func initialization(_ text: String) -> Initialization? {
        var rules: [Initialization.Rule] = []
        for item in items(text) {
            guard let colon = item.firstIndex(of: ":") else { return nil }
            var words = words(String(item[item.index(after: colon)...]))
            var part: Initialization.Rule.Part?
            if words.count >= 4, words[words.count - 4] == "part", words[words.count - 2] == "of" {
                guard let index = Int(words[words.count - 3]), let count = Int(words[words.count - 1]), count >= 1,
                    (0..<count).contains(index)
                else { return nil }
                part = .init(index, of: count)
                words.removeLast(4)
            }
            let pattern = trimmed(item[..<colon])
            guard !pattern.isEmpty, let initializer = initializer(words) else { return nil }
            rules.append(.init(pattern, initializer, part: part))
        }
        return rules.isEmpty ? nil : Initialization(rules)
    }

    private static func initializer(_ words: [String]) -> Initializer? {
        let number = words.count >= 2 ? Double(words[1]).flatMap { $0.isFinite ? $0 : nil } : nil
        switch (words.first, words.count, number) {
        case ("zeros", 1, _): return .zeros
        case ("constant", 2, let value?): return .constant(value)
        case ("uniform", 2, let bound?): return .uniform(bound: bound)
        case ("normal", 2, let deviation?): return .normal(deviation: deviation)
        case ("orthogonal", 2, let gain?): return .orthogonal(gain: gain)
        case ("orthogonal", 4, let gain?):
            guard words[2] == "blocks", let blocks = Int(words[3]), blocks >= 1 else { return nil }
            return .orthogonal(gain: gain, blocks: blocks)
        default: return nil
        }
    }

    @Sendable static func text(_ initialization: Initialization) -> String {
        initialization.rules.map { rule in
            let values =
                switch rule.initializer {
                case .zeros: "zeros"
                case .constant(let value): "constant \(shown(value))"
                case .uniform(let bound): "uniform \(shown(bound))"
                case .normal(let deviation): "normal \(shown(deviation))"
                case .orthogonal(let gain, 1): "orthogonal \(shown(gain))"
                case .orthogonal(let gain, let blocks): "orthogonal \(shown(gain)) blocks \(blocks)"
                }
            return "\(rule.pattern): \(values)" + (rule.part.map { " part \($0.index) of \($0.count)" } ?? "")
        }.joined(separator: "; ")
    }
}
