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
    private let steps: [PassStep]
    /// What is at hand whatever the row: numbers (sixteen times each) and registers, by operand. Only read once made.
    nonisolated(unsafe) private let numbers: UnsafeMutablePointer<Float>
    private let registers: [Int?]
    /// What is found anew for each row.
    private let rowOperands: [RowOperand]
    private let spreadOperands: [(index: Int, place: Plan.Place, access: Access)]
    private let count: Int

    private struct RowOperand {
        var index: Int
        var place: Plan.Place
        /// Of a row of a table; 0 for a place in memory.
        var tableWidth: Int
    }

    /// - Parameter written: indices of the operands that are written.
    init(shape: Shape, clock: Clock, operands: [Operand], steps: [PassStep], written: Set<Int>) {
        self.shape = shape
        self.clock = clock
        self.steps = steps
        count = operands.count
        numbers = .allocate(capacity: operands.count * vectorWidth)
        var registers: [Int?] = []
        var rowOperands: [RowOperand] = []
        var spreadOperands: [(index: Int, place: Plan.Place, access: Access)] = []
        var known = Footprint()
        let size = shape.dependsOnSource ? nil : shape.count()
        for (index, operand) in operands.enumerated() {
            var value: Float = 0
            var register: Int?
            switch operand {
            case .number(let number): value = number
            case .register(let own): register = own
            case .memory(let place):
                rowOperands.append(RowOperand(index: index, place: place, tableWidth: 0))
                let access = Footprint.Access(place, count: size, division: size.map { .units(of: $0) } ?? .whole)
                if written.contains(index) { known.writes.append(access) } else { known.reads.append(access) }
            case .gathered(let place, let width):
                rowOperands.append(RowOperand(index: index, place: place, tableWidth: width))
            case .spread(let place, let access, let own):
                register = own
                spreadOperands.append((index, place, access))
                known.reads.append(Footprint.Access(place, count: nil, division: .whole))
            }
            (numbers + index * vectorWidth).initialize(repeating: value, count: vectorWidth)
            registers.append(register)
        }
        self.registers = registers
        self.rowOperands = rowOperands
        self.spreadOperands = spreadOperands
        footprint = shape.dependsOnSource ? .unknown : known
    }

    deinit { numbers.deallocate() }

    func run(_ frame: Frame, steps range: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, range, member)
        withUnsafeTemporaryAllocation(of: PassOperand.self, capacity: count) { places in
            guard let places = places.baseAddress else { return }
            let scratch = frame.scratch + member.index &* frame.scratchStride
            for (index, register) in registers.enumerated() {
                places[index] =
                    register.map {
                        PassOperand(base: scratch + $0 &* Self.strip &* vectorWidth, stride: vectorWidth)
                    } ?? PassOperand(base: numbers + index &* vectorWidth, stride: 0)
            }
            for operand in rowOperands { places[operand.index].stride = vectorWidth }
            if shape.dependsOnSource {
                // Rows of different sizes are dealt out whole.
                for row in member.share(of: rows.count) {
                    let sequence = rows.sequence(row)
                    run(frame, rows.step(row), sequence, 0..<shape.count(source: frame.sourceLengths[sequence]), places)
                }
            } else {
                let share = member.share(of: shape.count(), unit: vectorWidth)
                if share.isEmpty { return }
                for row in 0..<rows.count { run(frame, rows.step(row), rows.sequence(row), share, places) }
            }
        }
    }

    /// One row's elements, strip by strip. The last vector is computed whole: what lies beyond the end of a row belongs to nobody.
    private func run(
        _ frame: Frame, _ step: Int, _ sequence: Int, _ elements: Range<Int>, _ places: UnsafeMutablePointer<PassOperand>
    ) {
        for operand in rowOperands {
            let base =
                operand.tableWidth == 0
                ? frame.row(operand.place, step: step, sequence: sequence)
                : frame.row(operand.place, step: 0, sequence: 0)
                    + Int(frame.tokens(clock)[step &* frame.batch &+ sequence]) &* operand.tableWidth
            places[operand.index].base = base + elements.lowerBound
        }
        let source = frame.sourceLengths[sequence]
        for (index, place, access) in spreadOperands {
            guard case .scalar = access.kind else { continue }
            places[index].stride = 0
            places[index].base.update(repeating: frame.row(place, step: step, sequence: sequence)[0], count: vectorWidth)
        }
        var start = elements.lowerBound
        while start < elements.upperBound {
            let vectors = min(Self.strip, (elements.upperBound &- start &+ vectorWidth &- 1) / vectorWidth)
            for (index, place, access) in spreadOperands {
                guard case .repeated = access.kind else { continue }
                access.read(
                    frame.row(place, step: step, sequence: sequence), into: places[index].base, from: start,
                    count: min(vectors &* vectorWidth, elements.upperBound &- start), source: source)
            }
            steps.withUnsafeBufferPointer { steps in
                if let first = steps.baseAddress { frame.kernels.pass(first, steps.count, places, vectors) }
            }
            start &+= vectors &* vectorWidth
            for operand in rowOperands { places[operand.index].base += vectors &* vectorWidth }
        }
    }
}
