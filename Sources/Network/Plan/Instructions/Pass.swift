import Kernels

/// A run of pointwise operators as one pass over memory: each strip of a row goes through all of them while it is in the cache.
final class Pass: Instruction {
    /// Floats that go through the operations together.
    static let strip = 256
    static let registerLimit = 96
    static let scratchSize = strip * registerLimit

    /// What an operation reads or writes.
    enum Operand: Sendable {
        /// Lives only within the strip.
        case register(Int)
        /// A row in memory, element by element: read, or written and perhaps read again.
        case memory(Plan.Place)
        /// A value of another shape, spread out in a register.
        case spread(Plan.Place, Access, register: Int)
        case number(Float, register: Int)
    }

    struct Step: Sendable {
        var operation: PointwiseOperation
        var destination: Int  // indices of `operands`
        var a: Int
        var b: Int
    }

    let shape: Shape
    let clock: Clock
    let operands: [Operand]
    let steps: [Step]

    init(shape: Shape, clock: Clock, operands: [Operand], steps: [Step]) {
        self.shape = shape
        self.clock = clock
        self.operands = operands
        self.steps = steps
    }

    func run(_ frame: Frame, steps range: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, range)
        let scratch = frame.scratch + member.index * frame.scratchStride
        withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: 2 * operands.count) { pointers in
            for (index, operand) in operands.enumerated() {
                if case .number(let value, let register) = operand {
                    (scratch + register * Self.strip).update(repeating: value, count: Self.strip)
                    pointers[index] = scratch + register * Self.strip
                }
            }
            // Many rows are dealt out whole; the elements of few rows are divided.
            if rows.count >= 2 * member.count || shape.dependsOnSource {
                for row in member.share(of: rows.count) {
                    let sequence = rows.sequence(row)
                    let count = shape.count(source: frame.sourceLengths[sequence])
                    run(frame, rows.step(row), sequence, 0..<count, scratch, pointers)
                }
            } else {
                let share = member.share(of: shape.count(), unit: vectorWidth)
                if share.isEmpty { return }
                for row in 0..<rows.count { run(frame, rows.step(row), rows.sequence(row), share, scratch, pointers) }
            }
        }
    }

    /// One row's elements, strip by strip.
    private func run(
        _ frame: Frame, _ step: Int, _ sequence: Int, _ elements: Range<Int>, _ scratch: UnsafeMutablePointer<Float>,
        _ pointers: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>>
    ) {
        let source = frame.sourceLengths[sequence]
        // The second half of `pointers` holds the beginnings of rows.
        let rows = UnsafeMutableBufferPointer(rebasing: pointers[operands.count...])
        for (index, operand) in operands.enumerated() {
            switch operand {
            case .register(let register): pointers[index] = scratch + register &* Self.strip
            case .number: break
            case .memory(let place): rows[index] = frame.row(place, step: step, sequence: sequence)
            case .spread(let place, let access, let register):
                rows[index] = frame.row(place, step: step, sequence: sequence)
                pointers[index] = scratch + register &* Self.strip
                if case .scalar = access.kind { pointers[index].update(repeating: rows[index][0], count: Self.strip) }
            }
        }
        var start = elements.lowerBound
        while start < elements.upperBound {
            let count = min(Self.strip, elements.upperBound &- start)
            for (index, operand) in operands.enumerated() {
                switch operand {
                case .memory: pointers[index] = rows[index] + start
                case .spread(_, let access, _):
                    if case .repeated = access.kind {
                        access.read(rows[index], into: pointers[index], from: start, count: count, source: source)
                    }
                default: break
                }
            }
            for step in steps {
                Pointwise.apply(step.operation, pointers[step.destination], pointers[step.a], pointers[step.b], count)
            }
            start &+= count
        }
    }
}
