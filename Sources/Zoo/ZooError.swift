import Archive
import Network

/// What stands between a name and a model that is ready to use.
public enum ZooError: Error, Sendable {
    /// A word that is neither a file nor the name of a model.
    case unknownModel(name: String, nearest: String?)
    /// A path that leads nowhere.
    case noSuchFile(path: String)
    /// The file is no archive, or a damaged one.
    case archive(path: String, ArchiveError)
    /// The program is wrong, or tensors that it needs are missing or of the wrong shape.
    case program(path: String, NotationErrors)
    /// The program is right but cannot be made ready.
    case network(path: String, problem: String)
    /// The model takes more memory than there is; both in bytes.
    case notEnoughMemory(path: String, needed: Int, available: Int)
    case tokenizer(path: String, role: String, problem: String)
    /// The tokenizer and the network disagree about the number of ids. `unused` are those the header says have no token.
    case vocabularySize(path: String, tokens: Int, unused: Int, rows: Int)
    /// A special token that is not in the vocabulary.
    case specialToken(path: String, name: String, id: Int, limit: Int)
}

extension ZooError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownModel(let name, let nearest?): return "“\(name)” is no file and no model; did you mean “\(nearest)”?"
        case .unknownModel(let name, nil): return "“\(name)” is no file and no model of the zoo"
        case .noSuchFile(let path): return "\(path): there is no such file"
        case .archive(let path, let error): return "\(path): \(error)"
        case .program(let path, let errors): return "\(path): \(errors)"
        case .network(let path, let problem): return "\(path): \(problem)"
        case .notEnoughMemory(let path, let needed, let available):
            return
                "\(path): the model needs at least \(AvailableMemory.shown(needed)) of memory, and \(AvailableMemory.shown(available)) are available"
        case .tokenizer(let path, let role, let problem): return "\(path): the tokenizer “\(role)” cannot be used: \(problem)"
        case .vocabularySize(let path, let tokens, let unused, let rows):
            let rest = unused == 0 ? "" : " and states \(unused) unused ones"
            return "\(path): the tokenizer has \(tokens) ids\(rest), but the network has \(rows)"
        case .specialToken(let path, let name, let id, let limit):
            return "\(path): the special token “\(name)” has the id \(id), but the ids end at \(limit - 1)"
        }
    }
}

/// What kind of failure an error is: what an exit code is chosen by.
public enum FailureKind: Sendable, Equatable {
    /// What was asked for makes no sense.
    case wrongWords
    /// An input is not there, or may not be read.
    case notFound
    /// An input is there and is not what it should be.
    case badData
    /// The work itself could not be done: a full disk, a folder that may not be written.
    case workFailed
}

/// An error that knows its kind.
public protocol ClassifiedError: Error {
    var kind: FailureKind { get }
}

extension ZooError: ClassifiedError {
    public var kind: FailureKind {
        switch self {
        case .unknownModel: .wrongWords
        case .noSuchFile: .notFound
        case .archive(_, let error): error.kind
        case .notEnoughMemory: .workFailed
        case .program, .network, .tokenizer, .vocabularySize, .specialToken: .badData
        }
    }
}

extension ArchiveError: ClassifiedError {
    public var kind: FailureKind {
        switch self {
        case .fileNotFound, .unreadable: .notFound
        case .missingTensors, .interrupted, .nonFiniteNumber, .destinationIsNoFile, .folderNotWritable, .diskFull, .writeFailed:
            .workFailed
        default: .badData
        }
    }
}

extension NotationErrors: ClassifiedError {
    public var kind: FailureKind { .badData }
}
