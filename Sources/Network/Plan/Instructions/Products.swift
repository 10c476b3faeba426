import Kernels

/// Products of constant matrices with a value: one packed matrix, whose parts (the gates of a cell) all multiply the same vector,
/// or one for each head.
final class PackedProduct: Instruction {
    struct Head: Sendable {
        var group: Int  // of the plan's packed groups
        var vectorOffset: Int
        var resultOffset: Int
    }

    /// What the sums of a part begin with.
    enum Initial: Sendable {
        case place(Plan.Place, Clock)
        /// The row of a table that the token names.
        case gathered(Plan.Place, width: Int)
    }

    let heads: [Head]
    let vector: Plan.Place
    /// For each part; empty: all begin with zero.
    private let initials: [Initial]
    /// Whether something in them is the same at every step: then steps are computed one by one.
    private let isStepwise: Bool
    let result: Plan.Place
    let clock: Clock
    let footprint: Footprint
    let footprintOfOneRow: Footprint
    /// Where a vector by itself is as it was before `QuantizeVectors`, and its size: with one row, every member rounds it anew rather
    /// than wait for the others to have rounded their share.
    private let rounded: (place: Plan.Place, size: Int)?
    /// The axes of the vectors in one row that all meet the same matrix.
    private let vectors: Shape
    /// Floats that each of them takes.
    private let vectorSize: Int
    /// Of one part and head.
    private let outputs: Int
    private let partStride: Int
    private let units: Int

    init(
        heads: [Head], parts: Int, vector: Plan.Place, initials: [Initial], result: Plan.Place, clock: Clock, vectors: Shape,
        vectorSize: Int, outputs: Int, rounded: (place: Plan.Place, size: Int)? = nil
    ) {
        self.heads = heads
        self.rounded = rounded
        self.vector = vector
        self.initials = initials
        isStepwise = initials.contains { if case .place(_, .once) = $0 { true } else { false } }
        self.result = result
        self.clock = clock
        self.vectors = vectors
        self.vectorSize = vectorSize
        self.outputs = outputs
        partStride = Plan.padded(outputs)
        units = (outputs + vectorWidth - 1) / vectorWidth
        var footprint = Footprint(reads: [.init(vector, count: nil, division: .whole)])
        for case .place(let place, _) in initials {
            footprint.reads.append(.init(place, count: outputs, division: .units(of: outputs)))
        }
        if !vectors.axes.isEmpty || heads.count > 1 && outputs % vectorWidth != 0 {
            footprint.writes = [.init(result, count: nil, division: .whole)]
        } else if heads.count > 1 {
            footprint.writes = [.init(result, count: heads.count * outputs, division: .units(of: heads.count * outputs))]
        } else {
            footprint.writes = (0..<parts).map { part in
                var place = result
                place.offset += part * Plan.padded(outputs)
                return .init(place, count: outputs, division: .units(of: outputs))
            }
        }
        self.footprint = footprint
        if let rounded {
            footprint.reads = footprint.reads.map {
                $0.place.buffer == vector.buffer ? .init(rounded.place, count: nil, division: .whole) : $0
            }
        }
        footprintOfOneRow = footprint
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        if isStepwise && steps.count > 1 {
            for step in steps { run(frame, steps: step..<step + 1, member: member) }
            return
        }
        let firstSequence = member.own?.lowerBound ?? 0
        withUnsafeTemporaryAllocation(of: Kernels.Initial.self, capacity: initials.count) { values in
            for (index, initial) in initials.enumerated() {
                switch initial {
                case .place(let place, _):
                    values[index] = Kernels.Initial(
                        base: frame.row(place, step: steps.lowerBound, sequence: firstSequence),
                        rowStride: frame.memory[place.buffer].rowStride)
                case .gathered(let place, let width):
                    values[index] = Kernels.Initial(
                        base: frame.row(place, step: 0, sequence: 0), rowStride: width,
                        tokens: frame.tokens(clock) + (steps.lowerBound * frame.batch + firstSequence))
                }
            }
            run(frame, steps, member, initials.isEmpty ? nil : UnsafePointer(values.baseAddress))
        }
    }

    private func run(
        _ frame: Frame, _ steps: Range<Int>, _ member: ThreadTeam.Member, _ initials: UnsafePointer<Kernels.Initial>?
    ) {
        let rows = Rows(frame, clock, steps, member)
        if rows.count == 0 { return }
        // (Members work by themselves only within a step, so that the rows lie side by side.)
        var x = frame.row(vector, step: steps.lowerBound, sequence: rows.firstSequence)
        if frame.isOneRow, let rounded {
            x = frame.quantized(by: member)
            frame.kernels.quantize(
                frame.row(rounded.place, step: steps.lowerBound, sequence: 0), rounded.size, x,
                0..<QuantizedVector.stretches(rounded.size))
        }
        let y = frame.row(result, step: steps.lowerBound, sequence: rows.firstSequence)
        let (xStride, yStride) = (frame.memory[vector.buffer].rowStride, frame.memory[result.buffer].rowStride)
        let share = member.share(of: units &* heads.count)
        var unit = share.lowerBound
        while unit < share.upperBound {
            let head = unit / units
            let own = unit &- head &* units..<min(units, share.upperBound &- head &* units)
            unit &+= own.count
            let matrix = frame.weights.packed[heads[head].group]
            var product = Product(
                x: x + heads[head].vectorOffset, inputStride: xStride, y: y + heads[head].resultOffset, outputStride: yStride,
                partStride: partStride, rows: rows.count, initials: initials)
            if vectors.axes.isEmpty {
                matrix.multiply(product, units: own, kernels: frame.kernels)
                continue
            }
            product.inputStride = vectorSize
            product.outputStride = outputs
            for row in 0..<rows.count {
                product.rows = vectors.count(source: frame.sourceLengths[rows.sequence(row)])
                if product.rows > 0 { matrix.multiply(product, units: own, kernels: frame.kernels) }
                product.x += xStride
                product.y += yStride
            }
        }
    }
}

/// Rounds vectors to eight bits, for products with quantized matrices.
final class QuantizeVectors: Instruction {
    let operand: Plan.Place
    let result: Plan.Place
    let clock: Clock
    let footprint: Footprint
    /// With one row of one vector the products do this themselves.
    var footprintOfOneRow: Footprint { vectors.axes.isEmpty ? Footprint() : footprint }
    /// The vectors of one row.
    private let vectors: Shape
    private let size: Int

    /// - Parameter shape: of the operand.
    init(operand: Plan.Place, shape: Shape, result: Plan.Place, clock: Clock) {
        self.operand = operand
        self.result = result
        self.clock = clock
        vectors = Shape(shape.leading)
        size = shape.last
        footprint = Footprint(
            reads: [.init(operand, count: nil, division: .whole)], writes: [.init(result, count: nil, division: .whole)])
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        if frame.isOneRow && vectors.axes.isEmpty { return }
        let rows = Rows(frame, clock, steps, member)
        let stretches = QuantizedVector.stretches(size)
        let perRow = vectors.count(source: frame.longestSource)
        let share = member.share(of: rows.count &* perRow &* stretches)
        var unit = share.lowerBound
        while unit < share.upperBound {
            let (vector, stretch) = unit.quotientAndRemainder(dividingBy: stretches)
            let own = stretch..<min(stretches, stretch &+ share.upperBound &- unit)
            unit &+= own.count
            let (row, index) = vector.quotientAndRemainder(dividingBy: perRow)
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            if index >= vectors.count(source: frame.sourceLengths[sequence]) { continue }
            frame.kernels.quantize(
                frame.row(operand, step: step, sequence: sequence) + index &* size, size,
                frame.row(result, step: step, sequence: sequence) + index &* QuantizedVector.floats(size), own)
        }
    }
}

/// Row t of the result is the product of a constant matrix and row t of another: what a token's embedding becomes, for every token.
final class TableProduct: Instruction {
    let matrix: Plan.PackedGroup
    let embedding: Plan.Place
    let result: Plan.Place
    let rows: Int
    let clock = Clock.constant

    init(matrix: Plan.PackedGroup, embedding: Plan.Place, result: Plan.Place, rows: Int) {
        self.matrix = matrix
        self.embedding = embedding
        self.result = result
        self.rows = rows
    }

    /// Packs the matrix for this one use.
    func compute(_ frame: Frame, _ sources: [PackedMatrix.Source], _ team: ThreadTeam) {
        let packed = PackedMatrix(sources, outputs: matrix.outputs, inputs: matrix.inputs, team: team)
        nonisolated(unsafe) let frame = frame
        nonisolated(unsafe) let product = Product(
            x: frame.row(embedding, step: 0, sequence: 0), inputStride: matrix.inputs,
            y: frame.row(result, step: 0, sequence: 0), outputStride: matrix.outputs, partStride: 0, rows: rows)
        team.run { member in
            packed.multiply(product, units: member.share(of: packed.blocks.units), kernels: frame.kernels)
        }
    }

    /// Done by `compute`.
    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {}
}

/// A product with a matrix that is itself computed: a state, a window, the positions of a source.
final class ComputedProduct: Instruction {
    let matrix: Plan.Place
    let matrixShape: Shape
    let vector: Plan.Place
    let vectorShape: Shape
    let result: Plan.Place
    let resultShape: Shape
    let matrixFirst: Bool
    let clock: Clock
    private let heads: Shape
    /// The matrix's axes without the last two, and one in place of what the result has there.
    private let matrixHeads: [Int]

    init(
        matrix: Plan.Place, _ matrixShape: Shape, vector: Plan.Place, _ vectorShape: Shape, result: Plan.Place,
        _ resultShape: Shape, matrixFirst: Bool, clock: Clock
    ) {
        self.matrix = matrix
        self.matrixShape = matrixShape
        self.vector = vector
        self.vectorShape = vectorShape
        self.result = result
        self.resultShape = resultShape
        self.matrixFirst = matrixFirst
        self.clock = clock
        heads = Shape(resultShape.leading)
        matrixHeads = Array(matrixShape.axes.dropLast(2)) + [1]
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        // Heads that the source's length decides are as many as the longest has; shorter sequences skip the rest.
        let heads = heads.count(source: frame.longestSource)
        for unit in member.share(of: rows.count * heads) {
            let (row, head) = unit.quotientAndRemainder(dividingBy: heads)
            multiply(frame, rows.step(row), rows.sequence(row), head)
        }
    }

    @inline(__always)
    private func multiply(_ frame: Frame, _ step: Int, _ sequence: Int, _ head: Int) {
        let source = frame.sourceLengths[sequence]
        if resultShape.dependsOnSource, head >= heads.count(source: source) { return }
        func size(_ axis: Int) -> Int { axis == Shape.sourceLength ? source : axis }
        let rows = size(matrixShape.axes[matrixShape.rank - 2])
        let columns = size(matrixShape.last)
        let target = resultShape.axes
        let matrixOffset = Axes.offset(head, own: matrixHeads, target: target, dropping: 1, unit: rows * columns, source)
        let vectorOffset = Axes.offset(
            head, own: vectorShape.axes, target: target, dropping: 1, unit: size(vectorShape.last), source)
        let a = frame.row(matrix, step: step, sequence: sequence) + matrixOffset
        let x = frame.row(vector, step: step, sequence: sequence) + vectorOffset
        let y = frame.row(result, step: step, sequence: sequence) + head * size(resultShape.last)
        if matrixFirst {
            frame.kernels.matrixVector(y, a, x, rows, columns)
        } else {
            frame.kernels.vectorMatrix(y, x, a, rows, columns)
        }
    }
}
