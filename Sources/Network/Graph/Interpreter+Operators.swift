#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One operator on whole values, as the table in `zoo/NOTATION.md` states it.
extension Interpreter {
    static func apply(_ op: Operator, _ operands: [Value]) -> Value {
        let x = operands[0]
        switch op {
        case .function(let function): return x.map { Arithmetic.value(of: function, $0) }
        case .power(let exponent): return x.map { Arithmetic.power($0, exponent) }
        case .add: return operands.dropFirst().reduce(x) { pointwise($0, $1, +) }
        case .multiply: return pointwise(x, operands[1], *)
        case .divide: return pointwise(x, operands[1], /)
        case .maximum: return pointwise(x, operands[1]) { $0 > $1 ? $0 : $1 }
        case .minimum: return pointwise(x, operands[1]) { $0 < $1 ? $0 : $1 }
        case .product: return product(x, operands[1])
        case .outer:
            return pointwise(
                Value(shape: x.shape + [1], elements: x.elements),
                Value(shape: operands[1].shape.dropLast() + [1, operands[1].last], elements: operands[1].elements), *)
        case .sum: return x.reduced { $0.reduce(0, +) }
        case .mean: return x.reduced { $0.reduce(0, +) / Double($0.count) }
        case .softmax: return softmax(x)
        case .join: return joined(operands)
        case .part(let index, let count): return slice(x, from: x.last / count * index, to: x.last / count * (index + 1))
        case .slice(let from, let to, _): return slice(x, from: from, to: to)
        case .rowPart(let index, let count):
            let size = x.elements.count / count
            return Value(shape: Array(x.shape.dropFirst()), elements: Array(x.elements[index * size..<(index + 1) * size]))
        case .heads(let count): return Value(shape: x.shape.dropLast() + [count, x.last / count], elements: x.elements)
        case .flat: return Value(shape: x.shape.dropLast(2) + [x.shape.suffix(2).reduce(1, *)], elements: x.elements)
        case .column: return Value(shape: x.shape + [1], elements: x.elements)
        case .row: return Value(shape: x.shape.dropLast() + [1] + x.shape.suffix(1), elements: x.elements)
        case .reshape(let shape): return Value(shape: shape.axes, elements: x.elements)
        default: return x  // dropout when not training
        }
    }

    static func pointwise(_ a: Value, _ b: Value, _ combine: (Double, Double) -> Double) -> Value {
        let shape = Value.common([a.shape, b.shape])
        let (a, b) = (a.expanded(to: shape), b.expanded(to: shape))
        return Value(shape: shape, elements: zip(a.elements, b.elements).map { combine($0, $1) })
    }

    static func product(_ a: Value, _ b: Value) -> Value {
        let matrixFirst = a.shape.count == b.shape.count + 1
        let (matrix, vector) = matrixFirst ? (a, b) : (b, a)
        let (rows, columns) = (matrix.shape[matrix.shape.count - 2], matrix.last)
        let leading = Value.common([Array(matrix.shape.dropLast(2)), Array(vector.shape.dropLast())])
        let m = matrix.expanded(to: leading + [rows, columns]).elements
        let v = vector.expanded(to: leading + [vector.last]).elements
        let size = matrixFirst ? rows : columns
        var result: [Double] = []
        for head in 0..<leading.reduce(1, *) {
            let (m0, v0) = (head * rows * columns, head * vector.last)
            for i in 0..<size {
                var sum = 0.0
                for k in 0..<vector.last {
                    sum += (matrixFirst ? m[m0 + i * columns + k] : m[m0 + k * columns + i]) * v[v0 + k]
                }
                result.append(sum)
            }
        }
        return Value(shape: leading + [size], elements: result)
    }

    static func softmax(_ x: Value) -> Value {
        var result = x.elements
        for start in stride(from: 0, to: result.count, by: x.last) {
            let range = start..<start + x.last
            let peak = x.elements[range].max() ?? 0
            let terms = x.elements[range].map { exp($0 - peak) }
            let sum = terms.reduce(0, +)
            for (i, term) in terms.enumerated() { result[start + i] = term / sum }
        }
        return Value(shape: x.shape, elements: result)
    }

    private static func joined(_ operands: [Value]) -> Value {
        let leading = Value.common(operands.map { Array($0.shape.dropLast()) })
        let parts = operands.map { $0.expanded(to: leading + [$0.last]) }
        var elements: [Double] = []
        for head in 0..<leading.reduce(1, *) {
            for part in parts { elements += part.elements[head * part.last..<(head + 1) * part.last] }
        }
        return Value(shape: leading + [parts.reduce(0) { $0 + $1.last }], elements: elements)
    }

    private static func slice(_ x: Value, from: Int, to: Int) -> Value {
        var elements: [Double] = []
        for start in stride(from: 0, to: x.elements.count, by: x.last) {
            elements += x.elements[start + from..<start + to]
        }
        return Value(shape: x.shape.dropLast() + [to - from], elements: elements)
    }

    /// Values of several steps as one, on a new axis before the last: [..., n] -> [..., steps, n].
    static func stacked(_ values: [Value]) -> Value {
        let first = values[0]
        if first.shape.isEmpty { return Value(shape: [values.count], elements: values.map { $0.elements[0] }) }
        var elements: [Double] = []
        for start in stride(from: 0, to: first.elements.count, by: first.last) {
            for value in values { elements += value.elements[start..<start + first.last] }
        }
        return Value(shape: first.shape.dropLast() + [values.count, first.last], elements: elements)
    }
}

extension Interpreter.Value {
    fileprivate func map(_ transform: (Double) -> Double) -> Self { Self(shape: shape, elements: elements.map(transform)) }

    /// The last axis becomes 1.
    fileprivate func reduced(_ reduce: (ArraySlice<Double>) -> Double) -> Self {
        guard !shape.isEmpty else { return self }
        return Self(
            shape: shape.dropLast() + [1],
            elements: Swift.stride(from: 0, to: elements.count, by: last).map { reduce(elements[$0..<$0 + last]) })
    }
}
