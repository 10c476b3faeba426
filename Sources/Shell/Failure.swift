import Archive
import Conversion
import Generation
import Network
import Tokenization
import Zoo

/// What a process or script ends with.
public enum ExitCode: Int32, Sendable {
    case done = 0
    /// The work failed.
    case failed = 1
    /// The words were wrong.
    case usage = 2
    /// A corrupt or hostile file, or one that nothing here can read.
    case badData = 65
    /// An input or script is not there or may not be read.
    case notFound = 66
    case interrupted = 130

    init(_ kind: FailureKind) {
        switch kind {
        case .wrongWords: self = .usage
        case .notFound: self = .notFound
        case .badData: self = .badData
        case .workFailed: self = .failed
        }
    }
}

/// An error as a person reads it: one sentence, and the exit code that scripts see. Every error of every layer becomes one here.
public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    public var message: String
    public var code: ExitCode
    /// Where in a script the words stood: `play.rnz:12`.
    public var place: String?
    /// Whether everyone concerned knows, and nothing needs to be said.
    public var isSilent = false

    public init(_ code: ExitCode, _ message: String, place: String? = nil) {
        self.code = code
        self.message = message
        self.place = place
    }

    /// Someone pressed Ctrl-C.
    public static let interrupted = silent(.interrupted, "interrupted")

    /// The reader of a pipe has what it wanted (`rnnz generate … | head -1`).
    public static let readerLeft = silent(.done, "the reader of the output has left")

    private static func silent(_ code: ExitCode, _ message: String) -> Failure {
        var failure = Failure(code, message)
        failure.isSilent = true
        return failure
    }

    public static func usage(_ message: String) -> Failure { Failure(.usage, message) }

    /// The same after it was told.
    var told: Failure {
        var failure = self
        failure.isSilent = true
        return failure
    }

    public var description: String { place.map { "\($0): \(message)" } ?? message }

    /// - Parameter path: the file that the work was about, for errors that do not name it.
    public init(_ error: any Error, path: String? = nil) {
        switch error {
        case let failure as Failure: self = failure
        case GenerationError.interrupted, ArchiveError.interrupted: self = .interrupted
        case OutputError.readerLeft: self = .readerLeft
        default:
            let (code, namesItsFile) = Self.classified(error)
            self.init(code, (namesItsFile ? "" : path.map { "\($0): " } ?? "") + "\(error)")
        }
    }

    /// The exit code, and whether the error's sentence names the file it is about.
    private static func classified(_ error: any Error) -> (ExitCode, namesItsFile: Bool) {
        switch error {
        case let error as FileError: (error.exitCode, true)
        case let error as ConversionError: (ExitCode(error.category), true)
        case let error as ZooError: (ExitCode(error.kind), true)
        case let error as GenerationError: (error.exitCode, true)
        case let error as SnapshotError: (error.exitCode, error.namesItsFile)
        case let error as ArchiveError: (ExitCode(error.kind), error.kind == .workFailed)
        case let error as any ClassifiedError: (ExitCode(error.kind), false)
        case is TokenizationError, is JSONError: (.badData, false)
        case is SamplingError: (.usage, true)
        case NetworkError.tokenOutOfRange: (.usage, true)
        default: (.failed, false)
        }
    }
}

extension ExitCode {
    fileprivate init(_ category: ConversionError.Category) {
        switch category {
        case .words: self = .usage
        case .inputNotFound: self = .notFound
        case .badData: self = .badData
        case .failed: self = .failed
        }
    }
}

extension GenerationError {
    fileprivate var exitCode: ExitCode {
        switch self {
        case .noStart, .tokenOutOfRange, .emptyStop, .limitOutOfRange: .usage
        case .badDefault: .badData
        case .noNetwork, .noTokenizer, .nothingToDraw, .cannotBeTimed: .failed
        case .interrupted: .interrupted
        }
    }
}

extension SnapshotError {
    fileprivate var exitCode: ExitCode {
        switch self {
        case .notASnapshot, .unsupportedVersion, .damaged, .doesNotFit: .badData
        case .cannotRead: .notFound
        case .anotherModel, .cannotWrite: .failed
        }
    }

    fileprivate var namesItsFile: Bool {
        switch self {
        case .cannotRead, .cannotWrite: true
        default: false
        }
    }
}
