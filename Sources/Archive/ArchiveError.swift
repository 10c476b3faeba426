/// Everything that can be wrong with an archive, one case per condition. The payload names the place.
///
/// Conditions of the file itself leave its path to the caller, who knows it; those of writing name it.
public enum ArchiveError: Error, Sendable, Equatable {
    // The file
    case fileNotFound
    case isDirectory
    /// A device, pipe or socket.
    case notRegularFile
    case unreadable(reason: String)
    case emptyFile
    case gitLFSPointer
    case notAnArchive(looksLike: String?)
    case changedInTransfer
    case unsupportedVersion(found: Int, newest: Int)
    case truncated(expected: Int, found: Int)
    case trailingBytes(count: Int)
    case prefixChecksumMismatch

    // The header
    case headerTooLarge(byteCount: Int, limit: Int)
    case headerChecksumMismatch
    case headerNotInflatable(problem: InflateProblem)
    case headerNotJSON(JSONError)
    case headerField(path: String, expected: String)
    case duplicateTensor(name: String)
    case tooManyTensors(count: Int, limit: Int)
    case unknownElementType(tensor: String, name: String)
    /// A type that this version of the format does not have yet.
    case elementTypeOfLaterVersion(tensor: String, name: String, version: Int)
    case blockAxisOutOfRange(tensor: String, axis: Int, dimensions: Int)
    case unknownChunkEncoding(tensor: String, chunk: Int, name: String)
    case tooManyDimensions(tensor: String, count: Int, limit: Int)
    case shapeOverflow(tensor: String)
    case sourceDoesNotFit(tensor: String, problem: String)

    // Where the chunks are
    case emptyChunk(tensor: String, chunk: Int)
    case chunkTooLarge(tensor: String, chunk: Int, byteCount: Int, limit: Int)
    case chunkExpandsTooMuch(tensor: String, chunk: Int, stored: Int, byteCount: Int)
    case chunkNotWholeElements(tensor: String, chunk: Int, byteCount: Int)
    case chunkNotWholeBlocks(tensor: String, chunk: Int, byteCount: Int, blockByteCount: Int)
    case rawChunkSizeMismatch(tensor: String, chunk: Int, stored: Int, byteCount: Int)
    case tensorSizeMismatch(tensor: String, expected: Int, found: Int)
    case chunkOutsideFile(tensor: String, chunk: Int)
    case overlappingChunks(tensor: String, chunk: Int, otherTensor: String, otherChunk: Int)
    case gap(offset: Int, byteCount: Int)

    // What is in them
    case chunkChecksumMismatch(tensor: String, chunk: Int)
    case chunkNotInflatable(tensor: String, chunk: Int, problem: InflateProblem)
    case digestMismatch(tensor: String)
    case noSuchTensor(name: String)

    // Writing
    case missingTensors(names: [String])
    /// Someone asked for it; what was there before is unchanged.
    case interrupted
    case nonFiniteNumber
    case destinationIsNoFile(path: String)
    case folderNotWritable(path: String, reason: String)
    case diskFull(path: String, reason: String)
    case writeFailed(path: String, reason: String)

    // Leaving again
    case sourceIncomplete(source: String, missing: Int, of: Int)
    case sourceContradiction(source: String, tensor: String, problem: String)
}

/// Why compressed bytes are not what the archive says they are.
public enum InflateProblem: Sendable, Equatable, CustomStringConvertible {
    case damaged
    /// More comes out than is stated: an error, or a bomb. Nothing beyond the stated size was ever asked for.
    case tooLong(expected: Int)
    case tooShort(expected: Int, found: Int)
    /// Bytes are left over after the end of the compressed ones.
    case leftOver(byteCount: Int)

    public var description: String {
        switch self {
        case .damaged: "is not valid zlib data"
        case .tooLong(let expected): "inflates to more than the \(expected) bytes it states"
        case .tooShort(let expected, let found): "inflates to \(found) bytes where it states \(expected)"
        case .leftOver(let count): "is followed by \(count) bytes that belong to nothing"
        }
    }
}

extension ArchiveError: CustomStringConvertible {
    public var description: String {
        fileDescription ?? headerDescription ?? layoutDescription ?? contentDescription ?? writingDescription
    }

    private var fileDescription: String? {
        switch self {
        case .fileNotFound: "there is no such file"
        case .isDirectory: "this is a folder, not an archive"
        case .notRegularFile: "this is not a regular file, which an archive has to be"
        case .unreadable(let reason): "the file cannot be read: \(reason)"
        case .emptyFile: "the file is empty"
        case .gitLFSPointer: "this is a Git LFS pointer, not the archive it stands for; fetch the archive with `git lfs pull`"
        case .notAnArchive(let kind?): "this is not an .rnnz archive but looks like \(kind); `rnnz convert` makes archives"
        case .notAnArchive(nil): "this is not an .rnnz archive"
        case .changedInTransfer: "the archive was changed by a transfer as text; copy it again as binary data"
        case .unsupportedVersion(let found, let newest):
            "the archive has format version \(found), and this program reads versions up to \(newest); a newer rnnz may read it"
        case .truncated(let expected, let found):
            "the file ends too early: \(found) bytes are there of \(expected); it was probably not copied whole"
        case .trailingBytes(let count): "\(count) bytes follow the end of the archive; it was changed after it was written"
        case .prefixChecksumMismatch: "the first \(ArchiveFormat.prefixByteCount) bytes of the archive are damaged"
        default: nil
        }
    }

    private var headerDescription: String? {
        switch self {
        case .headerTooLarge(let count, let limit): "the header states \(count) bytes, and at most \(limit) are allowed"
        case .headerChecksumMismatch: "the header is damaged: its CRC-32 does not match"
        case .headerNotInflatable(let problem): "the header \(problem)"
        case .headerNotJSON(let error): "the header is not valid JSON: \(error)"
        case .headerField(let path, let expected): "in the header, “\(path)” should be \(expected)"
        case .duplicateTensor(let name): "the header lists the tensor “\(name)” twice"
        case .tooManyTensors(let count, let limit): "the header lists \(count) tensors, and at most \(limit) are allowed"
        case .unknownElementType(let tensor, let name):
            "the tensor “\(tensor)” has the unknown element type “\(name)”; a newer rnnz may know it"
        case .elementTypeOfLaterVersion(let tensor, let name, let version):
            "the tensor “\(tensor)” has the element type “\(name)”, which version \(version) of the format does not have"
        case .blockAxisOutOfRange(let tensor, let axis, let count):
            "the blocks of the tensor “\(tensor)” run along axis \(axis), and it has \(count) axes, counted from 0"
        case .unknownChunkEncoding(let tensor, let chunk, let name):
            "chunk \(chunk) of the tensor “\(tensor)” has the unknown encoding “\(name)”; a newer rnnz may know it"
        case .tooManyDimensions(let tensor, let count, let limit):
            "the tensor “\(tensor)” has \(count) dimensions, and at most \(limit) are allowed"
        case .shapeOverflow(let tensor): "the shape of the tensor “\(tensor)” has more elements than can be counted"
        case .sourceDoesNotFit(let tensor, let problem): "the origin of the tensor “\(tensor)” does not fit it: \(problem)"
        default: nil
        }
    }

    private var layoutDescription: String? {
        switch self {
        case .emptyChunk(let tensor, let chunk): "chunk \(chunk) of the tensor “\(tensor)” has no bytes"
        case .chunkTooLarge(let tensor, let chunk, let count, let limit):
            "chunk \(chunk) of the tensor “\(tensor)” has \(count) bytes, and at most \(limit) are allowed"
        case .chunkExpandsTooMuch(let tensor, let chunk, let stored, let count):
            "chunk \(chunk) of the tensor “\(tensor)” would inflate from \(stored) bytes to \(count), and "
                + "\(ArchiveFormat.expansionLimit) times is the most that is allowed"
        case .chunkNotWholeElements(let tensor, let chunk, let count):
            "chunk \(chunk) of the tensor “\(tensor)” has \(count) bytes, which is no whole number of elements"
        case .chunkNotWholeBlocks(let tensor, let chunk, let count, let block):
            "chunk \(chunk) of the tensor “\(tensor)” has \(count) bytes, which is no whole number of blocks of \(block)"
        case .rawChunkSizeMismatch(let tensor, let chunk, let stored, let count):
            "chunk \(chunk) of the tensor “\(tensor)” is stored raw, yet states \(stored) bytes in the file and \(count) in memory"
        case .tensorSizeMismatch(let tensor, let expected, let found):
            "the chunks of the tensor “\(tensor)” hold \(found) bytes where its shape asks for \(expected)"
        case .chunkOutsideFile(let tensor, let chunk): "chunk \(chunk) of the tensor “\(tensor)” lies beyond the end of the file"
        case .overlappingChunks(let tensor, let chunk, let otherTensor, let otherChunk):
            "chunk \(chunk) of the tensor “\(tensor)” overlaps chunk \(otherChunk) of “\(otherTensor)”"
        case .gap(let offset, let count): "the \(count) bytes at offset \(offset) of the data belong to no tensor"
        default: nil
        }
    }

    private var contentDescription: String? {
        switch self {
        case .chunkChecksumMismatch(let tensor, let chunk):
            "chunk \(chunk) of the tensor “\(tensor)” is damaged: its CRC-32 does not match"
        case .chunkNotInflatable(let tensor, let chunk, let problem): "chunk \(chunk) of the tensor “\(tensor)” \(problem)"
        case .digestMismatch(let tensor): "the tensor “\(tensor)” is not the one that was written: its SHA-256 does not match"
        case .noSuchTensor(let name): "the archive has no tensor “\(name)”"
        case .sourceIncomplete(let source, let missing, let whole):
            "the source's tensor “\(source)” cannot be restored: \(missing) of its \(whole) elements are in no tensor of the archive"
        case .sourceContradiction(let source, let tensor, let problem):
            "the source's tensor “\(source)” cannot be restored: “\(tensor)” contradicts another tensor in its \(problem)"
        default: nil
        }
    }

    private var writingDescription: String {
        switch self {
        case .missingTensors(let names): "the header lists tensors that were not given: \(names.joined(separator: ", "))"
        case .interrupted: "writing was interrupted; nothing was written"
        case .nonFiniteNumber: "the header holds a number that is NaN or infinite, which JSON cannot say"
        case .destinationIsNoFile(let path): "“\(path)” is there already and is no file; nothing was written"
        case .folderNotWritable(let path, let reason):
            "no file can be made in the folder “\(path)”: \(reason); nothing was written"
        case .diskFull(let path, let reason): "“\(path)” could not be written: \(reason); what was there before is unchanged"
        case .writeFailed(let path, let reason): "“\(path)” could not be written: \(reason); what was there before is unchanged"
        default: "the archive is damaged"
        }
    }
}

extension ArchiveError {
    /// Why a file could not be written, without its name; nil for other errors.
    public var writingReason: String? {
        switch self {
        case .destinationIsNoFile: "it is there already and is no file"
        case .folderNotWritable(_, let reason), .diskFull(_, let reason), .writeFailed(_, let reason): reason
        default: nil
        }
    }
}
