/// What one training was, and what came of it. Nothing in it is drawn yet: tools read it as JSON, people as a page.
struct TrainingReport: Codable, Sendable, Equatable {
    /// Of this structure; a reader refuses one that it does not know.
    var version = TrainingReport.currentVersion
    var run: Run
    /// In the order of steps.
    var training: [TrainingPoint] = []
    /// In the order of steps.
    var validation: [ValidationPoint] = []
    var diagnosis: GradientDiagnosis?

    static let currentVersion = 1

    struct Run: Codable, Sendable, Equatable {
        var model: String
        /// The network in the notation of archives.
        var program = ""
        /// Numbers that are learned.
        var parameters = 0
        var corpus = Corpus()
        var tokenizer = ""
        var optimizer = ""
        /// Of optimizer, schedule, batches and whatever else was chosen, in the order in which people should read them.
        var settings: [Setting] = []
        /// The gradient norm above which gradients are scaled down; nil: they are not.
        @Finite var clippingThreshold: Double? = nil
        var seed: UInt64 = 0
        var machine = ""
        /// ISO 8601, UTC.
        var began = ""
        /// ISO 8601, UTC.
        var ended = ""
        var steps = 0
        /// That were trained on, repetitions included.
        var tokens = 0
        /// Of training, without interruptions.
        @Finite var seconds: Double? = nil
        @Finite var tokensPerSecond: Double? = nil
        var outcome = Outcome.finished
        /// Why it ended, in words.
        var reason = ""
    }

    struct Corpus: Codable, Sendable, Equatable {
        var name = ""
        var bytes = 0
        /// After tokenization.
        var tokens = 0
    }

    struct Setting: Codable, Sendable, Equatable {
        var name: String
        var value: String
    }

    enum Outcome: String, Codable, Sendable { case finished, interrupted, failed }

    struct TrainingPoint: Codable, Sendable, Equatable {
        /// The first is 1.
        var step: Int
        /// The mean over the batch, in nats per token.
        @Finite var loss: Double?
        /// The Euclidean norm of all gradients before clipping.
        @Finite var gradientNorm: Double?
        var isClipped = false
        @Finite var learningRate: Double? = nil
        @Finite var tokensPerSecond: Double? = nil
    }

    struct ValidationPoint: Codable, Sendable, Equatable {
        /// After so many steps of training.
        var step: Int
        @Finite var natsPerToken: Double?
        @Finite var bitsPerCharacter: Double? = nil
        /// A text that the model wrote at this point.
        var sample: String? = nil
    }

    /// Steps whose gradient was clipped, from 0 to 1; nil: no step is known.
    var clippedShare: Double? {
        training.isEmpty ? nil : Double(training.count { $0.isClipped }) / Double(training.count)
    }

    /// The validation with the lowest loss.
    var best: ValidationPoint? {
        validation.filter { $0.natsPerToken != nil }.min { ($0.natsPerToken ?? 0) < ($1.natsPerToken ?? 0) }
    }
}
