import KernelInterface

/// Runs the steps one after the other over `count` vectors that are few enough to stay in the first-level cache.
func pass(_ steps: UnsafePointer<PassStep>, _ stepCount: Int, _ operands: UnsafePointer<PassOperand>, _ count: Int) {
    for i in 0..<stepCount {
        let step = steps[i]
        let d = operands[step.destination].base
        let a = operands[step.a]
        let b = operands[step.b]
        switch step.operation {
        case .copy: map(d, a, count) { $0 }
        case .negate: map(d, a, count) { Vector.zero - $0 }
        case .tanh: map(d, a, count, hyperbolicTangent)
        case .sigmoid: map(d, a, count, logistic)
        case .relu: map(d, a, count) { $0.replacing(with: 0, where: $0 .<= Vector.zero) }
        case .exp: map(d, a, count, exponential)
        case .log: map(d, a, count, logarithm)
        case .softplus: map(d, a, count, softplus)
        case .sqrt: map(d, a, count) { $0.squareRoot() }
        case .abs: map(d, a, count) { $0.magnitude }
        case .square: map(d, a, count) { $0 * $0 }
        case .cube: map(d, a, count) { $0 * $0 * $0 }
        case .reciprocal: map(d, a, count) { Vector(repeating: 1) / $0 }
        case .reciprocalSquareRoot: map(d, a, count) { Vector(repeating: 1) / $0.squareRoot() }
        case .sin: each(d, a, count) { sine($0) }
        case .cos: each(d, a, count) { cosine($0) }
        case .power(let exponent): each(d, a, count) { power($0, exponent) }
        case .add: map(d, a, b, count) { $0 + $1 }
        case .subtract: map(d, a, b, count) { $0 - $1 }
        case .multiply: map(d, a, b, count) { $0 * $1 }
        case .divide: map(d, a, b, count) { $0 / $1 }
        case .maximum: map(d, a, b, count) { $1.replacing(with: $0, where: $0 .> $1) }
        case .minimum: map(d, a, b, count) { $1.replacing(with: $0, where: $0 .< $1) }
        case .multiplyAdd:
            let c = operands[step.c]
            for i in 0..<count {
                Vector.load(c.base + i &* c.stride).adding(
                    Vector.load(a.base + i &* a.stride), times: Vector.load(b.base + i &* b.stride)
                ).store(d + i &* vectorWidth)
            }
        }
    }
}

@inline(__always)
private func map(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int, _ f: (Vector) -> Vector) {
    for i in 0..<count { f(Vector.load(a.base + i &* a.stride)).store(d + i &* vectorWidth) }
}

@inline(__always)
private func map(
    _ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ b: PassOperand, _ count: Int, _ f: (Vector, Vector) -> Vector
) {
    for i in 0..<count {
        f(Vector.load(a.base + i &* a.stride), Vector.load(b.base + i &* b.stride)).store(d + i &* vectorWidth)
    }
}

@inline(__always)
private func each(_ d: UnsafeMutablePointer<Float>, _ a: PassOperand, _ count: Int, _ f: (Float) -> Float) {
    for i in 0..<count {
        let (from, to) = (a.base + i &* a.stride, d + i &* vectorWidth)
        for lane in 0..<vectorWidth { to[lane] = f(from[lane]) }
    }
}
