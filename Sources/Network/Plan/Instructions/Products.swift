import Kernels

/// Products of constant matrices with a value: one packed matrix (the products of several matrices with one vector are one), or
/// one for each head.
final class PackedProduct: Instruction {
    struct Part: Sendable {
        var group: Int  // of the plan's packed groups
        var vectorOffset: Int
        var resultOffset: Int
    }

    let parts: [Part]
    let vector: Plan.Place
    let result: Plan.Place
    let clock: Clock
    /// The axes of the vectors in one row that all meet the same matrix.
    let heads: Shape
    let inputs: Int
    let outputs: Int

    init(
        parts: [Part], vector: Plan.Place, result: Plan.Place, clock: Clock, heads: Shape, inputs: Int, outputs: Int
    ) {
        self.parts = parts
        self.vector = vector
        self.result = result
        self.clock = clock
        self.heads = heads
        self.inputs = inputs
        self.outputs = outputs
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps)
        let x = frame.row(vector, step: steps.lowerBound, sequence: 0)
        let y = frame.row(result, step: steps.lowerBound, sequence: 0)
        let xStride = frame.memory[vector.buffer].rowStride
        let yStride = frame.memory[result.buffer].rowStride
        let ownParts = parts.count > 1 ? member.share(of: parts.count) : 0..<1
        for part in ownParts {
            let packed = frame.weights.packed[parts[part].group]
            let panels = parts.count > 1 ? 0..<packed.panels : member.share(of: packed.panels)
            let (x, y) = (x + parts[part].vectorOffset, y + parts[part].resultOffset)
            if heads.axes.isEmpty {
                packed.multiply(x: x, xStride: xStride, y: y, yStride: yStride, rows: rows.count, panels: panels)
            } else {
                for row in 0..<rows.count {
                    let vectors = heads.count(source: frame.sourceLengths[rows.sequence(row)])
                    packed.multiply(
                        x: x + row * xStride, xStride: inputs, y: y + row * yStride, yStride: outputs, rows: vectors,
                        panels: panels)
                }
            }
        }
    }
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
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps)
        let longest = frame.sourceLengths.max() ?? 0
        // Heads that the source's length decides are as many as the longest has; shorter sequences skip the rest.
        let heads = Shape(resultShape.leading).count(source: longest)
        for unit in member.share(of: rows.count * heads) {
            let (row, head) = unit.quotientAndRemainder(dividingBy: heads)
            multiply(frame, rows.step(row), rows.sequence(row), head)
        }
    }

    @inline(__always)
    private func multiply(_ frame: Frame, _ step: Int, _ sequence: Int, _ head: Int) {
        let source = frame.sourceLengths[sequence]
        if resultShape.dependsOnSource, head >= Shape(resultShape.leading).count(source: source) { return }
        func size(_ axis: Int) -> Int { axis == Shape.sourceLength ? source : axis }
        let rows = size(matrixShape.axes[matrixShape.rank - 2])
        let columns = size(matrixShape.last)
        let target = resultShape.axes
        let matrixOffset = Self.offset(head, matrixShape.axes, 2, target, rows * columns, source)
        let vectorOffset = Axes.offset(
            head, own: vectorShape.axes, target: target, dropping: 1, unit: size(vectorShape.last), source)
        let a = frame.row(matrix, step: step, sequence: sequence) + matrixOffset
        let x = frame.row(vector, step: step, sequence: sequence) + vectorOffset
        let y = frame.row(result, step: step, sequence: sequence) + head * size(resultShape.last)
        if matrixFirst {
            MatrixVector.multiply(y, matrix: a, vector: x, rows: rows, columns: columns)
        } else {
            MatrixVector.multiply(y, vector: x, matrix: a, rows: rows, columns: columns)
        }
    }

    /// The matrix has one axis more behind its heads than the result.
    private static func offset(_ head: Int, _ own: [Int], _ dropping: Int, _ target: [Int], _ unit: Int, _ source: Int) -> Int {
        let heads = Array(own.dropLast(dropping)) + [1]
        return Axes.offset(head, own: heads, target: target, dropping: 1, unit: unit, source)
    }
}
