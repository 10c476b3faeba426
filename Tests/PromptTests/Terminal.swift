import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A program in a terminal of its own: keys go in, and what a person would see is waited for.
final class Terminal {
    private let master: Int32
    private let process: pid_t
    /// Its folder must live as long as the program runs in it.
    private let executable: Executable
    /// Everything that was written so far, escape sequences included.
    private(set) var screen = ""
    /// Up to where it has been looked at.
    private var seen: String.Index
    private var status: Int32?

    static let timeoutSeconds = 20.0

    init(_ executable: Executable, _ words: String..., environment: [String: String] = [:]) throws {
        self.executable = executable
        let slave: String
        (master, slave) = try #require(Self.openPair())
        var size = winsize(ws_row: 30, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        _ = fcntl(master, F_SETFD, FD_CLOEXEC)

        // The child leads a session of its own, and the first terminal that it opens becomes its controlling one.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        let setsid: Int16 = 0x80  // POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(&attributes, setsid)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, slave, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        defer {
            posix_spawnattr_destroy(&attributes)
            posix_spawn_file_actions_destroy(&actions)
        }
        let all = executable.environment.merging(environment) { $1 }
        var arguments: [UnsafeMutablePointer<CChar>?] = ([executable.path] + words).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        var child: pid_t = 0
        try #require(posix_spawn(&child, executable.path, &actions, &attributes, &arguments, &variables) == 0)
        process = child
        seen = screen.startIndex
    }

    /// A pseudo-terminal: our end, and the name of the other one.
    private static func openPair() -> (master: Int32, slave: String)? {
        #if os(Linux)
        // What posix_openpt, unlockpt and ptsname do; Swift's Glibc module does not show them.
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var isLocked: Int32 = 0
        var number: UInt32 = 0
        let setLock: UInt = 0x4004_5431  // TIOCSPTLCK
        let getNumber: UInt = 0x8004_5430  // TIOCGPTN
        guard master >= 0, ioctl(master, setLock, &isLocked) == 0, ioctl(master, getNumber, &number) == 0 else { return nil }
        return (master, "/dev/pts/\(number)")
        #else
        let master = posix_openpt(O_RDWR | O_NOCTTY)
        guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0, let name = ptsname(master) else { return nil }
        return (master, String(cString: name))
        #endif
    }

    deinit {
        if status == nil {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(master)
    }

    /// Presses keys.
    func send(_ keys: String) {
        let bytes = Array(keys.utf8)
        _ = bytes.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
    }

    func sendLine(_ line: String) { send(line + "\r") }

    static let controlC = "\u{3}"
    static let controlD = "\u{4}"
    static let up = "\u{1b}[A"

    func raise(_ signal: Int32) { kill(process, signal) }

    /// Waits until a text appears after the last one that was waited for.
    /// - Returns: what came before it.
    @discardableResult
    func expect(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let deadline = Date(timeIntervalSinceNow: Self.timeoutSeconds)
        while true {
            if let range = screen.range(of: text, options: .literal, range: seen..<screen.endIndex) {
                defer { seen = range.upperBound }
                return String(screen[seen..<range.lowerBound])
            }
            let isOpen = read()
            if !isOpen || Date() > deadline {
                let rest = String(screen[seen...])
                try #require(
                    Bool(false), "waited for \(text.debugDescription), saw \(rest.debugDescription)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    func expectPrompt(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try expect("rnnz> ", sourceLocation: sourceLocation)
    }

    /// Waits for the end.
    /// - Returns: the exit code, or 128 and the signal.
    func end() -> Int32 {
        let deadline = Date(timeIntervalSinceNow: Self.timeoutSeconds)
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            guard Date() < deadline else { return -1 }
            _ = read()
        }
        self.status = status
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// Whether keys are shown and lines collected, as a shell expects it after a program.
    var isInOrder: Bool {
        var settings = termios()
        guard tcgetattr(master, &settings) == 0 else { return false }
        return settings.c_lflag & tcflag_t(ECHO) != 0 && settings.c_lflag & tcflag_t(ICANON) != 0
    }

    /// Reads what comes within a moment.
    /// - Returns: whether more may come.
    private func read() -> Bool {
        var ready = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 50) > 0 else { return true }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        #if canImport(Glibc)
        let count = Glibc.read(master, &buffer, buffer.count)
        #else
        let count = Darwin.read(master, &buffer, buffer.count)
        #endif
        // Linux: EIO when the last one has closed the other end.
        guard count > 0 else { return false }
        let position = screen.utf8.distance(from: screen.startIndex, to: seen)
        screen += String(decoding: buffer[..<count], as: UTF8.self)
        seen = screen.utf8.index(screen.startIndex, offsetBy: position)
        return true
    }
}
