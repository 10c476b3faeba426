import Kernels

/// A reduction or softmax of each last axis.
final class LastAxis: Instruction {
    enum Kind: Sendable { case sum, mean, softmax }

    let kind: Kind
    let operand: Plan.Place
    let result: Plan.Place
    let shape: Shape  // of the operand
    let clock: Clock

    init(_ kind: Kind, operand: Plan.Place, result: Plan.Place, shape: Shape, clock: Clock) {
        self.kind = kind
        self.operand = operand
        self.result = result
        self.shape = shape
        self.clock = clock
    }

    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member) {
        let rows = Rows(frame, clock, steps, member)
        for row in member.share(of: rows.count) {
            let (step, sequence) = (rows.step(row), rows.sequence(row))
            let source = frame.sourceLengths[sequence]
            let count = shape.last == Shape.sourceLength ? source : shape.last
            let x = frame.row(operand, step: step, sequence: sequence)
            let y = frame.row(result, step: step, sequence: sequence)
            let lines = count == 0 ? 0 : shape.count(source: source) / count
            for line in 0..<lines {
                switch kind {
                case .sum: y[line] = frame.kernels.sum(x + line * count, count)
                case .mean: y[line] = frame.kernels.sum(x + line * count, count) / Float(count)
                case .softmax: frame.kernels.softmax(y + line * count, x + line * count, count)
                }
            }
        }
    }
}
