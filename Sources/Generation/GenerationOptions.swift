import Zoo

/// What `Session.generate` is asked for.
public struct GenerationOptions: Sendable, Equatable {
    /// The largest number of tokens to generate; nil for no end.
    public var limit: Int? = 256
    /// Strings that end the text where they begin. They are no part of it.
    public var stops: [String] = []
    public var sampling = SamplingOptions()
    /// Whether the result has ids and text. Without them memory stays constant however long it goes on.
    public var keepsOutput = true

    public init() {}

    /// The defaults that the model's archive gives: `n`, `stop` and the sampling options by their names on the command line.
    /// - Throws: `GenerationError.badDefault`, naming the one that is wrong.
    public init(defaultsOf model: Model) throws {
        let defaults = model.header.generation
        // A preset sets everything, so it goes first.
        for name in ["preset"] + defaults.keys.filter({ $0 != "preset" }).sorted() {
            guard let value = defaults[name] else { continue }
            switch (name, value) {
            case ("stop", .string(let stop)): stops = [stop]
            case ("stop", .array(let elements)):
                stops = elements.compactMap { if case .string(let stop) = $0 { stop } else { nil } }
                if stops.count != elements.count {
                    throw GenerationError.badDefault(name: name, problem: "a stop string is no string")
                }
            case ("n", .number(let number)):
                guard let count = Int(exactly: number), count >= -1 else {
                    throw GenerationError.badDefault(name: name, problem: "\(number) is no number of tokens")
                }
                limit = count < 0 ? nil : count
            case (_, .number(let number)):
                try set(name, to: Int(exactly: number).map(String.init) ?? String(number))
            case (_, .string(let text)):
                try set(name, to: text)
            default:
                throw GenerationError.badDefault(name: name, problem: "it is neither a number nor a string")
            }
        }
        do { try validated() } catch { throw GenerationError.badDefault(name: "stop", problem: "\(error)") }
    }

    private mutating func set(_ name: String, to value: String) throws(GenerationError) {
        do { try sampling.set(name, to: value) } catch { throw .badDefault(name: name, problem: error.description) }
    }

    /// - Throws: `SamplingError` or `GenerationError`, naming the first option that makes no sense.
    public func validated() throws {
        if let limit, limit < 0 { throw GenerationError.limitOutOfRange(limit) }
        if stops.contains(where: \.isEmpty) { throw GenerationError.emptyStop }
        try sampling.validated()
    }
}

/// Why generation ended.
public enum StopReason: String, Codable, Sendable {
    /// The limit was reached.
    case length
    /// A stop string was found.
    case stop
    /// The model gave its end token.
    case eos
    /// Someone asked for it.
    case interrupt
}

/// What `Session.generate` did.
public struct GenerationResult: Sendable, Equatable {
    /// The ids fed since the last generation, the start token or start text included.
    public var promptIDs: [Int]
    /// The generated ids, those of a stop string included, the end token not.
    public var ids: [Int]
    /// Their text, without special tokens and stop string. A last character that is not whole is left out: it waits for more.
    public var text: String
    public var stopReason: StopReason
    /// Of the generated tokens alone; 0 where there are none.
    public var tokensPerSecond: Double
}
