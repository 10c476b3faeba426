import Zoo

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reading what a person wrote.
enum TextFile {
    /// What reading a text takes of memory, for each of its bytes: the bytes, the text, its parts and its ids.
    private static let memoryPerByte = 8

    /// - Throws: `TrainingError.unreadable`, `.notEnoughMemory`.
    static func bytes(_ path: String) throws(TrainingError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe without a writer must not block
        func failure(_ reason: String? = nil) -> TrainingError {
            .unreadable(path: path, reason: reason ?? String(cString: strerror(errno)))
        }
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure("it is not a file") }
        if let available = AvailableMemory.bytes(), Int(status.st_size) > available / memoryPerByte {
            throw .notEnoughMemory(needed: Double(status.st_size) * Double(memoryPerByte), available: available)
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            done += count
        }
        return done == bytes.count ? bytes : Array(bytes[..<done])
    }

    /// A byte order mark is no part of the text.
    /// - Throws: `TrainingError.unreadable`, `.notEnoughMemory`, `.notUTF8`.
    static func text(_ path: String) throws(TrainingError) -> String {
        let bytes = try bytes(path)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        guard let text = String(validating: bytes.starts(with: mark) ? bytes[3...] : bytes[...], as: UTF8.self) else {
            throw .notUTF8(path: path, byte: firstInvalidByte(bytes) ?? 0)
        }
        return text
    }

    /// The offset of the first byte that is part of no character.
    static func firstInvalidByte(_ bytes: [UInt8]) -> Int? {
        var position = 0
        while position < bytes.count {
            let length = scalarLength(bytes, at: position)
            if length == 0 { return position }
            position += length
        }
        return nil
    }

    /// Bytes of the well-formed character at a place (Unicode 16, table 3-7); 0 where there is none.
    private static func scalarLength(_ bytes: [UInt8], at position: Int) -> Int {
        let second: ClosedRange<UInt8>
        let length: Int
        switch bytes[position] {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard position + length <= bytes.count, second ~= bytes[position + 1] else { return 0 }
        for i in (position + 2)..<max(position + 2, position + length) where !(0x80...0xBF ~= bytes[i]) { return 0 }
        return length
    }
}
