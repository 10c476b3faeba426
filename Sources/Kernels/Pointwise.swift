#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What one step of a fused pass does to each element.
public enum PointwiseOperation: Sendable, Equatable {
    case copy
    case negate, tanh, sigmoid, relu, exp, log, sqrt, abs, softplus, sin, cos
    case square, cube, reciprocal
    case power(Float)
    case add, subtract, multiply, divide, maximum, minimum

    /// Whether it reads a second operand.
    public var isBinary: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .maximum, .minimum: true
        default: false
        }
    }
}

/// Operations on runs of contiguous floats. `b` is ignored by operations of one operand; `d` may be `a` or `b`.
public enum Pointwise {
    public static func apply(
        _ operation: PointwiseOperation, _ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>,
        _ b: UnsafePointer<Float>, _ count: Int
    ) {
        switch operation {
        case .copy: d.update(from: a, count: count)
        case .negate: map(d, a, count) { Vector.zero - $0 }
        case .tanh: map(d, a, count, hyperbolicTangent)
        case .sigmoid: map(d, a, count, logistic)
        case .relu: map(d, a, count) { $0.replacing(with: 0, where: $0 .<= Vector.zero) }
        case .exp: map(d, a, count, exponential)
        case .sqrt: map(d, a, count) { $0.squareRoot() }
        case .abs: map(d, a, count) { Vector.maximum($0, Vector.zero - $0) }
        case .square: map(d, a, count) { $0 * $0 }
        case .cube: map(d, a, count) { $0 * $0 * $0 }
        case .reciprocal: map(d, a, count) { Vector(repeating: 1) / $0 }
        case .log: each(d, a, count) { logf($0) }
        case .softplus: each(d, a, count) { Swift.max($0, 0) + log1pf(expf(-Swift.abs($0))) }
        case .sin: each(d, a, count) { sinf($0) }
        case .cos: each(d, a, count) { cosf($0) }
        case .power(let exponent): each(d, a, count) { powf($0, exponent) }
        case .add: map(d, a, b, count) { $0 + $1 }
        case .subtract: map(d, a, b, count) { $0 - $1 }
        case .multiply: map(d, a, b, count) { $0 * $1 }
        case .divide: map(d, a, b, count) { $0 / $1 }
        case .maximum: map(d, a, b, count) { $1.replacing(with: $0, where: $0 .> $1) }
        case .minimum: map(d, a, b, count) { $1.replacing(with: $0, where: $0 .< $1) }
        }
    }

    /// The last, incomplete vector takes the same road as the others, so that where an element stands does not matter.
    @inline(__always)
    private static func map(
        _ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ count: Int, _ f: (Vector) -> Vector
    ) {
        var i = 0
        while i &+ vectorWidth <= count {
            f(Vector.load(a + i)).store(d + i)
            i &+= vectorWidth
        }
        if i < count { f(Vector.load(a + i, first: count &- i)).store(d + i, first: count &- i) }
    }

    @inline(__always)
    private static func map(
        _ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int,
        _ f: (Vector, Vector) -> Vector
    ) {
        var i = 0
        while i &+ vectorWidth <= count {
            f(Vector.load(a + i), Vector.load(b + i)).store(d + i)
            i &+= vectorWidth
        }
        let rest = count &- i
        if rest > 0 { f(Vector.load(a + i, first: rest), Vector.load(b + i, first: rest)).store(d + i, first: rest) }
    }

    @inline(__always)
    private static func each(
        _ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ count: Int, _ f: (Float) -> Float
    ) {
        for i in 0..<count { d[i] = f(a[i]) }
    }
}
