import Archive
import Tokenization
import Zoo

/// Everything that can keep a training from beginning or from going on, one case per condition.
public enum TrainingError: Error, Sendable, Equatable {
    // What was asked for
    /// An option's value is out of its range; the option by its name on the command line.
    case option(name: String, value: String, expected: String)
    case unknownOption(name: String, nearest: String?)
    /// An option that another one rules out, or without which another one has no meaning.
    case optionConflict(name: String, problem: String)
    case unknownParameters(names: [String])
    case nothingToTrain

    // The text
    case unreadable(path: String, reason: String)
    case notUTF8(path: String, byte: Int)
    case emptyCorpus(path: String)
    /// The text as a whole, or its share for one of the two, is shorter than one step reads; all in tokens.
    case corpusTooShort(path: String, tokens: Int, needed: Int, batch: Int, window: Int)
    case validationTooShort(path: String, tokens: Int)
    /// Its share leaves nothing to learn from.
    case validationTakesAll(path: String)
    case unknownCharacters(path: String, [UnknownCharacter])
    case tokenizer(problem: String)

    // The network
    case parameterShape(name: String, expected: [Int], found: [Int])
    case parameterNotFinite(name: String, step: Int)
    /// Of the layers of a description that make no program: a size that is 0, say.
    case initialization(tensor: String, problem: String)
    /// In bytes.
    case notEnoughMemory(needed: Double, available: Int)

    // The run
    /// - value: of the program, or of its derivative, in which the first such number appeared, and where; nil: not known.
    case lossNotFinite(step: Int, parameter: String?, value: String?, learningRate: Double)
    case gradientNotFinite(step: Int, parameter: String, value: String?, learningRate: Double)
    case runWithoutEnd

    // Checkpoints
    case checkpoint(path: String, ArchiveError)
    case notACheckpoint(path: String)
    case checkpointDamaged(path: String, problem: String)
    case checkpointMismatch(path: String, CheckpointDifference)
    case checkpointVersion(path: String, found: Int, supported: Int)
    case optimizerState(names: [String])

    // Recipes
    case recipe(path: String, [RecipeProblem])
}

extension TrainingError: ClassifiedError {
    public var kind: FailureKind {
        switch self {
        case .option, .optionConflict, .unknownOption, .unknownParameters, .nothingToTrain, .initialization, .runWithoutEnd,
            .recipe:
            .wrongWords
        case .unreadable: .notFound
        case .notUTF8, .emptyCorpus, .corpusTooShort, .validationTooShort, .validationTakesAll, .unknownCharacters, .tokenizer,
            .parameterShape, .notACheckpoint, .checkpointDamaged, .checkpointMismatch, .checkpointVersion, .optimizerState:
            .badData
        case .checkpoint(_, let error): error.kind
        case .notEnoughMemory, .parameterNotFinite, .lossNotFinite, .gradientNotFinite: .workFailed
        }
    }
}

/// In what a checkpoint is another's.
public enum CheckpointDifference: Sendable, Equatable {
    case program
    case hyperparameters(names: [String])
    case parameters(missing: [String], extra: [String])
    case parameterShape(name: String, checkpoint: [Int], network: [Int])
    case tokenizer
    case corpus
    /// A setting that the position in the corpus or the optimizer's memory has no meaning without.
    case setting(name: String, checkpoint: String, run: String)
    case carriedState
}

/// A line of a recipe that cannot be understood.
public struct RecipeProblem: Sendable, Equatable {
    /// From 1.
    public var line: Int
    public var kind: Kind

    public enum Kind: Sendable, Equatable {
        case noEqualsSign(String)
        case unknownKey(String, nearest: String?)
        case repeatedKey(String, firstLine: Int)
        case value(key: String, value: String, expected: String)
    }

    public init(line: Int, kind: Kind) {
        self.line = line
        self.kind = kind
    }
}
