import Shell

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
import Darwin
#endif

/// Standard input where it is no terminal that someone types at.
final class StandardInput: Input {
    private var buffer: [UInt8] = []
    /// Of the bytes in the buffer that have been handed out.
    private var position = 0
    private var isAtEnd = false

    func readLine() throws -> String? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                return try text(buffer[position..<end])
            }
            searched = buffer.count
            if isAtEnd { break }
            let dropped = position
            try fill()
            searched -= dropped
        }
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return try text(buffer[position...])
    }

    func readAll() throws -> [UInt8] {
        while !isAtEnd { try fill() }
        defer { position = buffer.count }
        return Array(buffer[position...])
    }

    private func fill() throws {
        buffer.removeFirst(position)
        position = 0
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            if count > 0 {
                buffer += chunk[..<count]
                if buffer.count > FileError.textLimit { throw FileError.tooLarge(path: "standard input") }
                return
            }
            if count == 0 {
                isAtEnd = true
                return
            }
            if errno == EINTR && Signals.interrupts.isPending { throw Failure.interrupted }
            if errno != EINTR {
                throw FileError.unreadable(path: "standard input", reason: String(cString: strerror(errno)))
            }
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws -> String {
        guard let line = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.badData, "standard input: a line is not UTF-8 text; convert it first, for example with iconv")
        }
        return line
    }
}
