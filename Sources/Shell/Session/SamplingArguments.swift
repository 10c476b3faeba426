import ArgumentParser
import Generation

/// The options of sampling, as every command that draws takes them. What is not given is as the session's settings say.
struct SamplingArguments: ParsableArguments {
    // Values may be negative: `.unconditional` takes what follows whatever it begins with.
    @Option(parsing: .unconditional, help: Self.help("temperature", "X"))
    var temperature: Double?

    @Option(parsing: .unconditional, help: Self.help("top-k", "N"))
    var topK: Int?

    @Option(parsing: .unconditional, help: Self.help("top-p", "X"))
    var topP: Double?

    @Option(parsing: .unconditional, help: Self.help("min-p", "X"))
    var minP: Double?

    @Option(parsing: .unconditional, help: Self.help("typical", "X"))
    var typical: Double?

    @Option(parsing: .unconditional, help: Self.help("repeat-penalty", "X"))
    var repeatPenalty: Double?

    @Option(parsing: .unconditional, help: Self.help("repeat-last-n", "N"))
    var repeatLastN: Int?

    @Option(parsing: .unconditional, help: Self.help("presence-penalty", "X"))
    var presencePenalty: Double?

    @Option(parsing: .unconditional, help: Self.help("frequency-penalty", "X"))
    var frequencyPenalty: Double?

    @Option(parsing: .unconditional, help: Self.help("samplers", "A;B;C"))
    var samplers: String?

    @Option(parsing: .unconditional, help: Self.help("preset", "NAME"), completion: .list(SamplingOptions.presetNames))
    var preset: String?

    @Option(parsing: .unconditional, help: Self.help("seed", "N"))
    var seed: String?

    @Option(parsing: .unconditional, help: Self.help("threads", "N"))
    var threads: Int?

    @Flag(help: Self.help("check", nil))
    var check = false

    /// The words of `/set` that say the same. A preset goes first: it sets everything.
    var choices: [Settings.Choice] {
        var choices: [Settings.Choice] = []
        func add(_ name: String, _ value: (some CustomStringConvertible)?) {
            if let value { choices.append(Settings.Choice(name: name, values: [value.description])) }
        }
        add("preset", preset)
        add("temperature", temperature)
        add("top-k", topK)
        add("top-p", topP)
        add("min-p", minP)
        add("typical", typical)
        add("repeat-penalty", repeatPenalty)
        add("repeat-last-n", repeatLastN)
        add("presence-penalty", presencePenalty)
        add("frequency-penalty", frequencyPenalty)
        add("samplers", samplers)
        return choices
    }

    /// Everything that makes no sense is found before a model is loaded.
    func validate() throws {
        try asValidation {
            _ = try Settings().options(for: nil, more: choices)
            if let seed { _ = try Settings.seed(seed) }
            if let threads { _ = try Settings.threads(String(threads)) }
        }
    }

    /// With the limit and stops of generating in front. Like the rest checked before a model is loaded.
    func choices(limit: Int?, stops: [String]) throws -> [Settings.Choice] {
        var choices: [Settings.Choice] = []
        if let limit { choices.append(Settings.Choice(name: "n", values: [String(limit)])) }
        if !stops.isEmpty { choices.append(Settings.Choice(name: "stop", values: stops)) }
        choices += self.choices
        _ = try Settings().options(for: nil, more: choices)
        return choices
    }

    /// The setting's own words, and its default.
    static func help(_ name: String, _ valueName: String?) -> ArgumentHelp {
        let summary = Setting.all.first { $0.name == name }?.summary ?? ""
        let preset = name == "preset" ? ": " + SamplingOptions.presetNames.joined(separator: ", ") : ""
        let standard = GenerationOptions().value(of: name).map { " (\($0))" } ?? ""
        return ArgumentHelp("\(summary)\(preset)\(standard)", valueName: valueName)
    }
}

/// The parser knows its own errors only.
func asValidation(_ work: () throws -> Void) throws(ValidationError) {
    do { try work() } catch { throw ValidationError(Failure(error).message) }
}
