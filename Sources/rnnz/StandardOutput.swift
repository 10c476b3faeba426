import Shell

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
import Darwin
#endif

/// Results to standard output, everything else to standard error.
final class StandardOutput: Output {
    /// Enough that large results cost few system calls.
    private static let bufferLimit = 1 << 16

    let isTerminal = isatty(STDOUT_FILENO) != 0
    let hasColour: Bool
    private(set) var isAtLineStart = true
    private let messagesAreSeen = isatty(STDERR_FILENO) != 0
    private let coloursAreWanted: Bool
    private let isUTF8: Bool
    private var buffer: [UInt8] = []
    private var hasProgress = false

    init(environment: [String: String]) {
        // https://no-color.org: set and not empty.
        let refusal = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? false
        coloursAreWanted = !refusal && !isDumb
        hasColour = isatty(STDERR_FILENO) != 0 && coloursAreWanted
        isUTF8 = Display.isUTF8(environment)
    }

    var resultDisplay: Display {
        let columns = Self.columns(of: STDOUT_FILENO) ?? getenv("COLUMNS").flatMap { Int(String(cString: $0)) }
        return Display(
            columns: columns.flatMap { $0 > 0 ? $0 : nil } ?? Display().columns, hasColour: isTerminal && coloursAreWanted,
            isUTF8: isUTF8)
    }

    var messageDisplay: Display? {
        guard messagesAreSeen else { return nil }
        let columns = Self.columns(of: STDERR_FILENO) ?? Display().columns
        return Display(columns: columns, hasColour: hasColour, isUTF8: isUTF8)
    }

    /// Nil where it is no terminal, or one that does not know its size.
    private static func columns(of file: Int32) -> Int? {
        var size = winsize()
        return ioctl(file, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
    }

    func write(_ text: String) throws(OutputError) {
        if text.isEmpty { return }
        buffer += text.utf8
        isAtLineStart = buffer.last == UInt8(ascii: "\n")
        if buffer.count >= Self.bufferLimit { try flush() }
    }

    func flush() throws(OutputError) {
        if buffer.isEmpty { return }
        showProgress(nil)
        // What cannot be written is not tried again.
        defer { buffer.removeAll(keepingCapacity: true) }
        if let problem = Self.write(buffer, to: STDOUT_FILENO) {
            throw problem == EPIPE ? .readerLeft : .failed(reason: String(cString: strerror(problem)))
        }
    }

    func note(_ text: String) {
        try? flush()
        showProgress(nil)
        if isTerminal && !isAtLineStart {
            try? write("\n")
            try? flush()
        }
        _ = Self.write(Array((text + "\n").utf8), to: STDERR_FILENO)
    }

    func showProgress(_ text: String?) {
        guard messagesAreSeen, text != nil || hasProgress else { return }
        hasProgress = text != nil
        // ECMA-48: back to the first column, erase to the end of the line.
        _ = Self.write(Array("\r\u{1b}[K\(text ?? "")".utf8), to: STDERR_FILENO)
    }

    /// - Returns: the error's number.
    private static func write(_ bytes: [UInt8], to file: Int32) -> Int32? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Someone made our output non-blocking.
                var ready = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }
}
