import Synchronization

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A fixed set of threads that run one piece of work together: each executes the same body with its own index, and they meet
/// at barriers. The caller is member 0, so a team of one is a plain call.
///
/// Work is divided by index, never by who comes first: results do not depend on timing. While a body runs the members spin for a
/// short while at a barrier and then yield the processor; between bodies the helpers sleep.
public final class ThreadTeam: @unchecked Sendable {
    /// One member of the team while a body runs.
    public struct Member {
        public let index: Int
        public let count: Int
        fileprivate let team: ThreadTeam

        /// Returns when every member has come here. What was written before is visible to all after.
        @inline(__always)
        public func barrier() { if count > 1 { team.wait() } }

        /// This member's share of `0..<total`, in pieces that are multiples of `unit` (but for the last).
        @inline(__always)
        public func share(of total: Int, unit: Int = 1) -> Range<Int> {
            if count == 1 { return 0..<total }
            let units = (total + unit - 1) / unit
            return min(total, units * index / count * unit)..<min(total, units * (index + 1) / count * unit)
        }
    }

    public let count: Int
    private let helpers: [Helper]
    private let generation = Atomic<Int>(0)
    private let arrived = Atomic<Int>(0)
    /// One body at a time: a second caller waits.
    private let inUse = Mutex<Void>(())

    /// - Parameter count: threads, the caller included; at least 1.
    public init(count: Int) {
        precondition(count >= 1, "a team has at least one thread")
        self.count = count
        helpers = (1..<max(count, 1)).map { _ in Helper() }
        for helper in helpers { helper.start() }
    }

    deinit { for helper in helpers { helper.stop() } }

    /// The number of processors that are online.
    public static let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// The team that everything uses unless told otherwise: one member per processor.
    public static let shared = ThreadTeam(count: processors)

    /// Runs `body` once on every member and returns when all are done. Must not be called from inside a body.
    public func run(_ body: (Member) -> Void) {
        if count == 1 { return body(Member(index: 0, count: 1, team: self)) }
        inUse.withLock { _ in
            withoutActuallyEscaping(body) { body in
                for (i, helper) in helpers.enumerated() {
                    helper.begin { body(Member(index: i + 1, count: self.count, team: self)) }
                }
                body(Member(index: 0, count: count, team: self))
                for helper in helpers { helper.finish() }
            }
        }
    }

    /// Runs `body` for every index of `0..<count`, the indices dealt out as members become free. For work whose pieces are
    /// independent and unequal, such as inflating chunks.
    public func forEach(_ count: Int, _ body: (Int) -> Void) {
        let next = Atomic<Int>(0)
        run { _ in
            while true {
                let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if i >= count { break }
                body(i)
            }
        }
    }

    private func wait() {
        let current = generation.load(ordering: .relaxed)
        if arrived.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == count {
            arrived.store(0, ordering: .relaxed)
            generation.store(current &+ 1, ordering: .releasing)
        } else {
            var spins = 0
            while generation.load(ordering: .acquiring) == current {
                spins &+= 1
                if spins > 500 { sched_yield() }
            }
        }
    }
}

/// A thread that sleeps until it is given something to do.
private final class Helper: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var work: (() -> Void)?
    private var stopped = false
    /// Work handed over and not yet done: 1 or 0.
    private let pending = Atomic<Int>(0)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// The thread keeps its helper alive until it is stopped.
    func start() {
        #if canImport(Glibc)
        var thread = pthread_t()
        #else
        var thread: pthread_t?
        #endif
        let me = Unmanaged.passRetained(self).toOpaque()
        let failed = pthread_create(&thread, nil, threadMain, me)
        precondition(failed == 0, "no thread could be made")
        #if canImport(Glibc)
        pthread_detach(thread)
        #else
        if let thread { pthread_detach(thread) }
        #endif
    }

    func begin(_ body: @escaping () -> Void) {
        pending.store(1, ordering: .relaxed)
        pthread_mutex_lock(mutex)
        work = body
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    func finish() {
        var spins = 0
        while pending.load(ordering: .acquiring) != 0 {
            spins &+= 1
            if spins > 500 { sched_yield() }
        }
    }

    func stop() {
        pthread_mutex_lock(mutex)
        stopped = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    fileprivate func loop() {
        while true {
            pthread_mutex_lock(mutex)
            while work == nil && !stopped { pthread_cond_wait(condition, mutex) }
            var body = work
            work = nil
            pthread_mutex_unlock(mutex)
            guard body != nil else { return }
            body?()
            body = nil
            pending.store(0, ordering: .releasing)
        }
    }
}

#if canImport(Glibc)
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<Helper>.fromOpaque(argument).takeRetainedValue().loop() }
    return nil
}
#else
private func threadMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<Helper>.fromOpaque(argument).takeRetainedValue().loop()
    return nil
}
#endif
