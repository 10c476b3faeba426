import Kernels

// Sums over steps and sequences. Members divide them by the elements of the result, so that each is one sum, always in the same
// order: steps, and within a step sequences.

/// Rows of a value at all steps and sequences that it is computed for, to be walked one after the other.
struct AllRows {
    let base: UnsafeMutablePointer<Float>
    /// Floats between one row and the next.
    let stride: Int
    let count: Int

    /// - Parameter clock: of what reads the value: one that is known once a sequence has as many rows as that has steps.
    init(_ frame: Frame, _ place: Plan.Place, _ own: Clock) {
        base = frame.row(place, step: 0, sequence: 0)
        stride = frame.memory[place.buffer].rowStride
        count = own.isShared ? 1 : frame.batch * frame.steps(own)
    }

    /// Makes some columns zero where a sequence has ended: what stands there is nobody's, and is not to be added.
    func clear(_ columns: Range<Int>, beyondEndsIn frame: Frame, _ clock: Clock) {
        guard frame.isRagged, clock.isTimed else { return }
        let steps = frame.steps(clock)
        for (sequence, length) in frame.lengths(clock).enumerated() {
            for step in min(length, steps)..<steps {
                (base + (step * frame.batch + sequence) * stride + columns.lowerBound).update(repeating: 0, count: columns.count)
            }
        }
    }
}

/// The total of a value over all steps and sequences.
final class Total: Instruction {
    let operand: Plan.Place
    let operandClock: Clock
    let result: Plan.Place
    let size: Int
    let clock = Clock.total

    init(operand: Plan.Place, operandClock: Clock, result: Plan.Place, size: Int) {
        self.operand = operand
        self.operandClock = operandClock
        self.result = result
        self.size = size
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = AllRows(frame, operand, operandClock)
        let columns = member.share(of: size, unit: vectorWidth)
        if columns.isEmpty { return }
        rows.clear(columns, beyondEndsIn: frame, operandClock)
        let y = frame.row(result, step: 0, sequence: 0)
        frame.kernels.addRows(RowSum(x: rows.base, stride: rows.stride, rows: rows.count, result: y, isAdded: false), columns)
    }
}

/// The sum of a value over the steps of each sequence.
final class SumOverSteps: Instruction {
    let operand: Plan.Place
    let operandClock: Clock
    let result: Plan.Place
    let shape: Shape
    let clock = Clock.once

    init(operand: Plan.Place, operandClock: Clock, result: Plan.Place, shape: Shape) {
        self.operand = operand
        self.operandClock = operandClock
        self.result = result
        self.shape = shape
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let lengths = frame.lengths(operandClock)
        for sequence in member.share(of: frame.batch) {
            let count = shape.count(source: frame.sourceLengths[sequence])
            let y = frame.row(result, step: 0, sequence: sequence)
            let x = frame.row(operand, step: 0, sequence: sequence)
            let stride = frame.memory[operand.buffer].stepStride
            frame.kernels.addRows(
                RowSum(x: x, stride: stride, rows: lengths[sequence], result: y, isAdded: false), 0..<count)
        }
    }
}

/// The total of outer products: the gradient of a matrix, as one product over all rows.
final class OuterTotal: Instruction {
    struct Factor: Sendable {
        var place: Plan.Place
        var shape: Shape
        var clock: Clock
    }

    let a: Factor
    let b: Factor
    let result: Plan.Place
    let shape: Shape
    let clock = Clock.total

    init(_ a: Factor, _ b: Factor, result: Plan.Place, shape: Shape) {
        self.a = a
        self.b = b
        self.result = result
        self.shape = shape
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let (m, n) = (a.shape.last, b.shape.last)
        let heads = shape.axes.dropLast(2).reduce(1, *)
        // Vectors of one row that meet in one head: all of its leading axes are added up.
        let vectors = a.shape.count() / m / heads
        let isEmpty = frame.batch == 0
        for head in 0..<heads {
            let y = frame.row(result, step: 0, sequence: 0) + head * m * n
            var product = OuterProducts(
                a: UnsafePointer(frame.row(a.place, step: 0, sequence: 0) + head * m), aStride: m, aCount: m,
                b: UnsafePointer(frame.row(b.place, step: 0, sequence: 0) + head * n), bStride: n, bCount: n, rows: vectors,
                result: y, resultStride: n, isAdded: false)
            let units = member.share(of: product.units)
            if units.isEmpty || isEmpty { continue }
            if a.clock.isShared && b.clock.isShared {
                frame.kernels.outerProducts(product, units, frame.outerScratch(member))
            } else if vectors == 1, a.clock == b.clock {
                let (x, z) = (AllRows(frame, a.place, a.clock), AllRows(frame, b.place, b.clock))
                (product.aStride, product.bStride, product.rows) = (x.stride, z.stride, x.count)
                let first = head * m + units.lowerBound * vectorWidth
                x.clear(first..<min(head * m + m, head * m + units.upperBound * vectorWidth), beyondEndsIn: frame, a.clock)
                frame.kernels.outerProducts(product, units, frame.outerScratch(member))
            } else {
                addRowByRow(product, units, head, frame, member)
            }
        }
    }

    /// Values of different clocks, or several vectors in each row.
    private func addRowByRow(
        _ first: OuterProducts, _ units: Range<Int>, _ head: Int, _ frame: Frame, _ member: ThreadTeam.Member
    ) {
        var product = first
        let clock = max(a.clock, b.clock)
        for step in 0..<frame.steps(clock) {
            for sequence in 0..<frame.batch where !clock.isTimed || step < frame.lengths(clock)[sequence] {
                product.a = UnsafePointer(frame.row(a.place, step: step, sequence: sequence) + head * product.aCount)
                product.b = UnsafePointer(frame.row(b.place, step: step, sequence: sequence) + head * product.bCount)
                frame.kernels.outerProducts(product, units, frame.outerScratch(member))
                product.isAdded = true
            }
        }
    }
}

/// For each token, the total of the vectors at its steps: the gradient of an embedding.
final class ScatterTotal: Instruction {
    let operand: Plan.Place
    let operandClock: Clock
    let tokens: Clock
    let result: Plan.Place
    /// Of the result, [tokens, width].
    let shape: Shape
    let clock = Clock.total

    init(operand: Plan.Place, operandClock: Clock, tokens: Clock, result: Plan.Place, shape: Shape) {
        self.operand = operand
        self.operandClock = operandClock
        self.tokens = tokens
        self.result = result
        self.shape = shape
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let width = shape.last
        let columns = member.share(of: width, unit: vectorWidth)
        if columns.isEmpty { return }
        let y = frame.row(result, step: 0, sequence: 0)
        for row in 0..<shape.axes[0] { (y + row * width + columns.lowerBound).update(repeating: 0, count: columns.count) }
        let rows = AllRows(frame, operand, operandClock)
        rows.clear(columns, beyondEndsIn: frame, operandClock)
        let tokens = frame.tokens(tokens)
        frame.kernels.scatterRows(
            RowScatter(x: rows.base, stride: rows.stride, rows: rows.count, tokens: tokens, result: y, resultStride: width),
            columns)
    }
}

/// What was repeated to fit a larger shape, added up.
final class SumToFit: Instruction {
    let operand: Plan.Place
    let shape: Shape  // of the operand
    let result: Plan.Place
    let resultShape: Shape
    let clock: Clock

    init(operand: Plan.Place, shape: Shape, result: Plan.Place, resultShape: Shape, clock: Clock) {
        self.operand = operand
        self.shape = shape
        self.result = result
        self.resultShape = resultShape
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let source = clock.isShared ? 1 : frame.sourceLengths[sequence]
            let x = frame.row(operand, step: step, sequence: sequence)
            let y = frame.row(result, step: step, sequence: sequence)
            y.update(repeating: 0, count: resultShape.count(source: source))
            let width = shape.last == Shape.sourceLength ? source : shape.last
            let own = resultShape.last == Shape.sourceLength ? source : resultShape.last
            if width == 0 { continue }
            for line in 0..<shape.count(source: source) / width {
                let offset = Axes.offset(line, own: resultShape.axes, target: shape.axes, dropping: 1, unit: own, source)
                let terms = x + line * width
                if own == width {
                    for i in 0..<width { y[offset + i] += terms[i] }
                } else {
                    y[offset] += frame.kernels.sum(terms, width)
                }
            }
        }
    }
}

/// Values side by side along a new first axis.
final class Stack: Instruction {
    let parts: [Join.Part]
    let result: Plan.Place
    let shape: Shape
    let clock: Clock

    init(parts: [Join.Part], result: Plan.Place, shape: Shape, clock: Clock) {
        self.parts = parts
        self.result = result
        self.shape = shape
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let count = shape.count(source: clock.isShared ? 1 : frame.sourceLengths[sequence]) / parts.count
            let y = frame.row(result, step: step, sequence: sequence)
            for (index, part) in parts.enumerated() {
                (y + index * count).update(from: frame.row(part.place, step: step, sequence: sequence), count: count)
            }
        }
    }
}

/// The adjoint of a window's value: what this step's window and those of the next steps have for it.
final class WindowSum: Instruction {
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
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let y = frame.row(result, step: step, sequence: sequence)
            y.update(repeating: 0, count: shape.count())
            for age in 0..<length {
                let x = frame.row(operand, step: step + age, sequence: sequence) + (length - 1 - age) * width
                for head in 0..<shape.count() / width {
                    for i in 0..<width { y[head * width + i] += x[head * length * width + i] }
                }
            }
        }
    }
}

/// The value at the first step of each sequence that begins with it; zero for one that goes on.
final class AtBeginning: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape
    let clock = Clock.once

    init(operand: Plan.Place, result: Plan.Place, shape: Shape) {
        self.operand = operand
        self.result = result
        self.shape = shape
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        for sequence in member.share(of: frame.batch) {
            let count = shape.count(source: frame.sourceLengths[sequence])
            let y = frame.row(result, step: 0, sequence: sequence)
            if frame.begins[sequence] {
                y.update(from: frame.row(operand, step: 0, sequence: sequence), count: count)
            } else {
                y.update(repeating: 0, count: count)
            }
        }
    }
}

/// The row of each position of a source; zero beyond its end.
final class AtPosition: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape  // of one position
    let clock = Clock.source

    init(operand: Plan.Place, result: Plan.Place, shape: Shape) {
        self.operand = operand
        self.result = result
        self.shape = shape
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let length = frame.sourceLengths[sequence]
            let width = shape.last == Shape.sourceLength ? length : shape.last
            let y = frame.row(result, step: step, sequence: sequence)
            if step >= length {
                y.update(repeating: 0, count: shape.count(source: length))
                continue
            }
            let x = frame.row(operand, step: 0, sequence: sequence)
            for head in 0..<shape.count(source: length) / max(1, width) {
                (y + head * width).update(from: x + (head * length + step) * width, count: width)
            }
        }
    }
}

/// The loss of each step against the token that should follow, and its derivative by the logits; zeros where there is no such token.
final class CrossEntropy: Instruction {
    let logits: Plan.Place
    let result: Plan.Place
    let size: Int
    let clock: Clock

    init(logits: Plan.Place, result: Plan.Place, size: Int, clock: Clock) {
        self.logits = logits
        self.result = result
        self.size = size
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let y = frame.row(result, step: step, sequence: sequence)
            let target = Int(frame.targets[step * frame.batch + sequence])
            if target < 0 || clock.isTimed && step >= frame.lengths(clock)[sequence] {
                y.update(repeating: 0, count: size + 1)
                continue
            }
            let x = frame.row(logits, step: step, sequence: sequence)
            y[size] = frame.kernels.crossEntropy(y, x, size, target, frame.lossScale) * frame.lossScale
        }
    }
}

/// What dropout multiplies with: a function of the seed, the operator's instance, the sequence and the step.
final class DropoutMask: Instruction {
    let rate: Float
    let instance: Int
    let result: Plan.Place
    let shape: Shape
    let clock: Clock

    init(rate: Float, instance: Int, result: Plan.Place, shape: Shape, clock: Clock) {
        self.rate = rate
        self.instance = instance
        self.result = result
        self.shape = shape
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let count = shape.count(source: clock.isShared ? 1 : frame.sourceLengths[sequence])
            let y = frame.row(result, step: step, sequence: sequence)
            guard let seed = frame.dropoutSeed else {
                y.update(repeating: 1, count: count)
                continue
            }
            let stream = UInt64(instance) << 48 ^ UInt64(sequence) << 32 ^ UInt64(step)
            frame.kernels.dropoutMask(y, count, Dropout(rate: rate, key: seed, stream: stream))
        }
    }
}
