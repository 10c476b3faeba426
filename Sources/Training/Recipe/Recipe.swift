/// All that a training is asked to do, as a recipe's file and a command line say it. What is not set has the value that it has here.
public struct Recipe: Sendable, Equatable {
    // What is made
    public var name: String?
    public var description: String?
    public var license: String?
    /// Credit for the corpus, say; free text of the archive's provenance.
    public var note: String?
    /// The archive of the trained model.
    public var output: String?
    /// nil: beside the output, ending in `.checkpoint.rnnz`.
    public var checkpoint: String?
    /// What the archive's matrices are stored as. The training and its checkpoint are `f32`.
    public var storage = Storage.f32
    /// What a text begins with that nobody gave a beginning; nil: chosen from the corpus.
    public var startText: String?

    // The text
    public var corpus: String?
    /// A file of its own for validation; nil: a share of the corpus.
    public var validation: String?
    public var validationShare = 0.1
    /// `characters` (those of the corpus), `bytes`, or the path of a vocabulary in JSON.
    public var tokenizer = "characters"
    /// Between documents.
    public var separator = ""

    // The network
    public var cell = CellNetwork.Cell.lstm
    public var layers = 1
    public var hidden = 128
    public var embedding: Int?
    public var isTied = false
    public var dropout = 0.0
    public var inputDropout = 0.0
    public var recurrentDropout = 0.0
    public var forgetBias = 1.0
    public var isOrthogonal = false
    /// A program of one's own in place of a cell, with its tensors and the numbers that it names.
    public var program: String?
    public var tensors: [TensorSize] = []
    public var hyperparameters: [String: Double] = [:]
    /// Follow those of the cell.
    public var initialization = Initialization()
    /// A model whose program, tokenizer and values to begin with.
    public var start: String?
    public var frozen: [String] = []

    // Steps
    public var optimizer = OptimizerOptions.Rule.adam
    /// nil: PyTorch's default, as for the numbers after it.
    public var learningRate: Double?
    public var momentum: Double?
    public var weightDecay: Double?
    public var beta1: Double?
    public var beta2: Double?
    public var alpha: Double?
    public var epsilon: Double?
    public var clip: Double?
    public var clipValue: Double?
    public var schedule = ScheduleKind.constant
    public var warmUp = 0
    public var learningRateFloor = 0.0
    public var decayEvery = 1000
    public var decayFactor = 0.5
    public var window = 64
    public var batch = 32
    public var zeroStateShare = 0.1
    public var seed: UInt64?
    public var threads: Int?

    // The run
    public var steps: Int?
    public var epochs: Double?
    public var seconds: Double?
    public var patience: Int?
    public var evaluateEvery: Int?
    public var checkpointEvery: Int?
    public var progressEvery = 10
    /// Tokens of the text that the model writes at each evaluation; 0: none.
    public var sample = 200

    public enum Storage: String, Sendable, CaseIterable { case f32, f16, bf16, q8, q4 }

    public enum ScheduleKind: String, Sendable, CaseIterable { case constant, linear, cosine, step, exponential }

    /// A tensor of a program of one's own. A part of the name that is `L` stands for each layer's number; sizes are products of
    /// numbers and of the words `vocabulary`, `embedding`, `hidden`, `layers`.
    public struct TensorSize: Sendable, Equatable {
        public var name: String
        public var sizes: [String]

        public init(_ name: String, _ sizes: [String]) {
            self.name = name
            self.sizes = sizes
        }
    }

    public init() {}
}

extension Recipe {
    public var optimizerOptions: OptimizerOptions {
        var options = OptimizerOptions(optimizer)
        options.learningRate = learningRate ?? options.learningRate
        options.momentum = momentum ?? options.momentum
        options.weightDecay = weightDecay ?? options.weightDecay
        options.beta1 = beta1 ?? options.beta1
        options.beta2 = beta2 ?? options.beta2
        options.alpha = alpha ?? options.alpha
        options.epsilon = epsilon ?? options.epsilon
        return options
    }

    public var scheduleOptions: Schedule {
        let decay: Schedule.Decay =
            switch schedule {
            case .constant: .constant
            case .linear: .linear
            case .cosine: .cosine
            case .step: .step(every: decayEvery, factor: decayFactor)
            case .exponential: .exponential(every: decayEvery, factor: decayFactor)
            }
        return Schedule(decay, warmUp: warmUp, floor: learningRateFloor)
    }

    /// - Parameter seed: where the recipe has none.
    public func trainerOptions(seed: UInt64) -> TrainerOptions {
        var options = TrainerOptions(optimizer: optimizerOptions, seed: self.seed ?? seed)
        options.schedule = scheduleOptions
        options.clipping = Clipping(norm: clip, value: clipValue)
        options.frozen = Set(frozen)
        options.steps = steps
        options.epochs = epochs
        options.seconds = seconds
        options.patience = patience
        options.evaluateEvery = evaluateEvery
        options.checkpointEvery = checkpointEvery
        options.progressEvery = progressEvery
        options.recipe = text
        return options
    }

    public var checkpointPath: String? {
        if let checkpoint { return checkpoint }
        guard let output else { return nil }
        return (output.hasSuffix(".rnnz") ? String(output.dropLast(5)) : output) + ".checkpoint.rnnz"
    }

    public func cellNetwork(vocabulary: Int) -> CellNetwork {
        var network = CellNetwork(cell, vocabulary: vocabulary)
        network.layers = layers
        network.hidden = hidden
        network.embedding = embedding
        network.isTied = isTied
        network.dropout = dropout
        network.inputDropout = inputDropout
        network.recurrentDropout = recurrentDropout
        network.forgetBias = forgetBias
        network.isOrthogonal = isOrthogonal
        return network
    }
}
