import Kernels

/// The last values of a row, oldest first, on a new axis before the last.
final class Window: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape  // of one value
    let length: Int
    let clock: Clock

    init(operand: Plan.Place, result: Plan.Place, shape: Shape, length: Int, clock: Clock) {
        self.operand = operand
        self.result = result
        self.shape = shape
        self.length = length
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        let width = shape.last
        let heads = shape.count() / width
        for unit in member.share(of: rows.count * length) {
            let (row, age) = unit.quotientAndRemainder(dividingBy: length)
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let x = frame.row(operand, step: step - length + 1 + age, sequence: sequence)
            let y = frame.row(result, step: step, sequence: sequence) + age * width
            for head in 0..<heads { (y + head * length * width).update(from: x + head * width, count: width) }
        }
    }
}

/// The value at the end or the beginning of a known sequence.
final class Ends: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape
    let isLast: Bool
    let clock = Clock.once

    init(operand: Plan.Place, result: Plan.Place, shape: Shape, isLast: Bool) {
        self.operand = operand
        self.result = result
        self.shape = shape
        self.isLast = isLast
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        for sequence in member.share(of: frame.batch) {
            let length = frame.sourceLengths[sequence]
            let step = isLast ? length - 1 : 0
            frame.row(result, step: 0, sequence: sequence)
                .update(from: frame.row(operand, step: step, sequence: sequence), count: shape.count(source: length))
        }
    }
}

/// A source value seen as a whole: all its positions on a new axis before the last.
final class Positions: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape  // of one position
    let clock = Clock.once

    init(operand: Plan.Place, result: Plan.Place, shape: Shape) {
        self.operand = operand
        self.result = result
        self.shape = shape
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        for sequence in member.share(of: frame.batch) {
            let length = frame.sourceLengths[sequence]
            let width = shape.last == Shape.sourceLength ? length : shape.last
            let heads = shape.count(source: length) / max(1, width)
            let y = frame.row(result, step: 0, sequence: sequence)
            for position in 0..<length {
                let x = frame.row(operand, step: position, sequence: sequence)
                for head in 0..<heads {
                    (y + (head * length + position) * width).update(from: x + head * width, count: width)
                }
            }
        }
    }
}

/// The start of a delay that depends on the source: before the first, or after the last, value of each sequence.
final class WriteStart: Instruction {
    let buffer: Int
    let side: DelayChain.Side
    /// 0: next to the sequence.
    let index: Int
    let clock = Clock.once

    init(buffer: Int, side: DelayChain.Side, index: Int) {
        self.buffer = buffer
        self.side = side
        self.index = index
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let buffer = frame.plan.buffers[self.buffer]
        for sequence in member.share(of: frame.batch) {
            let step = side == .before ? -1 - index : frame.sourceLengths[sequence] + index
            let start = side == .before ? buffer.before[index] : buffer.after[index]
            frame.write(start, shape: buffer.shape, to: frame.memory[self.buffer].row(step: step, sequence: sequence), sequence)
        }
    }
}
