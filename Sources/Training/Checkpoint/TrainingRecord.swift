import Archive
import Generation

/// Where a training is, but for numbers that fill tensors: with them, all that a run needs to go on as if it had not stopped.
public struct TrainingRecord: Sendable, Equatable {
    static let version = 1

    /// Steps that were taken.
    public var step = 0
    /// Targets that a loss was taken of.
    public var targets = 0
    public var clippedSteps = 0
    /// Time that the steps took, also before earlier interruptions.
    public var seconds = 0.0
    /// Draws what the next step drops and which windows begin from the zero state.
    public var generator: RandomGenerator
    /// Of the batches: `BatchSource.position`.
    public var position: [Int]
    public var optimizerSteps = 0
    /// The last step that was measured.
    public var evaluatedStep: Int?
    public var best: Measurement?
    /// Since the best.
    public var evaluationsWithoutImprovement = 0
    public var divergence = DivergenceMonitor()

    // What the above has a meaning with
    public var optimizerRule: OptimizerOptions.Rule
    public var batchSize: Int
    public var window: Int
    /// `BatchSource.digest`.
    public var corpus: String

    /// The recipe that the run was started with, for people and for `--resume` without one.
    public var recipe: String?

    /// A loss on the text for validation.
    public struct Measurement: Sendable, Equatable {
        /// Steps that had been taken.
        public var step: Int
        public var natsPerToken: Double

        public init(step: Int, natsPerToken: Double) {
            self.step = step
            self.natsPerToken = natsPerToken
        }
    }
}

extension TrainingRecord {
    var json: JSONValue {
        let words = generator.state
        var members: [String: JSONValue] = [
            "version": JSONValue(Self.version), "step": JSONValue(step), "targets": JSONValue(targets),
            "clipped_steps": JSONValue(clippedSteps), "seconds": .number(seconds), "position": JSONValue(position),
            // Beyond what a double holds.
            "generator": .array([words.0, words.1, words.2, words.3].map { .string(String($0, radix: 16)) }),
            "optimizer": .object(["rule": .string(optimizerRule.rawValue), "steps": JSONValue(optimizerSteps)]),
            "evaluations_without_improvement": JSONValue(evaluationsWithoutImprovement), "divergence": divergence.json,
            "batch": JSONValue(batchSize), "window": JSONValue(window), "corpus": .string(corpus),
        ]
        members["evaluated_step"] = evaluatedStep.map { JSONValue($0) }
        members["best"] = best.map { .object(["step": JSONValue($0.step), "nats": .number($0.natsPerToken)]) }
        members["recipe"] = recipe.map { .string($0) }
        return .object(members)
    }

    /// - Throws: `TrainingError.checkpointVersion`, `.checkpointDamaged`, with the first field that is not as it should be.
    init(json: JSONValue, path: String) throws(TrainingError) {
        let fields = RecordFields(json: json, path: path)
        let version = try fields.count("version")
        guard version == Self.version else {
            throw .checkpointVersion(path: path, found: version, supported: Self.version)
        }
        let words = (json["generator"]?.array ?? []).compactMap { $0.string.flatMap { UInt64($0, radix: 16) } }
        guard words.count == 4, words.contains(where: { $0 != 0 }) else { throw fields.failure("generator") }
        generator = RandomGenerator(state: (words[0], words[1], words[2], words[3]))
        let position = (json["position"]?.array ?? []).map(\.integer)
        guard !position.contains(nil) else { throw fields.failure("position") }
        self.position = position.compactMap { $0 }
        guard let optimizer = json["optimizer"], let name = optimizer["rule"]?.string,
            let rule = OptimizerOptions.Rule(rawValue: name)
        else { throw fields.failure("optimizer") }
        optimizerRule = rule
        optimizerSteps = try RecordFields(json: optimizer, path: path).count("steps")
        batchSize = try fields.count("batch")
        window = try fields.count("window")
        guard let corpus = json["corpus"]?.string else { throw fields.failure("corpus") }
        self.corpus = corpus
        step = try fields.count("step")
        targets = try fields.count("targets")
        clippedSteps = try fields.count("clipped_steps")
        seconds = try fields.number("seconds")
        evaluationsWithoutImprovement = try fields.count("evaluations_without_improvement")
        guard let divergence = json["divergence"] else { throw fields.failure("divergence") }
        self.divergence = try DivergenceMonitor(fields: RecordFields(json: divergence, path: path))
        if json["evaluated_step"] != nil { evaluatedStep = try fields.count("evaluated_step") }
        if let best = json["best"] {
            let fields = RecordFields(json: best, path: path)
            self.best = Measurement(step: try fields.count("step"), natsPerToken: try fields.number("nats"))
        }
        recipe = json["recipe"]?.string
    }
}

/// The members of an object of a record; what is not as it should be is an error that names it.
struct RecordFields {
    let json: JSONValue
    let path: String

    func failure(_ name: String) -> TrainingError {
        .checkpointDamaged(path: path, problem: "its record has no proper “\(name)”")
    }

    func count(_ name: String) throws(TrainingError) -> Int {
        guard let value = json[name]?.integer, value >= 0 else { throw failure(name) }
        return value
    }

    func number(_ name: String) throws(TrainingError) -> Double {
        guard let value = json[name]?.number else { throw failure(name) }
        return value
    }
}
