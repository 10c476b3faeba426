import Generation
import Zoo

/// Something that `/set` sets: an option of `generate`, or how the session itself behaves.
public struct Setting: Sendable {
    public var name: String
    /// What stands for the value.
    public var valueName: String
    public var summary: String
    /// The values there are, where they are few.
    public var choices: [String] = []

    /// In the order of `/show` and help.
    public static let all: [Setting] = [
        Setting(name: "n", valueName: "N", summary: "tokens to generate; -1 for no end"),
        Setting(name: "stop", valueName: "T…", summary: "texts that end generation where they begin; none without T"),
        Setting(name: "temperature", valueName: "X", summary: "0 or less: always the largest logit"),
        Setting(name: "top-k", valueName: "N", summary: "draw from the N likeliest tokens; 0 is off"),
        Setting(name: "top-p", valueName: "X", summary: "draw from the likeliest that hold this share; 1 is off"),
        Setting(name: "min-p", valueName: "X", summary: "at least this share of the likeliest one's probability; 0 is off"),
        Setting(name: "typical", valueName: "X", summary: "locally typical sampling; 1 is off"),
        Setting(name: "repeat-penalty", valueName: "X", summary: "divide the logits of tokens that have been; 1 is off"),
        Setting(name: "repeat-last-n", valueName: "N", summary: "how many tokens back penalties look; 0 is off, -1 all"),
        Setting(name: "presence-penalty", valueName: "X", summary: "subtract from tokens that have been; 0 is off"),
        Setting(name: "frequency-penalty", valueName: "X", summary: "the same for each time they have been; 0 is off"),
        Setting(name: "samplers", valueName: "A;B;C", summary: "the stages of sampling in their order"),
        Setting(
            name: "preset", valueName: "NAME", summary: "sample as another program does", choices: SamplingOptions.presetNames),
        Setting(name: "seed", valueName: "N", summary: "of the random numbers; -1 for a random one", choices: ["-1"]),
        Setting(name: "threads", valueName: "N", summary: "they change the speed, never the numbers"),
        Setting(
            name: "check", valueName: "WORD", summary: "end at the first value that is NaN or infinite, and name it",
            choices: ["on", "off"]),
        Setting(name: "errors", valueName: "WORD", summary: "what a script does after an error", choices: ["stop", "continue"]),
    ]

    static func named(_ name: String) throws(Failure) -> Setting {
        if let setting = all.first(where: { $0.name == name }) { return setting }
        let nearest = nearestName(to: name, among: all.map(\.name)).map { "; did you mean “\($0)”?" } ?? ""
        throw .usage("there is no setting “\(name)”\(nearest)")
    }
}

/// What was chosen for a session, on top of what the model's archive says and the defaults.
public struct Settings: Sendable {
    /// An option of `generate` with its values.
    struct Choice: Sendable, Equatable {
        var name: String
        var values: [String]
    }

    /// In the order in which they were made.
    private(set) var choices: [Choice] = []
    private(set) var seed: UInt64?
    private(set) var threads: Int?
    private(set) var checks = false
    private(set) var continuesAfterErrors = false

    public init() {}

    /// - Throws: for a name that is none and a value that makes no sense; then nothing has changed.
    mutating func set(_ name: String, to values: [String]) throws {
        let setting = try Setting.named(name)
        if setting.name != "stop" && values.count != 1 { throw Failure.usage("\(name) takes one value, \(setting.valueName)") }
        let value = values.first ?? ""
        switch name {
        case "seed": seed = try Self.seed(value)
        case "threads": threads = try Self.threads(value)
        case "check":
            guard setting.choices.contains(value) else { throw Failure.usage("check is “\(value)”; it should be on or off") }
            checks = value == "on"
        case "errors":
            guard setting.choices.contains(value) else {
                throw Failure.usage("errors is “\(value)”; it should be stop or continue")
            }
            continuesAfterErrors = value == "continue"
        default:
            let choice = Choice(name: name, values: values)
            var trial = GenerationOptions()
            try trial.apply(choice)
            try trial.validated()
            // A preset says everything about sampling that was said before.
            choices.removeAll { $0.name == name || name == "preset" && $0.name != "n" && $0.name != "stop" }
            choices.append(choice)
        }
    }

    /// Takes back what was chosen.
    mutating func reset(_ name: String) throws {
        switch try Setting.named(name).name {
        case "seed": seed = nil
        case "threads": threads = nil
        case "check": checks = false
        case "errors": continuesAfterErrors = false
        default: choices.removeAll { $0.name == name }
        }
    }

    /// The options to generate with: defaults, then the archive's, then what was chosen, then `more`.
    func options(for model: Model?, more: [Choice] = []) throws -> GenerationOptions {
        var options = try model.map { try GenerationOptions(defaultsOf: $0) } ?? GenerationOptions()
        for choice in choices + more { try options.apply(choice) }
        try options.validated()
        return options
    }

    static func seed(_ word: String) throws(Failure) -> UInt64? {
        if word == "-1" || word == "random" { return nil }
        guard let seed = UInt64(word) else {
            throw .usage("seed is “\(word)”; it should be a whole number, or -1 for a random one")
        }
        return seed
    }

    static func threads(_ word: String) throws(Failure) -> Int {
        guard let threads = Int(word), 1...1024 ~= threads else {
            throw .usage("threads is “\(word)”; it should be a number from 1 to 1024")
        }
        return threads
    }
}

extension GenerationOptions {
    mutating func apply(_ choice: Settings.Choice) throws {
        let value = choice.values.first ?? ""
        switch choice.name {
        case "stop": stops = choice.values
        case "n":
            guard let count = Int(value), count >= -1 else {
                throw Failure.usage("n is “\(value)”; it should be a number of tokens, or -1 for no end")
            }
            limit = count < 0 ? nil : count
        default: try sampling.set(choice.name, to: value)
        }
    }

    /// The value of a setting as `/set` takes it.
    func value(of setting: String) -> String? {
        switch setting {
        case "n": limit.map(String.init) ?? "-1"
        case "stop": stops.isEmpty ? "none" : stops.map(Words.quoting).joined(separator: " ")
        case "temperature": formatted(sampling.temperature, digits: 9)
        case "top-k": String(sampling.topK)
        case "top-p": formatted(sampling.topP, digits: 9)
        case "min-p": formatted(sampling.minP, digits: 9)
        case "typical": formatted(sampling.typical, digits: 9)
        case "repeat-penalty": formatted(sampling.repeatPenalty, digits: 9)
        case "repeat-last-n": String(sampling.repeatLastN)
        case "presence-penalty": formatted(sampling.presencePenalty, digits: 9)
        case "frequency-penalty": formatted(sampling.frequencyPenalty, digits: 9)
        case "samplers": sampling.stages.isEmpty ? "none" : sampling.stages.map(\.rawValue).joined(separator: ";")
        default: nil
        }
    }
}
