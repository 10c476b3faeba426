#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The operators that are made for training.
extension Interpreter {
    /// Operands at all steps that any of them has: those of the first step, then those of the second …
    func everyStep(of operands: [Graph.ID]) -> [Request] {
        let clock = operands.map { graph[$0].clock }.max() ?? .constant
        return (0..<steps(clock)).flatMap { step in operands.map { request($0, step) } }
    }

    func training(_ wanted: Request, _ node: Graph.Node, _ operands: [Value]) -> Value {
        let shape = node.shape.resolved(source: steps(.source))
        let first = operands.first ?? Value(shape: shape, elements: [Double](repeating: 0, count: shape.reduce(1, *)))
        switch node.op {
        case .crossEntropy: return crossEntropy(first, at: wanted.step)
        case .sumToFit: return first.summed(to: shape)
        case .sumOverSteps, .total: return operands.dropFirst().reduce(first) { Self.pointwise($0, $1, +) }
        case .outerTotal:
            let pairs = stride(from: 0, to: operands.count - 1, by: 2).map { (operands[$0], operands[$0 + 1]) }
            let zero = Value(shape: shape, elements: [Double](repeating: 0, count: shape.reduce(1, *)))
            return pairs.reduce(zero) { Self.pointwise($0, Self.apply(.outer, [$1.0, $1.1]).summed(to: shape), +) }
        case .scatterTotal: return scattered(node, operands, shape)
        case .windowSum:
            // A value is read as the last of its own step's window, as the last but one of the next …
            let length = graph[node.operands[0]].windowLength
            let rows = operands.enumerated().map { $1.row(length - 1 - $0) }
            return rows.dropFirst().reduce(rows[0]) { Self.pointwise($0, $1, +) }
        case .atPosition: return first.row(wanted.step)
        case .table(let matrixFirst): return table(matrix: first, operands[1], matrixFirst: matrixFirst)
        default: return Value(shape: shape, elements: operands.flatMap { $0.expanded(to: Array(shape.dropFirst())).elements })
        }
    }

    /// The gradient, then the loss.
    private func crossEntropy(_ logits: Value, at step: Int) -> Value {
        let target = targets[step]
        guard target >= 0 else {
            return Value(shape: [logits.last + 1], elements: [Double](repeating: 0, count: logits.last + 1))
        }
        var gradient = Self.softmax(logits).elements
        let peak = logits.elements.max() ?? 0
        let loss = peak - logits.elements[target] + log(logits.elements.reduce(0) { $0 + exp($1 - peak) })
        gradient[target] -= 1
        return Value(shape: [logits.last + 1], elements: (gradient + [loss]).map { $0 * lossScale })
    }

    private func scattered(_ node: Graph.Node, _ operands: [Value], _ shape: [Int]) -> Value {
        var result = Value(shape: shape, elements: [Double](repeating: 0, count: shape.reduce(1, *)))
        guard case .input(let entry, _, _) = graph[node.operands[1]].op, let tokens = tokens[entry] else { return result }
        for (value, token) in zip(operands, tokens) {
            for (i, element) in value.elements.enumerated() { result.elements[token * result.last + i] += element }
        }
        return result
    }

    private func table(matrix: Value, _ rows: Value, matrixFirst: Bool) -> Value {
        let values = (0..<rows.shape[0]).map { row in
            Self.product(matrixFirst ? matrix : rows.row(row), matrixFirst ? rows.row(row) : matrix)
        }
        return Value(shape: [rows.shape[0], values.first?.last ?? 1], elements: values.flatMap(\.elements))
    }
}

extension Interpreter.Value {
    /// Index `index` of the axis before the last; of the only axis.
    func row(_ index: Int) -> Self {
        guard shape.count > 1 else { return Self(shape: [], elements: [elements[index]]) }
        let count = shape[shape.count - 2]
        let starts = Swift.stride(from: index * last, to: elements.count, by: count * last)
        return Self(shape: shape.dropLast(2) + [last], elements: starts.flatMap { elements[$0..<$0 + last] })
    }

    /// What was repeated to fit, added up.
    func summed(to target: [Int]) -> Self {
        if target == shape { return self }
        var result = Self(shape: target, elements: [Double](repeating: 0, count: target.reduce(1, *)))
        let indices = Self(shape: target, elements: result.elements.indices.map(Double.init)).expanded(to: shape)
        for (index, element) in zip(indices.elements, elements) { result.elements[Int(index)] += element }
        return result
    }
}
