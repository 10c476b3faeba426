import Kernels

/// A remembered matrix and the products that read it: see `StateUpdates`.
final class UpdateState: Instruction {
    /// A value that each head has, or that heads share.
    struct Operand: Sendable {
        var place: Plan.Place
        /// Floats from the place on, for each head.
        var offsets: [Int]

        /// - Parameters:
        ///   - own: the value's axes before those that one head has, repeated to fit `heads`.
        ///   - size: floats of one head.
        init(_ place: Plan.Place, own: [Int], heads: [Int], size: Int) {
            self.place = place
            offsets = (0..<heads.reduce(1, *)).map {
                Axes.offset($0, own: own + [1], target: heads + [1], dropping: 1, unit: size, 1)
            }
        }
    }

    struct Term: Sendable {
        var column: Operand
        var row: Operand
        var isNegative: Bool
    }

    struct Reading: Sendable {
        var vector: Operand
        var result: Operand
        var isBefore: Bool
        var matrixFirst: Bool
    }

    struct Scale: Sendable {
        var factor: Operand
        var kind: StateUpdate.Decay
    }

    let clock: Clock
    private let old: Operand
    private let new: Operand
    private let heads: Int
    private let lines: Int
    private let columns: Int
    private let scale: Scale?
    private let terms: [Term]
    private let readings: [Reading]
    /// Lines that one member computes at least: products of a vector with the matrix are summed over all of them.
    private let linesAtOnce: Int

    /// - Parameter shape: of the state, [heads, lines, columns].
    init(old: Operand, new: Operand, shape: Shape, scale: Scale?, terms: [Term], readings: [Reading], clock: Clock) {
        self.old = old
        self.new = new
        self.scale = scale
        self.terms = terms
        self.readings = readings
        self.clock = clock
        columns = shape.last
        lines = shape.axes[shape.rank - 2]
        heads = shape.count() / (lines * columns)
        linesAtOnce = readings.allSatisfy(\.matrixFirst) ? min(lines, 16) : lines
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        let pieces = (lines + linesAtOnce - 1) / linesAtOnce
        for unit in member.share(of: rows.count * heads * pieces) {
            let (matrix, piece) = unit.quotientAndRemainder(dividingBy: pieces)
            let (row, head) = matrix.quotientAndRemainder(dividingBy: heads)
            let range = piece * linesAtOnce..<min(lines, (piece + 1) * linesAtOnce)
            update(frame, rows.step(row), rows.sequence(row), head, range)
        }
    }

    private func update(_ frame: Frame, _ step: Int, _ sequence: Int, _ head: Int, _ range: Range<Int>) {
        func at(_ operand: Operand) -> UnsafeMutablePointer<Float> {
            frame.row(operand.place, step: step, sequence: sequence) + operand.offsets[head]
        }
        let new = at(self.new)
        let update = StateUpdate(
            old: at(old), new: new, columns: columns, decay: scale?.kind ?? .none,
            scale: scale.map { UnsafePointer(at($0.factor)) } ?? UnsafePointer(new))
        withUnsafeTemporaryAllocation(of: StateUpdate.Term.self, capacity: terms.count) { termValues in
            for (index, term) in terms.enumerated() {
                termValues[index] = StateUpdate.Term(column: at(term.column), row: at(term.row), isNegative: term.isNegative)
            }
            withUnsafeTemporaryAllocation(of: StateUpdate.Reading.self, capacity: readings.count) { readingValues in
                for (index, reading) in readings.enumerated() {
                    readingValues[index] = StateUpdate.Reading(
                        vector: at(reading.vector), result: at(reading.result), isBefore: reading.isBefore,
                        matrixFirst: reading.matrixFirst)
                }
                guard let first = termValues.baseAddress else { return }
                let none = UnsafeMutableRawPointer(first).assumingMemoryBound(to: StateUpdate.Reading.self)
                frame.kernels.updateState(
                    update, first, terms.count, readingValues.baseAddress ?? none, readings.count, range)
            }
        }
    }
}
