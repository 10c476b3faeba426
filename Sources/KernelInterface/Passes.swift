/// What one step of a fused pass does to each element.
public enum PointwiseOperation: Sendable, Equatable {
    case copy
    case negate, tanh, sigmoid, relu, exp, log, sqrt, abs, softplus, sin, cos
    case square, cube, reciprocal, reciprocalSquareRoot
    /// 1 where the operand is greater than 0, elsewhere 0: the derivative of `relu`.
    case positive
    case power(Float)
    case add, subtract, multiply, divide, maximum, minimum
    /// a * b + c, rounded once where the processor can.
    case multiplyAdd

    /// How many operands it reads.
    public var operandCount: Int {
        switch self {
        case .add, .subtract, .multiply, .divide, .maximum, .minimum: 2
        case .multiplyAdd: 3
        default: 1
        }
    }
}

/// One step of a pass: operands by index. Those that an operation does not read are ignored; the result may stand where an operand
/// stood.
public struct PassStep: Sendable {
    public var operation: PointwiseOperation
    public var destination: Int
    public var a: Int
    public var b: Int
    public var c: Int

    @inlinable public init(operation: PointwiseOperation, destination: Int, a: Int, b: Int, c: Int) {
        self.operation = operation
        self.destination = destination
        self.a = a
        self.b = b
        self.c = c
    }
}

/// Where a pass finds or puts a value: whole vectors side by side, or one vector that stands for all of them.
public struct PassOperand {
    public var base: UnsafeMutablePointer<Float>
    /// Floats from one vector to the next: `vectorWidth`, or 0 for a value that is the same everywhere.
    public var stride: Int

    @inlinable public init(base: UnsafeMutablePointer<Float>, stride: Int) {
        self.base = base
        self.stride = stride
    }
}
