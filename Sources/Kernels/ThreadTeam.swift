import Synchronization

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Work that the members of a team do together.
public protocol TeamWork: AnyObject {
    /// Called once on every member, at the same time.
    func run(_ member: ThreadTeam.Member)
}

/// A fixed set of threads that run one piece of work together: each executes the same body with its own index, and they meet
/// at barriers. The caller is member 0, so a team of one is a plain call.
///
/// Work is divided by index, never by who comes first: results do not depend on timing, nor on how many members take part. Members
/// that wait spin for a short while and then yield the processor; helpers that have had no work for longer sleep. So one team
/// serves a loop that generates token after token without being woken for each.
///
/// When others want the processors, a member that is not scheduled makes all the others wait. Runs that were mostly waiting are
/// followed by a while in which the caller works alone: that costs the machine's other users nothing and takes a fair share.
public final class ThreadTeam: @unchecked Sendable {
    /// One member of the team while a body runs.
    public struct Member {
        public let index: Int
        /// Members that take part in this run.
        public let count: Int
        /// Kept alive by whoever waits for the run to end.
        fileprivate unowned(unsafe) let team: ThreadTeam

        /// Returns when every member has come here. What was written before is visible to all after.
        @inline(__always)
        public func barrier() { if count > 1 { team.meet(count) } }

        /// What of the whole is this member's, while it works by itself; nil while all work together.
        public private(set) var own: Range<Int>?

        /// The same member working by itself on its share of `0..<total`, in pieces that are multiples of `unit`.
        public func alone(withShareOf total: Int, unit: Int) -> Member {
            var alone = Member(index: index, count: 1, team: team)
            alone.own = share(of: total, unit: unit)
            return alone
        }

        /// This member's share of `0..<total`, in pieces that are multiples of `unit` (but for the last).
        @inline(__always)
        public func share(of total: Int, unit: Int = 1) -> Range<Int> {
            if count == 1 { return 0..<total }
            let units = (total &+ unit &- 1) / unit
            return min(total, units &* index / count &* unit)..<min(total, units &* (index &+ 1) / count &* unit)
        }
    }

    public private(set) var count: Int
    /// One body at a time: a second caller waits.
    private let inUse = Mutex<Void>(())

    // The run in progress
    private var work: (any TeamWork)?
    /// Counts the runs that helpers take part in.
    private let ticket = Atomic<Int>(0)
    private let finished = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)

    // The barrier
    private let generation = Atomic<Int>(0)
    private let arrived = Atomic<Int>(0)

    // Sleeping
    private let sleepers = Atomic<Int>(0)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    // Other users of the machine
    /// Nanoseconds that members have waited in this run, beyond a few spins.
    private let waited = Atomic<Int>(0)
    /// Nanoseconds of runs that have not been judged yet, and how much of it the members waited.
    private var unjudged = (total: 0, waited: 0)
    private var aloneUntil = 0
    private var penalty = ThreadTeam.smallestPenalty

    /// - Parameter count: threads, the caller included; at least 1.
    public init(count: Int) {
        precondition(count >= 1, "a team has at least one thread")
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        self.count = count
        for index in 1..<max(count, 1) where !startHelper(index) {
            // Where the system gives no more threads, the team is as large as it could be made.
            self.count = index
            break
        }
    }

    /// Helpers do not keep their team alive; they have left before its memory is given back.
    deinit {
        isStopped.store(true, ordering: .relaxed)
        finished.store(0, ordering: .relaxed)
        announce()
        wait { finished.load(ordering: .acquiring) == count &- 1 }
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// The team that everything uses unless told otherwise: one member for each core.
    public static let shared = ThreadTeam(count: Processors.cores)

    // MARK: Running

    /// Does the work on every member and returns when all are done. Must not be called from inside a body.
    public func run(_ work: some TeamWork) {
        if count == 1 { return work.run(Member(index: 0, count: 1, team: self)) }
        inUse.withLock { _ in
            let start = Self.now()
            if start < aloneUntil { return work.run(Member(index: 0, count: 1, team: self)) }
            waited.store(0, ordering: .relaxed)
            self.work = work
            finished.store(0, ordering: .relaxed)
            announce()
            work.run(Member(index: 0, count: count, team: self))
            wait { finished.load(ordering: .acquiring) == count &- 1 }
            self.work = nil
            judge(nanoseconds: Self.now() &- start)
        }
    }

    /// Runs `body` once on every member and returns when all are done. Must not be called from inside a body.
    public func run(_ body: (Member) -> Void) {
        withoutActuallyEscaping(body) { run(ClosureWork($0)) }
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

    // MARK: Waiting

    private static let spins = 500
    /// Helpers fall asleep after this long without work.
    private static let nanosecondsAwake = 300_000

    /// Nanoseconds from some fixed point.
    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
    }

    private func meet(_ count: Int) {
        let current = generation.load(ordering: .relaxed)
        if arrived.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == count {
            arrived.store(0, ordering: .relaxed)
            generation.store(current &+ 1, ordering: .releasing)
        } else {
            wait { generation.load(ordering: .acquiring) != current }
        }
    }

    /// Spins, then yields.
    @inline(__always)
    private func wait(until condition: () -> Bool) {
        for _ in 0..<Self.spins where condition() { return }
        waitLong(until: condition)
    }

    @inline(never)
    private func waitLong(until condition: () -> Bool) {
        let start = Self.now()
        while !condition() { sched_yield() }
        waited.wrappingAdd(Self.now() &- start, ordering: .relaxed)
    }

    // MARK: Other users of the machine

    private static let smallestPenalty = 20_000_000
    private static let largestPenalty = 320_000_000
    private static let shortRun = 200_000

    /// Nanoseconds of runs that are judged together. A single short run may be unequally divided by itself (a few chunks of an
    /// archive, pages touched for the first time), and one that follows may be a thousand times as long: no reason to do it alone.
    private static let judgedTogether = 100_000_000

    /// After runs that were mostly waiting, the caller works alone for a while: the longer, the more often it happens.
    private func judge(nanoseconds: Int) {
        if nanoseconds <= Self.shortRun { return }
        unjudged.total &+= nanoseconds
        unjudged.waited &+= waited.load(ordering: .relaxed)
        if unjudged.total < Self.judgedTogether { return }
        // Of the members' time together.
        if 4 &* unjudged.waited > unjudged.total &* count {
            aloneUntil = Self.now() &+ penalty
            penalty = min(2 &* penalty, Self.largestPenalty)
        } else {
            penalty = Self.smallestPenalty
        }
        unjudged = (0, 0)
    }

    // MARK: Helpers

    private func announce() {
        ticket.wrappingAdd(1, ordering: .sequentiallyConsistent)
        guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    private func startHelper(_ index: Int) -> Bool {
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let helper = Unmanaged.passRetained(Helper(team: self, index: index))
        guard pthread_create(&thread, nil, helperMain, helper.toOpaque()) == 0 else {
            helper.release()
            return false
        }
        #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
        #else
        pthread_detach(thread)
        #endif
        return true
    }

    /// What a helper does from its beginning to its end.
    fileprivate func help(as index: Int) {
        var seen = 0
        while true {
            waitForWork(after: seen)
            seen = ticket.load(ordering: .acquiring)
            let isLast = isStopped.load(ordering: .relaxed)
            if !isLast { work?.run(Member(index: index, count: count, team: self)) }
            finished.wrappingAdd(1, ordering: .releasing)
            // The team may be gone now.
            if isLast { return }
        }
    }

    private func waitForWork(after seen: Int) {
        for _ in 0..<Self.spins where ticket.load(ordering: .acquiring) != seen { return }
        let start = Self.now()
        while Self.now() &- start < Self.nanosecondsAwake {
            if ticket.load(ordering: .acquiring) != seen { return }
            sched_yield()
        }
        pthread_mutex_lock(mutex)
        sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while ticket.load(ordering: .sequentiallyConsistent) == seen { pthread_cond_wait(condition, mutex) }
        sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }
}

/// A body as work.
private final class ClosureWork: TeamWork {
    private let body: (ThreadTeam.Member) -> Void

    init(_ body: @escaping (ThreadTeam.Member) -> Void) { self.body = body }

    func run(_ member: ThreadTeam.Member) { body(member) }
}

/// What a helper's thread is given.
private final class Helper {
    /// Outlives its helpers: see `deinit`. Never retained, or it would outlive its users as well.
    private let team: Unmanaged<ThreadTeam>
    private let index: Int

    init(team: ThreadTeam, index: Int) {
        self.team = .passUnretained(team)
        self.index = index
    }

    func help() { team._withUnsafeGuaranteedRef { $0.help(as: index) } }
}

#if canImport(Darwin)
private func helperMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<Helper>.fromOpaque(argument).takeRetainedValue().help()
    return nil
}
#else
private func helperMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Helper>.fromOpaque(argument).takeRetainedValue().help()
    return nil
}
#endif
