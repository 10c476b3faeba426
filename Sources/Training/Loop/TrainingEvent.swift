/// What a training says while it runs.
public enum TrainingEvent: Sendable, Equatable {
    case began(Start)
    /// After each step.
    case step(Step)
    /// Every few steps: means since the last one.
    case progress(Progress)
    case evaluated(Evaluation)
    case saved(Saved)
    /// The loss rises and stays up (see `DivergenceMonitor`): the mean of the last steps, and the lowest it has been, in nats for each
    /// target.
    case diverging(step: Int, mean: Double, lowest: Double)

    public struct Start: Sendable, Equatable {
        /// Steps that were taken before; 0 unless it goes on from a checkpoint.
        public var step: Int
        /// Steps after which the run ends; nil: another end.
        public var length: Int?
        public var stepsPerEpoch: Int
        /// Numbers that are learned.
        public var parameterCount: Int
    }

    public struct Step: Sendable, Equatable {
        /// From 1.
        public var step: Int
        /// Nats for each target.
        public var loss: Double
        /// Before clipping.
        public var gradientNorm: Double
        public var isClipped: Bool
        public var learningRate: Double
    }

    public struct Progress: Sendable, Equatable {
        public var step: Int
        public var epoch: Double
        /// Nats for each target.
        public var loss: Double
        public var bitsPerCharacter: Double
        /// Targets a second, evaluations and saving left out. 0 where the clock stands still.
        public var tokensPerSecond: Double
        /// The mean, before clipping.
        public var gradientNorm: Double
        /// From 0 to 1.
        public var clippedShare: Double
        public var learningRate: Double
        public var seconds: Double
        /// Until the end by steps, epochs or time; nil where it cannot be told.
        public var secondsLeft: Double?
    }

    public struct Evaluation: Sendable, Equatable {
        public var step: Int
        /// Nats for each token.
        public var loss: Double
        public var bitsPerCharacter: Double
        public var isBest: Bool
    }

    public struct Saved: Sendable, Equatable {
        public enum Kind: Sendable, Equatable { case model, checkpoint }
        public var kind: Kind
        public var path: String
        public var step: Int
    }
}

/// How a training ended.
public struct TrainingResult: Sendable, Equatable {
    public enum Reason: Sendable, Equatable { case steps, epochs, time, patience, cancelled }
    public var reason: Reason
    public var step: Int
    public var best: TrainingRecord.Measurement?
    public var seconds: Double
}
