import Archive

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What can go wrong with a file that a command reads.
public enum FileError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(path: String)
    case isFolder(path: String)
    case unreadable(path: String, reason: String)
    case notText(path: String, offset: Int)
    /// More than any text: a device that never ends, or something else altogether.
    case tooLarge(path: String)

    /// Bytes of the largest text that is read whole.
    public static let textLimit = 1 << 30

    public var description: String {
        switch self {
        case .missing(let path): "\(path): there is no such file"
        case .isFolder(let path): "\(path): this is a folder, not a file"
        case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
        case .tooLarge(let path): "\(path): more than 1 GiB, and no text that is read whole may be larger"
        case .notText(let path, let offset): "\(path): not UTF-8 text (byte \(offset)); convert it first, for example with iconv"
        }
    }

    var exitCode: ExitCode {
        switch self {
        case .missing, .isFolder, .unreadable: .notFound
        case .notText, .tooLarge: .badData
        }
    }
}

enum Files {
    /// All bytes of a file, or of a pipe, which may be waited for until someone interrupts.
    static func bytes(at path: String, limit: Int = FileError.textLimit, isInterrupted: () -> Bool) throws -> [UInt8] {
        var file: Int32
        repeat {
            file = open(path, O_RDONLY | O_CLOEXEC)
            if file < 0 && isInterrupted() { throw Failure.interrupted }
        } while file < 0 && errno == EINTR
        guard file >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw FileError.missing(path: path) }
            throw FileError.unreadable(path: path, reason: reason())
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count != 0 && isInterrupted() { throw Failure.interrupted }
            if count > 0 {
                bytes += buffer[..<count]
                if bytes.count > limit { throw FileError.tooLarge(path: path) }
            } else if count == 0 {
                return bytes
            } else if errno == EISDIR {
                throw FileError.isFolder(path: path)
            } else if errno != EINTR {
                throw FileError.unreadable(path: path, reason: reason())
            }
        }
    }

    /// The text of bytes, a byte order mark left out; what is not UTF-8 is an error that says where.
    static func text(_ bytes: [UInt8], from path: String) throws(FileError) -> String {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let content = bytes.starts(with: mark) ? bytes[3...] : bytes[...]
        if let text = String(validating: content, as: UTF8.self) { return text }
        var offset = bytes.count - content.count
        var decoder = UTF8()
        var iterator = content.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        throw .notText(path: path, offset: offset)
    }

    /// Writes a file whole or not at all.
    static func replace(_ path: String, with text: String) throws(ArchiveError) {
        let file = try OutputFile(path: path)
        try file.write(Array(text.utf8))
        try file.commit()
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0
    }

    /// Where a path leads, the same for all paths to a file, whether it is there or not.
    static func place(of path: String) -> String {
        func real(_ path: String) -> String? {
            guard let real = realpath(path, nil) else { return nil }
            defer { free(real) }
            return String(cString: real)
        }
        if let real = real(path) { return real }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "."
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        return real(folder).map { "\($0)/\(name)" } ?? path
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a folder, sorted; none where it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
