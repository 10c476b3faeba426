import Archive
import Kernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A regular file opened for reading, by position. Nothing is mapped: a file that shrinks while it is read is an error, not a signal.
final class SourceFile: Sendable {
    let path: String
    /// Bytes when it was opened.
    let size: Int
    private let descriptor: Int32

    init(path: String) throws(ConversionError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw errno == ENOENT || errno == ENOTDIR
                ? .inputMissing(path: path) : .inputUnreadable(path: path, reason: SourceFile.reason())
        }
        // Checked before opening: a pipe would wait for its writer.
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegularFile(path: path) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .inputUnreadable(path: path, reason: SourceFile.reason()) }
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .notRegularFile(path: path)
        }
        self.path = path
        self.descriptor = descriptor
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// What the system says about the last failure.
    static func reason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

    /// Fills `buffer` with the bytes from `offset` on.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ConversionError) {
        guard let base = buffer.baseAddress else { return }
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, base + done, min(buffer.count - done, 1 << 30), off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw .readFailed(path: path, offset: offset + done, reason: SourceFile.reason())
            }
            guard count > 0 else { throw .shrankWhileRead(path: path, offset: offset + done) }
            done += count
        }
    }

    /// `count` bytes from `offset` on; the caller has checked them against `size`.
    func bytes(at offset: Int, count: Int) throws(ConversionError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: ConversionError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(ConversionError) { try read(at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole of a file that ought to be small.
    func contents(limit: Int) throws(ConversionError) -> [UInt8] {
        guard size <= limit else { throw .fileTooLarge(path: path, size: size, limit: limit) }
        return try bytes(at: 0, count: size)
    }

    /// A tensor whose bytes stand in the file as they are in memory.
    func tensor(_ type: ElementType, shape: [Int], at offset: Int, byteCount: Int) throws(ConversionError) -> Tensor {
        var failure: ConversionError?
        let storage = TensorStorage(byteCount: byteCount) { buffer in
            do throws(ConversionError) { try read(at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return Tensor(type, shape: shape, storage: storage)
    }

    /// The file's SHA-256, hexadecimal, computed without holding it in memory.
    func sha256() throws(ConversionError) -> String {
        var digest = SHA256()
        var offset = 0
        while offset < size {
            let piece = try bytes(at: offset, count: min(1 << 20, size - offset))
            piece.withUnsafeBytes { digest.update($0) }
            offset += piece.count
        }
        return digest.hexadecimal()
    }
}
