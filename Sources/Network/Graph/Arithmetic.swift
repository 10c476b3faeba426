#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The pointwise functions in double precision, as the interpreter and constant folding compute them.
enum Arithmetic {
    static func sigmoid(_ x: Double) -> Double {
        // exp of a negative number only, so that nothing overflows
        let e = exp(-abs(x))
        return x >= 0 ? 1 / (1 + e) : e / (1 + e)
    }

    static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

    static func power(_ x: Double, _ exponent: Double) -> Double { exponent == 2 ? x * x : pow(x, exponent) }

    static func value(of function: Operator.Function, _ x: Double) -> Double {
        switch function {
        case .negate: -x
        case .tanh: tanh(x)
        case .sigmoid: sigmoid(x)
        case .relu: x > 0 ? x : 0
        case .exp: exp(x)
        case .log: log(x)
        case .sqrt: x.squareRoot()
        case .abs: abs(x)
        case .softplus: softplus(x)
        case .sin: sin(x)
        case .cos: cos(x)
        case .positive: x > 0 ? 1 : 0
        }
    }
}
