import Zoo

/// Everything that can stop a conversion, one case per condition. The sentences stand in `ConversionError+Description.swift`.
public enum ConversionError: Error, Sendable, Equatable {
    // The words were wrong.
    case outputKind(path: String)
    case unknownFormat(name: String, nearest: String?, known: [String])
    case unknownSetting(name: String, nearest: String?, known: [String])
    case settingValue(name: String, value: String, expected: String)
    case unsupportedOption(option: String, reason: String)
    case programRequired(format: String)
    case specialTokenOutOfRange(name: String, id: Int, vocabulary: Int)

    // The input is not there.
    case inputMissing(path: String)
    case inputUnreadable(path: String, reason: String)

    // The input is not what it should be.
    case notRegularFile(path: String)
    case fileTooLarge(path: String, size: Int, limit: Int)
    case readFailed(path: String, offset: Int, reason: String)
    case shrankWhileRead(path: String, offset: Int)
    case unrecognised(path: String, content: String, advice: String?, formats: [String])
    case formatDoesNotFit(path: String, format: String, content: String)
    case severalCheckpoints(path: String, names: [String])
    case noCheckpoint(path: String)
    case notText(path: String)
    case notJSON(path: String, problem: String)

    // Safetensors.
    case safetensorsTooShort(path: String, size: Int)
    case safetensorsHeaderLength(path: String, length: UInt64, limit: Int)
    case safetensorsHeader(path: String, problem: String)
    case safetensorsMetadata(path: String, key: String)
    case safetensorsEntry(path: String, tensor: String, problem: String)
    case safetensorsUnknownType(path: String, tensor: String, type: String)
    case safetensorsTooManyElements(path: String, tensor: String, shape: [Int])
    case safetensorsSize(path: String, tensor: String, expected: Int, found: Int)
    case safetensorsOutOfFile(path: String, tensor: String, end: Int, size: Int)
    case safetensorsOverlap(path: String, tensor: String, other: String)
    case safetensorsGap(path: String, tensor: String, from: Int, to: Int)
    case safetensorsTrailingBytes(path: String, count: Int)
    case elementTypeNotSupported(path: String, tensor: String, type: String)

    // ml5 folders.
    case manifestEntry(path: String, variable: String, problem: String)
    case manifestFileOutside(path: String, variable: String, file: String)
    case blobSize(path: String, variable: String, expected: Int, found: Int)

    // What the tensors make together.
    case missingTensors(names: [String])
    case noOutputLayer(columns: Int)
    case shape(tensor: String, found: [Int], expected: String)
    case noRecurrentLayers(path: String)
    case ambiguous(what: String, candidates: [String], setting: String)
    case cellUnknown(tensor: String, rows: Int, columns: Int)
    case cellContradiction(module: String, name: String, shape: String)
    case layersDiffer(module: String, what: String)
    case inputSize(size: Int, vocabulary: Int, tensor: String)
    case outputVocabularyLarger(input: Int, output: Int)
    case bidirectionalWindow
    case notFinite(tensors: [NonFinite])

    // The vocabulary.
    case vocabulary(path: String, problem: String)
    case vocabularySize(path: String, entries: Int, rows: Int)
    case vocabularyID(path: String, entry: String, id: Int, rows: Int)
    case startText(text: String)

    // The work failed.
    case selfTest(origin: String, error: Double, tolerance: Double)
    /// `place`: of the first wrong id, counted from 0.
    case selfTestGreedy(origin: String, place: Int)
    /// `error`: of a logit when the vectors of products are rounded to 8 bits.
    case roundingTooCoarse(error: Double, limit: Double)
    case cannotUndo(source: String, problem: String)
    case nothingToWrite(path: String)
    case writeFailed(path: String, reason: String)

    /// A tensor with values that are NaN or infinite.
    public struct NonFinite: Sendable, Equatable {
        public var tensor: String
        /// Index of the first one, one number for each axis.
        public var first: [Int]
        public var count: Int

        public init(tensor: String, first: [Int], count: Int) {
            self.tensor = tensor
            self.first = first
            self.count = count
        }
    }

    /// What an error is about.
    public enum Category: Sendable {
        case words  // an option or argument was wrong
        case inputNotFound
        case badData
        case failed  // the work
    }

    public var category: Category {
        switch self {
        case .outputKind, .unknownFormat, .unknownSetting, .settingValue, .unsupportedOption, .programRequired,
            .specialTokenOutOfRange, .startText, .bidirectionalWindow:
            .words
        case .inputMissing, .inputUnreadable: .inputNotFound
        case .selfTest, .selfTestGreedy, .roundingTooCoarse, .cannotUndo, .nothingToWrite, .writeFailed: .failed
        default: .badData
        }
    }
}

extension ConversionError: ClassifiedError {
    public var kind: FailureKind {
        switch category {
        case .words: .wrongWords
        case .inputNotFound: .notFound
        case .badData: .badData
        case .failed: .workFailed
        }
    }
}
