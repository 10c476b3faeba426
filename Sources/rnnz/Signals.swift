import Shell
import Synchronization

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
import Darwin
#endif

/// Signals as flags, and one byte into a pipe so that `poll` wakes up. The handlers touch nothing but atomics and write(2).
enum Signals {
    private static let interrupt = Atomic<Bool>(false)
    private static let termination = Atomic<Bool>(false)
    private static let terminal = Atomic<Int32>(0)
    private static let writeEnd = Atomic<Int32>(-1)
    private static let readEnd = Atomic<Int32>(-1)
    private static let isImpatient = Atomic<Bool>(false)

    /// When the first Ctrl-C came, and the time within which another is the same one: `timeout` signals a process and then its group.
    private static let firstInterrupt = Atomic<Int>(0)
    private static let repetition = 300

    private static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    /// Ctrl-C, as the shell asks for it.
    static let interrupts: any Interrupts & Sendable = PendingInterrupt()

    /// What `poll` waits for beside the terminal.
    static var wakeUp: Int32 { readEnd.load(ordering: .acquiring) }

    /// Whether a second Ctrl-C ends the process at once: right for one command, wrong for a session that someone wants to keep.
    static var endsAtSecondInterrupt: Bool {
        get { isImpatient.load(ordering: .relaxed) }
        set { isImpatient.store(newValue, ordering: .relaxed) }
    }

    /// SIGTERM, SIGHUP or SIGTSTP that came while the terminal was not as we found it; 0 for none.
    static var pendingTerminalSignal: Int32 { terminal.load(ordering: .acquiring) }

    /// Once, at start-up: the handler must never be the first to touch the atomics, which are made lazily.
    static func install() {
        interrupt.store(false, ordering: .relaxed)
        firstInterrupt.store(milliseconds(), ordering: .relaxed)
        termination.store(false, ordering: .relaxed)
        terminal.store(0, ordering: .relaxed)
        isImpatient.store(false, ordering: .relaxed)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        readEnd.store(ends[0], ordering: .releasing)
        writeEnd.store(ends[1], ordering: .releasing)
        unblock([SIGINT, SIGTERM, SIGHUP])
        handle(SIGINT) { _ in
            let saved = errno
            let now = Signals.milliseconds()
            if !Signals.interrupt.exchange(true, ordering: .acquiringAndReleasing) {
                Signals.firstInterrupt.store(now, ordering: .relaxed)
            } else if Signals.isImpatient.load(ordering: .relaxed),
                now - Signals.firstInterrupt.load(ordering: .relaxed) > Signals.repetition
            {
                signal(SIGINT, SIG_DFL)
                raise(SIGINT)
            }
            Signals.wake()
            errno = saved
        }
    }

    /// While work goes on that has something to save, SIGTERM and SIGHUP are interrupts.
    static func catchingTermination<Result>(_ body: () throws -> Result) rethrows -> Result {
        // What was ignored before (nohup) stays so.
        let numbers = [SIGTERM, SIGHUP].filter { !isIgnored($0) }
        let old = numbers.map { number in
            handle(number) { _ in
                let saved = errno
                Signals.termination.store(true, ordering: .releasing)
                Signals.interrupt.store(true, ordering: .releasing)
                Signals.wake()
                errno = saved
            }
        }
        defer {
            for (number, var action) in zip(numbers, old) { sigaction(number, &action, nil) }
        }
        return try body()
    }

    /// While readline holds the terminal, the signals that would leave it in disorder only wake the reader up.
    static func holdingTerminalSignals<Result>(_ body: () -> Result) -> Result {
        terminal.store(0, ordering: .relaxed)
        let numbers = [SIGTERM, SIGHUP, SIGTSTP]
        let old = numbers.map { number in
            handle(number) { number in
                let saved = errno
                Signals.terminal.store(number, ordering: .releasing)
                Signals.wake()
                errno = saved
            }
        }
        defer {
            for (number, var action) in zip(numbers, old) { sigaction(number, &action, nil) }
        }
        return body()
    }

    static func forgetTerminalSignal() {
        terminal.store(0, ordering: .relaxed)
        drain()
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    @discardableResult
    private static func handle(_ number: Int32, _ handler: @convention(c) @escaping (Int32) -> Void) -> sigaction {
        var action = sigaction()
        var old = sigaction()
        action.__sigaction_handler.sa_handler = handler
        sigemptyset(&action.sa_mask)
        action.sa_flags = 0  // no SA_RESTART: poll and read are to return
        sigaction(number, &action, &old)
        return old
    }

    /// Whoever started us may have blocked signals for reasons of its own, and a blocked Ctrl-C stops nothing.
    private static func unblock(_ numbers: [Int32]) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        sigprocmask(SIG_UNBLOCK, &set, nil)
    }

    private static func wake() {
        var byte: UInt8 = 1
        _ = write(writeEnd.load(ordering: .acquiring), &byte, 1)
    }

    private static func drain() {
        var bytes: (UInt64, UInt64) = (0, 0)
        while read(readEnd.load(ordering: .acquiring), &bytes, 16) > 0 {}
    }

    private final class PendingInterrupt: Interrupts, Sendable {
        var isPending: Bool { Signals.interrupt.load(ordering: .relaxed) }
        var isTermination: Bool { Signals.termination.load(ordering: .relaxed) }

        func catchingTermination<Result>(_ work: () throws -> Result) rethrows -> Result {
            try Signals.catchingTermination(work)
        }

        func clear() {
            Signals.interrupt.store(false, ordering: .relaxed)
            Signals.drain()
        }
    }
}
