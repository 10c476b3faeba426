import Kernels

/// What an instruction reads and writes at one step, and how the members of a team divide it: two instructions that are divided alike
/// need no barrier between them.
struct Footprint: Sendable {
    /// How a value is dealt out to the members.
    enum Division: Equatable, Sendable {
        /// Pieces of 16 elements in order, as `Member.share(of:unit:)` deals them out.
        case units(of: Int)
        /// Any other way: every member may touch all of it.
        case whole
    }

    struct Access: Sendable {
        var place: Plan.Place
        /// Elements; nil for all from the place on.
        var count: Int?
        var division: Division

        init(_ place: Plan.Place, count: Int?, division: Division) {
            self.place = place
            self.count = count
            self.division = division
        }

        /// Whether one member may touch what another one does. (Steps of one buffer are apart.)
        func meets(_ other: Access) -> Bool {
            guard place.buffer == other.place.buffer, place.shift == other.place.shift else { return false }
            if division != .whole, division == other.division, place.offset == other.place.offset { return false }
            let (low, high) = place.offset <= other.place.offset ? (self, other) : (other, self)
            guard let count = low.count else { return true }
            return low.place.offset + count > high.place.offset
        }
    }

    var reads: [Access] = []
    var writes: [Access] = []
    /// Nothing is known: all before it must be done, and it before all that follows.
    var isUnknown = false

    static let unknown = Footprint(isUnknown: true)

    init(reads: [Access] = [], writes: [Access] = [], isUnknown: Bool = false) {
        self.reads = reads
        self.writes = writes
        self.isUnknown = isUnknown
    }

    /// Whether what comes after `self` may begin before all members are done with it.
    func mustPrecede(_ later: Footprint) -> Bool {
        if isUnknown || later.isUnknown { return true }
        return writes.contains { write in
            later.reads.contains { write.meets($0) } || later.writes.contains { write.meets($0) }
        }
            || reads.contains { read in later.writes.contains { read.meets($0) } }
    }
}

extension Plan {
    /// Marks the tasks that must wait for all members. Within a loop this is about one turn; between turns there is always a barrier.
    mutating func placeBarriers() {
        loading = Self.withBarriers(loading)
        reading = Self.withBarriers(reading)
        stepping = Self.withBarriers(stepping)
    }

    private static func withBarriers(_ stages: [Stage]) -> [Stage] {
        // What the members may not have finished: of many rows, and of one.
        var (open, openForOneRow): ([Footprint], [Footprint]) = ([], [])
        func waits(_ footprint: Footprint, _ open: inout [Footprint]) -> Bool {
            let waits = open.contains { $0.mustPrecede(footprint) }
            if waits { open = [] }
            open.append(footprint)
            return waits
        }
        func mark(_ tasks: [Task]) -> [Task] {
            tasks.map { task in
                var task = task
                task.waits = waits(task.instruction.footprint, &open)
                task.waitsForOneRow = waits(task.instruction.footprintOfOneRow, &openForOneRow)
                // Settling what follows the ends of sequences begins and ends with a barrier of its own.
                return task
            }
        }
        return stages.map { stage in
            switch stage {
            case .straight(let tasks): .straight(mark(tasks))
            case .loop(let tasks, let clock, let backward): .loop(mark(tasks), clock: clock, backward: backward)
            }
        }
    }
}
