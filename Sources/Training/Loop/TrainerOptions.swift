import Archive
import Kernels

/// How a training goes, when it ends, and how often it is looked at.
public struct TrainerOptions: Sendable, Equatable {
    public var optimizer: OptimizerOptions
    public var schedule = Schedule()
    public var clipping = Clipping()
    /// Names of parameters that stay as they are.
    public var frozen: Set<String> = []
    public var seed: UInt64

    // The run ends at whichever comes first.
    public var steps: Int?
    public var epochs: Double?
    /// Of all time that the training takes, also before interruptions.
    public var seconds: Double?
    /// So many evaluations in a row without a new best.
    public var patience: Int?

    // In steps. The end of the run is evaluated and saved in any case.
    public var evaluateEvery: Int?
    public var checkpointEvery: Int?
    public var progressEvery = 10
    // In seconds, where steps are slow; nil: by steps alone. Numbers of the training do not depend on them.
    public var progressSeconds: Double?
    public var checkpointSeconds: Double?

    /// Kept in checkpoints.
    public var recipe: String?

    public init(optimizer: OptimizerOptions, seed: UInt64) {
        self.optimizer = optimizer
        self.seed = seed
    }

    /// Steps that the run takes unless it is stopped earlier; nil: it has no such end.
    public func length(stepsPerEpoch: Int) -> Int? {
        let ofEpochs = epochs.map { Int(min(1e15, ($0 * Double(stepsPerEpoch)).rounded(.up))) }
        return [steps, ofEpochs].compactMap { $0 }.min()
    }

    func check(hasValidation: Bool) throws(TrainingError) {
        try optimizer.check()
        try schedule.check()
        try clipping.check()
        let counts = [
            ("steps", steps), ("patience", patience), ("evaluate-every", evaluateEvery), ("checkpoint-every", checkpointEvery),
            ("progress-every", progressEvery),
        ]
        for case (let name, let value?) in counts where value < 1 {
            throw .option(name: name, value: "\(value)", expected: "a whole number, at least 1")
        }
        for case (let name, let value?) in [("epochs", epochs), ("time", seconds)] where !(value > 0) {
            throw .option(name: name, value: "\(value)", expected: "a number greater than 0")
        }
        if patience != nil, !hasValidation || evaluateEvery == nil {
            throw .optionConflict(name: "patience", problem: "needs a text for validation, and to know how often it is measured")
        }
        if steps == nil, epochs == nil, seconds == nil, patience == nil { throw .runWithoutEnd }
        if schedule.needsLength, steps == nil, epochs == nil {
            throw .optionConflict(
                name: "schedule", problem: "falls until the end of the run, which needs a number of steps or epochs")
        }
    }
}

/// What archives of the model say besides the numbers that are learned.
public struct ModelOutline: Sendable {
    /// `tensors` may list an order, and where tensors came from. Self-tests are left out: their answers change.
    public var header: ArchiveHeader
    /// Tensors that the program reads and that are not learned.
    public var constants: [String: Tensor]

    public init(header: ArchiveHeader, constants: [String: Tensor] = [:]) {
        self.header = header
        self.header.selfTests = []
        self.header.training = nil
        self.constants = constants
    }
}

/// Where a training leaves its results; nil: nowhere.
public struct TrainerOutput: Sendable, Equatable {
    /// The model with the lowest loss on the text for validation; without such a text, the last one.
    public var model: String?
    /// The training as it was last.
    public var checkpoint: String?

    public init(model: String? = nil, checkpoint: String? = nil) {
        self.model = model
        self.checkpoint = checkpoint
    }
}
