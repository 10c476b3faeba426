import Kernels

/// Parts side by side along the last axis. Those that are computed where they stand are left out.
final class Join: Instruction {
    struct Part: Sendable {
        var place: Plan.Place
        var shape: Shape
        /// Where it begins on the result's last axis.
        var column = 0
    }

    let parts: [Part]
    let result: Plan.Place
    let shape: Shape
    let clock: Clock

    init(parts: [Part], result: Plan.Place, shape: Shape, clock: Clock) {
        self.parts = parts
        self.result = result
        self.shape = shape
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let source = frame.sourceLengths[sequence]
            let lines = shape.count(source: source) / shape.last
            for part in parts {
                let x = frame.row(part.place, step: step, sequence: sequence)
                let y = frame.row(result, step: step, sequence: sequence) + part.column
                let width = part.shape.last
                for line in 0..<lines {
                    let offset = Axes.offset(
                        line, own: part.shape.axes, target: shape.axes, dropping: 1, unit: width, source)
                    (y + line * shape.last).update(from: x + offset, count: width)
                }
            }
        }
    }
}

/// A part of each last axis, where the parts do not already lie side by side in memory.
final class Slice: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape  // of the operand
    let columns: Range<Int>
    let clock: Clock

    init(operand: Plan.Place, result: Plan.Place, shape: Shape, columns: Range<Int>, clock: Clock) {
        self.operand = operand
        self.result = result
        self.shape = shape
        self.columns = columns
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let x = frame.row(operand, step: step, sequence: sequence) + columns.lowerBound
            let y = frame.row(result, step: step, sequence: sequence)
            let lines = shape.count(source: frame.sourceLengths[sequence]) / shape.last
            for line in 0..<lines { (y + line * columns.count).update(from: x + line * shape.last, count: columns.count) }
        }
    }
}

/// Part of the first axis, where the source's length lies between.
final class RowPart: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape  // of the result
    let index: Int
    let clock: Clock

    init(operand: Plan.Place, result: Plan.Place, shape: Shape, index: Int, clock: Clock) {
        self.operand = operand
        self.result = result
        self.shape = shape
        self.index = index
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let count = shape.count(source: frame.sourceLengths[sequence])
            frame.row(result, step: step, sequence: sequence)
                .update(from: frame.row(operand, step: step, sequence: sequence) + index * count, count: count)
        }
    }
}

/// The row of a constant matrix that a token names.
final class Gather: Instruction {
    let matrix: Plan.Place
    let result: Plan.Place
    let width: Int
    let clock: Clock

    init(matrix: Plan.Place, result: Plan.Place, width: Int, clock: Clock) {
        self.matrix = matrix
        self.result = result
        self.width = width
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        let table = frame.row(matrix, step: 0, sequence: 0)
        let tokens = frame.tokens(clock)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let token = Int(tokens[step * frame.batch + sequence])
            frame.row(result, step: step, sequence: sequence).update(from: table + token * width, count: width)
        }
    }
}
