import Kernels

/// Instructions of the operators that are made for training.
extension Planner {
    mutating func emitForTraining(_ id: Graph.ID) {
        let node = graph[id]
        let operands = node.op == .scatterTotal ? [read(node.operands[0])] : node.operands.map { read($0) }
        let result = place(of: id)
        let first = node.operands.first.map { graph[$0] } ?? node
        let instruction: any Instruction
        switch node.op {
        case .crossEntropy:
            instruction = CrossEntropy(logits: operands[0], result: result, size: first.shape.last, clock: node.clock)
        case .dropoutMask(let rate, let instance):
            instruction = DropoutMask(rate: Float(rate), instance: instance, result: result, shape: node.shape, clock: node.clock)
        case .sumToFit:
            instruction = SumToFit(
                operand: operands[0], shape: first.shape, result: result, resultShape: node.shape, clock: node.clock)
        case .sumOverSteps:
            instruction = SumOverSteps(operand: operands[0], operandClock: first.clock, result: result, shape: node.shape)
        case .total:
            instruction = Total(operand: operands[0], operandClock: first.clock, result: result, size: node.shape.count())
        case .outerTotal:
            let factors = zip(operands, node.operands).map {
                OuterTotal.Factor(place: $0, shape: graph[$1].shape, clock: graph[$1].clock)
            }
            instruction = OuterTotal(factors[0], factors[1], result: result, shape: node.shape)
            plan.outerScratchSize = max(
                plan.outerScratchSize, OuterProducts.scratchFloats(rows: OuterProducts.blockRows, bCount: node.shape.last))
        case .scatterTotal:
            instruction = ScatterTotal(
                operand: operands[0], operandClock: first.clock, tokens: graph[node.operands[1]].clock, result: result,
                shape: node.shape)
        case .stack:
            let parts = zip(operands, node.operands).map { Join.Part(place: $0, shape: graph[$1].shape) }
            instruction = Stack(parts: parts, result: result, shape: node.shape, clock: node.clock)
        case .windowSum:
            instruction = WindowSum(
                operand: operands[0], result: result, shape: node.shape, length: first.windowLength, clock: node.clock)
        case .atBeginning: instruction = AtBeginning(operand: operands[0], result: result, shape: node.shape)
        default: instruction = AtPosition(operand: operands[0], result: result, shape: node.shape)
        }
        plan.workPerStep += node.clock.isTimed ? node.shape.count() : 0
        append(instruction, writing: [result.buffer])
    }
}
