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

        /// Whether one member may touch what another one does.
        /// - Parameter inOneTurn: of a loop, in which steps of one buffer are apart. Elsewhere all steps are touched at once.
        func meets(_ other: Access, inOneTurn: Bool) -> Bool {
            guard place.buffer == other.place.buffer else { return false }
            if inOneTurn, place.shift != other.place.shift { return false }
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

    /// Whether all members must be done with `self` before what comes after it may begin.
    /// - Parameter inOneTurn: whether both are in one turn of a loop.
    func mustPrecede(_ later: Footprint, inOneTurn: Bool) -> Bool {
        if isUnknown || later.isUnknown { return true }
        func meets(_ a: [Access], _ b: [Access]) -> Bool {
            a.contains { one in b.contains { one.meets($0, inOneTurn: inOneTurn) } }
        }
        return meets(writes, later.reads) || meets(writes, later.writes) || meets(reads, later.writes)
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
        var (open, openForOneRow) = (Open(), Open())
        func mark(_ tasks: [Task], isLoop: Bool = false) -> [Task] {
            open.beginStage()
            return tasks.map { task in
                var task = task
                task.waits = open.mustWait(for: task.instruction.footprint, isLoop: isLoop)
                // One step is like one turn, wherever it is.
                task.waitsForOneRow = openForOneRow.mustWait(for: task.instruction.footprintOfOneRow, isLoop: true)
                // Settling what follows the ends of sequences begins and ends with a barrier of its own.
                return task
            }
        }
        return stages.map { stage in
            switch stage {
            case .straight(let tasks): .straight(mark(tasks))
            case .loop(let tasks, let clock, let backward): .loop(mark(tasks, isLoop: true), clock: clock, backward: backward)
            }
        }
    }

    /// Instructions that the members may not have finished.
    private struct Open {
        private var footprints: [Footprint] = []
        /// How many of them stand before this stage. (For one row, stages do not matter, and there are none.)
        private var before = 0

        mutating func beginStage() { before = footprints.count }

        mutating func mustWait(for footprint: Footprint, isLoop: Bool) -> Bool {
            // Among very many there is a barrier now and then, so that looking at all of them is not quadratic.
            let waits =
                footprints.count >= 512
                || footprints.enumerated().contains { place, earlier in
                    earlier.mustPrecede(footprint, inOneTurn: isLoop && place >= before)
                }
            if waits { (footprints, before) = ([], 0) }
            footprints.append(footprint)
            return waits
        }
    }
}
