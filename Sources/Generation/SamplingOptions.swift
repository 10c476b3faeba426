/// A stage of the chain between logits and the draw. The raw value is its name on the command line.
public enum SamplerStage: String, Codable, Sendable, CaseIterable {
    case penalties
    case topK = "top-k"
    case typical
    case topP = "top-p"
    case minP = "min-p"
    case temperature
}

/// How a token is drawn from the logits. Names, defaults and meanings are llama.cpp's. Coding keys are the option names.
public struct SamplingOptions: Sendable, Codable, Equatable {
    /// Logits are divided by it; 0 or less takes the largest logit, of equal ones that of the lowest id.
    public var temperature = 0.8
    /// How many of the largest logits stay; 0 is off.
    public var topK = 40
    /// The most probable tokens stay whose probabilities first add up to this; 1 is off.
    public var topP = 0.95
    /// Tokens stay that have at least this share of the largest probability; 0 is off.
    public var minP = 0.05
    /// Tokens stay whose surprisal is nearest to the entropy, until their probabilities add up to this; 1 is off.
    public var typical = 1.0
    /// Logits of tokens that occurred are divided by it if positive, else multiplied; 1 is off.
    public var repeatPenalty = 1.0
    /// How many of the last tokens the penalties look at; 0 is off, -1 all.
    public var repeatLastN = 64
    /// Subtracted from the logit of a token that occurred.
    public var presencePenalty = 0.0
    /// Subtracted from a token's logit for each time it occurred.
    public var frequencyPenalty = 0.0
    /// In the order in which they are applied. A stage that is not named is off.
    public var stages: [SamplerStage] = SamplingOptions.defaultStages

    public static let defaultStages: [SamplerStage] = [.penalties, .topK, .typical, .topP, .minP, .temperature]

    public init() {}

    enum CodingKeys: String, CodingKey {
        case temperature
        case topK = "top-k"
        case topP = "top-p"
        case minP = "min-p"
        case typical
        case repeatPenalty = "repeat-penalty"
        case repeatLastN = "repeat-last-n"
        case presencePenalty = "presence-penalty"
        case frequencyPenalty = "frequency-penalty"
        case stages = "samplers"
    }

    /// What is absent keeps its default.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, into value: inout Value) throws {
            if let found = try container.decodeIfPresent(Value.self, forKey: key) { value = found }
        }
        try read(.temperature, into: &temperature)
        try read(.topK, into: &topK)
        try read(.topP, into: &topP)
        try read(.minP, into: &minP)
        try read(.typical, into: &typical)
        try read(.repeatPenalty, into: &repeatPenalty)
        try read(.repeatLastN, into: &repeatLastN)
        try read(.presencePenalty, into: &presencePenalty)
        try read(.frequencyPenalty, into: &frequencyPenalty)
        try read(.stages, into: &stages)
    }

    /// - Throws: `SamplingError.outOfRange`, naming the first option whose value makes no sense.
    public func validated() throws(SamplingError) {
        func check(_ key: CodingKeys, _ value: some CustomStringConvertible, _ isValid: Bool, _ expected: String)
            throws(SamplingError)
        {
            if !isValid { throw .outOfRange(option: key.rawValue, value: value.description, expected: expected) }
        }
        try check(.temperature, temperature, temperature.isFinite, "a number; 0 or less takes the largest logit")
        try check(.topK, topK, topK >= 0, "0 (off) or more")
        try check(.topP, topP, topP > 0 && topP <= 1, "above 0 and at most 1 (off)")
        try check(.minP, minP, minP >= 0 && minP <= 1, "from 0 (off) to 1")
        try check(.typical, typical, typical > 0 && typical <= 1, "above 0 and at most 1 (off)")
        try check(.repeatPenalty, repeatPenalty, repeatPenalty > 0 && repeatPenalty.isFinite, "above 0; 1 is off")
        try check(
            .repeatLastN, repeatLastN, -1...TokenHistory.limit ~= repeatLastN,
            "-1 (all), 0 (off), or at most \(TokenHistory.limit)")
        try check(.presencePenalty, presencePenalty, presencePenalty.isFinite, "a number; 0 is off")
        try check(.frequencyPenalty, frequencyPenalty, frequencyPenalty.isFinite, "a number; 0 is off")
        for (index, stage) in stages.enumerated() where stages[..<index].contains(stage) {
            throw .stageNamedTwice(stage.rawValue)
        }
    }
}

extension SamplingOptions {
    public static let presetNames = ["llama.cpp", "hf", "char-rnn", "chatrwkv", "greedy"]

    /// The settings that another program samples with when nothing is said. Nil for a name that is not in `presetNames`.
    public static func preset(_ name: String) -> SamplingOptions? {
        var options = SamplingOptions()
        switch name {
        case "llama.cpp":
            break
        case "hf":  // GenerationConfig with do_sample; processors run in this order, and see the whole text
            options = plain
            options.topK = 50
            options.repeatLastN = -1
            options.stages = [.penalties, .temperature, .topK, .topP, .minP, .typical]
        case "char-rnn":  // Karpathy's sample.lua: the softmax as it is
            options = plain
        case "chatrwkv":
            // v2/chat.py. It counts the reply's tokens, which are a few hundred at most, and applies the temperature last.
            options = plain
            options.topP = 0.8
            options.presencePenalty = 0.2
            options.frequencyPenalty = 0.2
            options.repeatLastN = 256
            options.stages = [.penalties, .topP, .temperature]
        case "greedy":
            options = plain
            options.temperature = 0
        default:
            return nil
        }
        return options
    }

    /// Everything off.
    private static var plain: SamplingOptions {
        var options = SamplingOptions()
        options.temperature = 1
        options.topK = 0
        options.topP = 1
        options.minP = 0
        return options
    }

    /// `penalties;top-k;…` in the order of application; nothing for none.
    /// - Throws: `SamplingError` for a name that is no stage.
    public static func stages(named list: String) throws(SamplingError) -> [SamplerStage] {
        var stages: [SamplerStage] = []
        for name in list.split(separator: ";").map({ $0.filter { $0 != " " } }) where !name.isEmpty {
            guard let stage = SamplerStage(rawValue: name) else { throw .unknownStage(name) }
            if stages.contains(stage) { throw .stageNamedTwice(name) }
            stages.append(stage)
        }
        return stages
    }

    /// Sets one option by its name on the command line, without dashes; `preset` sets all of them.
    /// - Throws: `SamplingError`; then nothing has changed.
    public mutating func set(_ name: String, to value: String) throws(SamplingError) {
        func number() throws(SamplingError) -> Double {
            guard let number = Double(value) else { throw .notANumber(option: name, value: value) }
            return number
        }
        func whole() throws(SamplingError) -> Int {
            guard let number = Int(value) else { throw .notAWholeNumber(option: name, value: value) }
            return number
        }
        var changed = self
        if name == "preset" {
            guard let preset = Self.preset(value) else { throw .unknownPreset(value) }
            changed = preset
        } else {
            switch CodingKeys(rawValue: name) {
            case .temperature: changed.temperature = try number()
            case .topK: changed.topK = try whole()
            case .topP: changed.topP = try number()
            case .minP: changed.minP = try number()
            case .typical: changed.typical = try number()
            case .repeatPenalty: changed.repeatPenalty = try number()
            case .repeatLastN: changed.repeatLastN = try whole()
            case .presencePenalty: changed.presencePenalty = try number()
            case .frequencyPenalty: changed.frequencyPenalty = try number()
            case .stages: changed.stages = try Self.stages(named: value)
            case nil: throw .unknownOption(name)
            }
        }
        try changed.validated()
        self = changed
    }
}

/// What can be wrong with sampling options.
public enum SamplingError: Error, Sendable, Equatable, CustomStringConvertible {
    case outOfRange(option: String, value: String, expected: String)
    case notANumber(option: String, value: String)
    case notAWholeNumber(option: String, value: String)
    case unknownOption(String)
    case unknownStage(String)
    case stageNamedTwice(String)
    case unknownPreset(String)

    public var description: String {
        switch self {
        case .outOfRange(let option, let value, let expected): "\(option) is \(value); it should be \(expected)"
        case .notANumber(let option, let value): "\(option) is '\(value)'; it should be a number"
        case .notAWholeNumber(let option, let value): "\(option) is '\(value)'; it should be a whole number"
        case .unknownOption(let name): "'\(name)' is no sampling option"
        case .unknownStage(let name):
            "'\(name)' is no sampler; there are \(SamplerStage.allCases.map(\.rawValue).joined(separator: ", "))"
        case .stageNamedTwice(let name): "the sampler '\(name)' is named twice"
        case .unknownPreset(let name):
            "'\(name)' is no preset; there are \(SamplingOptions.presetNames.joined(separator: ", "))"
        }
    }
}
