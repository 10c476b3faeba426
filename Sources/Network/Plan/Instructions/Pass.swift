import Kernels

/// A run of pointwise operators as one pass over memory: each strip of a row goes through all of them while it is in the cache.
final class Pass: Instruction {
    /// Vectors that go through the operations together.
    static let strip = 16
    static let registerLimit = 96
    static let scratchSize = strip * vectorWidth * registerLimit

    /// What an operation reads or writes.
    enum Operand: Sendable {
        /// Lives only within the strip.
        case register(Int)
        /// A row in memory, element by element: read, or written and perhaps read again.
        case memory(Plan.Place)
        /// The row of a constant matrix that a token names, element by element.
        case gathered(Plan.Place, width: Int)
        /// A value of another shape, spread out in a register.
        case spread(Plan.Place, Access, register: Int)
        case number(Float)
    }

    let shape: Shape
    let clock: Clock
    let footprint: Footprint
    private let operands: [Operand]
    private let steps: [PassStep]
    /// Each number of the operands sixteen times. Only read once made.
    nonisolated(unsafe) private let numbers: UnsafeMutablePointer<Float>

    /// - Parameter written: indices of the operands that are written.
    init(shape: Shape, clock: Clock, operands: [Operand], steps: [PassStep], written: Set<Int>) {
        self.shape = shape
        self.clock = clock
        self.operands = operands
        self.steps = steps
        numbers = .allocate(capacity: operands.count * vectorWidth)
        for (index, operand) in operands.enumerated() {
            var value: Float = 0
            if case .number(let number) = operand { value = number }
            (numbers + index * vectorWidth).initialize(repeating: value, count: vectorWidth)
        }
        if shape.dependsOnSource {
            footprint = .unknown
        } else {
            var known = Footprint()
            let count = shape.count()
            for (index, operand) in operands.enumerated() {
                switch operand {
                case .memory(let place):
                    let access = Footprint.Access(place, count: count, division: .units(of: count))
                    if written.contains(index) { known.writes.append(access) } else { known.reads.append(access) }
                case .spread(let place, _, _): known.reads.append(Footprint.Access(place, count: nil, division: .whole))
                case .register, .number, .gathered: break
                }
            }
            footprint = known
        }
    }

    deinit { numbers.deallocate() }

    func run(_ frame: Frame, steps range: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, range)
        withUnsafeTemporaryAllocation(of: PassOperand.self, capacity: 2 * operands.count) { places in
            guard let bases = places.baseAddress else { return }
            // Where a row's values begin; and the same at the strip that is being computed.
            let current = bases + operands.count
            if shape.dependsOnSource {
                // Rows of different sizes are dealt out whole.
                for row in member.share(of: rows.count) {
                    let sequence = rows.sequence(row)
                    let count = shape.count(source: frame.sourceLengths[sequence])
                    run(frame, rows.step(row), sequence, 0..<count, member, bases, current)
                }
            } else {
                let share = member.share(of: shape.count(), unit: vectorWidth)
                if share.isEmpty { return }
                for row in 0..<rows.count {
                    run(frame, rows.step(row), rows.sequence(row), share, member, bases, current)
                }
            }
        }
    }

    /// One row's elements, strip by strip. The last vector is computed whole: what lies beyond the end of a row belongs to nobody.
    private func run(
        _ frame: Frame, _ step: Int, _ sequence: Int, _ elements: Range<Int>, _ member: ThreadTeam.Member,
        _ bases: UnsafeMutablePointer<PassOperand>, _ current: UnsafeMutablePointer<PassOperand>
    ) {
        let source = frame.sourceLengths[sequence]
        let scratch = frame.scratch + member.index &* frame.scratchStride
        for (index, operand) in operands.enumerated() {
            var place = PassOperand(base: numbers + index &* vectorWidth, stride: 0)
            switch operand {
            case .number: break
            case .register(let register):
                place = PassOperand(base: scratch + register &* Self.strip &* vectorWidth, stride: vectorWidth)
            case .memory(let memory):
                place = PassOperand(base: frame.row(memory, step: step, sequence: sequence), stride: vectorWidth)
            case .gathered(let table, let width):
                let token = Int(frame.tokens(clock)[step &* frame.batch &+ sequence])
                place = PassOperand(
                    base: frame.row(table, step: 0, sequence: 0) + token &* width, stride: vectorWidth)
            case .spread(let value, let access, let register):
                place.base = scratch + register &* Self.strip &* vectorWidth
                if case .scalar = access.kind {
                    place.base.update(repeating: frame.row(value, step: step, sequence: sequence)[0], count: vectorWidth)
                } else {
                    place.stride = vectorWidth
                }
            }
            bases[index] = place
            current[index] = place
        }
        var start = elements.lowerBound
        while start < elements.upperBound {
            let vectors = min(Self.strip, (elements.upperBound &- start &+ vectorWidth &- 1) / vectorWidth)
            for (index, operand) in operands.enumerated() {
                switch operand {
                case .memory, .gathered: current[index].base = bases[index].base + start
                case .spread(let value, let access, _):
                    if case .repeated = access.kind {
                        access.read(
                            frame.row(value, step: step, sequence: sequence), into: bases[index].base, from: start,
                            count: min(vectors &* vectorWidth, elements.upperBound &- start), source: source)
                    }
                default: break
                }
            }
            steps.withUnsafeBufferPointer { steps in
                if let first = steps.baseAddress { frame.kernels.pass(first, steps.count, current, vectors) }
            }
            start &+= vectors &* vectorWidth
        }
    }
}
