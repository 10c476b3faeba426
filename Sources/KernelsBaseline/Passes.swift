import KernelInterface

/// Runs the steps one after the other over `count` vectors that are few enough to stay in the first-level cache.
func pass(_ steps: UnsafePointer<PassStep>, _ stepCount: Int, _ operands: UnsafePointer<PassOperand>, _ count: Int) {
    for i in 0..<stepCount {
        let step = steps[i]
        let d = operands[step.destination].base
        let a = operands[step.a]
        switch step.operation {
        case .tanh: tanh(d, a, count)
        case .sigmoid: sigmoid(d, a, count)
        case .exp: exp(d, a, count)
        case .log: log(d, a, count)
        case .softplus: softplus(d, a, count)
        case .multiplyAdd: multiplyAdd(d, a, operands[step.b], operands[step.c], count)
        case .add, .subtract, .multiply, .divide, .maximum, .minimum: combine(step.operation, d, a, operands[step.b], count)
        case .sin, .cos, .power: each(step.operation, d, a, count)
        default: change(step.operation, d, a, count)
        }
    }
}

// One function for a few operations each: into larger ones the compiler inlines no closures.

@inline(never)
private func tanh(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) {
    map(d, a, count) { hyperbolicTangent($0) }
}

@inline(never)
private func sigmoid(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) { map(d, a, count) { logistic($0) } }

@inline(never)
private func exp(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) { map(d, a, count) { exponential($0) } }

@inline(never)
private func log(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) { map(d, a, count) { logarithm($0) } }

@inline(never)
private func softplus(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) {
    map(d, a, count) { logarithmOfOneAndExponential($0) }
}

@inline(never)
private func multiplyAdd(
    _ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ b: PassOperand, _ c: PassOperand, _ count: Int
) {
    for i in 0..<count { vector(c, i).adding(vector(a, i), times: vector(b, i)).store(d + i &* vectorWidth) }
}

@inline(never)
private func combine(
    _ operation: PointwiseOperation, _ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ b: PassOperand, _ count: Int
) {
    switch operation {
    case .add: map(d, a, b, count) { $0 + $1 }
    case .subtract: map(d, a, b, count) { $0 - $1 }
    case .multiply: map(d, a, b, count) { $0 * $1 }
    case .divide: map(d, a, b, count) { $0 / $1 }
    case .maximum: map(d, a, b, count) { Vector.maximum($1, $0) }
    default: map(d, a, b, count) { Vector.minimum($1, $0) }
    }
}

@inline(never)
private func change(_ operation: PointwiseOperation, _ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) {
    switch operation {
    case .negate: map(d, a, count) { Vector.zero - $0 }
    case .relu: map(d, a, count) { Vector.maximum($0, Vector.zero) }
    case .positive: map(d, a, count) { Vector.zero.replacing(with: 1, where: $0 .> Vector.zero) }
    case .sqrt: map(d, a, count) { $0.root }
    case .abs: map(d, a, count) { $0.magnitude }
    case .square: map(d, a, count) { $0 * $0 }
    case .cube: map(d, a, count) { $0 * $0 * $0 }
    case .reciprocal: map(d, a, count) { Vector(repeating: 1) / $0 }
    case .reciprocalSquareRoot: map(d, a, count) { Vector(repeating: 1) / $0.root }
    default: map(d, a, count) { $0 }
    }
}

/// One number at a time.
@inline(never)
private func each(_ operation: PointwiseOperation, _ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int) {
    for i in 0..<count {
        let (from, to) = (a.base + i &* a.stride, d + i &* vectorWidth)
        for lane in 0..<vectorWidth {
            switch operation {
            case .sin: to[lane] = sine(from[lane])
            case .cos: to[lane] = cosine(from[lane])
            case .power(let exponent): to[lane] = power(from[lane], exponent)
            default: break
            }
        }
    }
}

@_transparent
private func vector(_ a: PassOperand, _ i: Int) -> Vector { Vector.load(a.base + i &* a.stride) }

@inline(__always)
private func map(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int, _ f: (Vector) -> Vector) {
    for i in 0..<count { f(vector(a, i)).store(d + i &* vectorWidth) }
}

@inline(__always)
private func map(
    _ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ b: PassOperand, _ count: Int, _ f: (Vector, Vector) -> Vector
) {
    for i in 0..<count {
        f(vector(a, i), vector(b, i)).store(d + i &* vectorWidth)
    }
}
