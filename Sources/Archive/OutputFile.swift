import Synchronization

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file that comes into being whole or not at all: written under a temporary name in the same folder, flushed to the disk, and
/// renamed. What stood under the name before stays until then, and no temporary file is left behind.
public final class OutputFile {
    /// What was asked for, as errors name it.
    let path: String
    /// Where it leads: a symbolic link is written through, not replaced.
    private let target: String
    private let folder: String
    private var temporary: String?
    private var descriptor: Int32 = -1
    public private(set) var byteCount = 0

    /// Tells the temporary files of one process apart.
    private static let counter = Atomic<Int>(0)

    /// Makes the temporary file.
    /// - Throws: `.destinationIsNoFile`, `.folderNotWritable`, `.diskFull`.
    public init(path: String) throws(ArchiveError) {
        self.path = path
        target = Self.resolved(path)
        folder = Self.folder(of: target)
        var information = stat()
        let exists = stat(target, &information) == 0
        guard !exists || information.st_mode & S_IFMT == S_IFREG, !target.hasSuffix("/") else {
            throw .destinationIsNoFile(path: path)
        }
        (descriptor, temporary) = try Self.makeTemporary(in: folder)
        // A file that is replaced keeps its permissions.
        if exists { fchmod(descriptor, information.st_mode & 0o777) }
    }

    deinit { abandon() }

    /// A nameless file in the same folder, for bytes that have to wait. It is gone when it is closed, even after a crash.
    func makeSpool() throws(ArchiveError) -> Spool {
        let (descriptor, name) = try Self.makeTemporary(in: folder)
        unlink(name)
        return Spool(descriptor: descriptor, path: path)
    }

    /// - Throws: `.diskFull`, `.writeFailed`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        try writeAll(bytes, to: descriptor, path: path)
        byteCount += bytes.count
    }

    public func write(_ bytes: [UInt8]) throws(ArchiveError) {
        let failure = FirstFailure()
        bytes.withUnsafeBytes { buffer in failure.note(0) { () throws(ArchiveError) in try write(buffer) } }
        try failure.rethrow()
    }

    /// Puts the file in its place.
    /// - Throws: `.diskFull`, `.writeFailed`.
    public func commit() throws(ArchiveError) {
        guard let name = temporary else { return }
        guard fsync(descriptor) == 0 else { throw writeError(path) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw writeError(path) }
        guard rename(name, target) == 0 else { throw writeError(path) }
        temporary = nil
        // The new name is on the disk once the folder is. Some file systems cannot flush one; there is nothing to do about it.
        let directory = open(folder, O_RDONLY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// A whole file at once.
    public static func write(_ bytes: [UInt8], to path: String) throws(ArchiveError) {
        let file = try OutputFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    private func abandon() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        if let name = temporary { unlink(name) }
        temporary = nil
    }

    private static func makeTemporary(in folder: String) throws(ArchiveError) -> (Int32, String) {
        for _ in 0..<100 {
            let name = "\(folder)/.rnnz-\(getpid())-\(counter.wrappingAdd(1, ordering: .relaxed).newValue).tmp"
            let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 { return (descriptor, name) }
            if errno != EEXIST && errno != EINTR { break }
        }
        let code = errno
        let reason = systemErrorText(code)
        throw code == ENOSPC ? .diskFull(path: folder, reason: reason) : .folderNotWritable(path: folder, reason: reason)
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// Bytes that are written first and read once afterwards.
final class Spool {
    private let descriptor: Int32
    private let path: String
    private(set) var byteCount = 0

    fileprivate init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        try writeAll(bytes, to: descriptor, path: path)
        byteCount += bytes.count
    }

    func copy(to file: OutputFile) throws(ArchiveError) {
        let scratch = ScratchBuffer(byteCount: 1 << 20)
        var position = 0
        while position < byteCount {
            let count = pread(descriptor, scratch.bytes.baseAddress, scratch.bytes.count, off_t(position))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw .writeFailed(path: path, reason: count < 0 ? systemErrorText() : "a temporary file was cut short")
            }
            try file.write(UnsafeRawBufferPointer(rebasing: scratch.bytes[..<count]))
            position += count
        }
    }
}

private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(ArchiveError) {
    var done = 0
    while done < bytes.count {
        let count = write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw writeError(path) }
        done += count
    }
}

private func writeError(_ path: String) -> ArchiveError {
    let code = errno
    let reason = systemErrorText(code)
    return [ENOSPC, EDQUOT, EFBIG].contains(code)
        ? .diskFull(path: path, reason: reason) : .writeFailed(path: path, reason: reason)
}
