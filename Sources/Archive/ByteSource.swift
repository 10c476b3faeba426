#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where an archive's bytes come from. Any thread may read any part at any time.
protocol ByteSource: Sendable {
    var length: Int { get }
    /// Fills the buffer from the given offset on.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError)
}

extension ByteSource {
    func read(at offset: Int, count: Int) throws(ArchiveError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var outcome: Result<Void, ArchiveError> = .success(())
        bytes.withUnsafeMutableBytes { buffer in
            do throws(ArchiveError) { try read(at: offset, into: buffer) } catch { outcome = .failure(error) }
        }
        try outcome.get()
        return bytes
    }
}

/// A file, read by position rather than mapped: a file that another program cuts short is an error then and not a crash.
final class FileSource: ByteSource {
    private let descriptor: Int32
    let length: Int

    init(path: String) throws(ArchiveError) {
        // A pipe without a writer must not be waited for; for files the flag means nothing.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw [ENOENT, ENOTDIR, ENAMETOOLONG].contains(errno) ? .fileNotFound : .unreadable(reason: systemErrorText())
        }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else {
            let reason = systemErrorText()
            close(descriptor)
            throw .unreadable(reason: reason)
        }
        let kind = information.st_mode & S_IFMT
        guard kind == S_IFREG else {
            close(descriptor)
            throw kind == S_IFDIR ? .isDirectory : .notRegularFile
        }
        length = Int(information.st_size)
    }

    deinit { close(descriptor) }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(reason: systemErrorText()) }
            guard count > 0 else { throw .truncated(expected: length, found: offset + done) }
            done += count
        }
    }
}

/// Bytes in memory.
struct MemorySource: ByteSource {
    let bytes: [UInt8]
    var length: Int { bytes.count }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) {
        guard offset >= 0, offset + buffer.count <= bytes.count else {
            throw .truncated(expected: offset + buffer.count, found: bytes.count)
        }
        buffer.copyBytes(from: bytes[offset..<(offset + buffer.count)])
    }
}

/// The operating system's words for its last error.
func systemErrorText(_ code: Int32 = errno) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    let words = String(cString: text)
    return words.prefix(1).lowercased() + words.dropFirst()
}
