import Foundation
import Testing

@testable import Kernels

/// Pointwise functions against the C library in double precision.
@Suite struct PointwiseTests {
    struct Function: Sendable, CustomTestStringConvertible {
        var name: String
        var operation: PointwiseOperation
        var range: ClosedRange<Float>
        /// Units in the last place of the result, and an absolute error below which they do not count.
        var ulps: Double
        var exact: @Sendable (Double) -> Double
        var testDescription: String { name }
    }

    static let functions = [
        Function(name: "exp", operation: .exp, range: -87...88.7, ulps: 2) { exp($0) },
        Function(name: "sigmoid", operation: .sigmoid, range: -80...80, ulps: 4) { 1 / (1 + exp(-$0)) },
        Function(name: "tanh", operation: .tanh, range: -20...20, ulps: 6) { tanh($0) },
        Function(name: "log", operation: .log, range: 1e-30...1e30, ulps: 1.5) { log($0) },
        Function(name: "sqrt", operation: .sqrt, range: 0...1e30, ulps: 0.51) { $0.squareRoot() },
        Function(name: "softplus", operation: .softplus, range: -80...80, ulps: 3) { max($0, 0) + log1p(exp(-abs($0))) },
        Function(name: "sin", operation: .sin, range: -100...100, ulps: 1.5) { sin($0) },
        Function(name: "cos", operation: .cos, range: -100...100, ulps: 1.5) { cos($0) },
        Function(name: "relu", operation: .relu, range: -10...10, ulps: 0) { max($0, 0) },
        Function(name: "abs", operation: .abs, range: -10...10, ulps: 0) { abs($0) },
        Function(name: "negate", operation: .negate, range: -10...10, ulps: 0) { -$0 },
        Function(name: "square", operation: .square, range: -10...10, ulps: 0.51) { $0 * $0 },
        Function(name: "cube", operation: .cube, range: -10...10, ulps: 1.51) { $0 * $0 * $0 },
        Function(name: "reciprocal", operation: .reciprocal, range: 0.001...1000, ulps: 0.51) { 1 / $0 },
        Function(name: "power", operation: .power(1.7), range: 0.001...1000, ulps: 1.5) { pow($0, Double(Float(1.7))) },
    ]

    @Test(arguments: functions) func accuracy(_ function: Function) {
        let count = 40_003  // no multiple of the vector's width
        let (low, high) = (Double(function.range.lowerBound), Double(function.range.upperBound))
        let x = (0..<count).map { Float(low + (high - low) * Double($0) / Double(count - 1)) }
        var y = [Float](repeating: 0, count: count)
        Pointwise.apply(function.operation, &y, x, x, count)
        var worst = 0.0
        for (a, b) in zip(x, y) {
            let exact = function.exact(Double(a))
            let unit = Double(max(Float(abs(exact)).ulp, Float.leastNormalMagnitude))
            worst = max(worst, abs(Double(b) - exact) / unit)
        }
        #expect(worst <= function.ulps, "\(worst) ulp")
    }

    @Test func edges() {
        let x: [Float] = [-.infinity, .infinity, .nan, -200, 200, 0, -0.0]
        func apply(_ operation: PointwiseOperation) -> [Float] {
            var y = [Float](repeating: 7, count: x.count)
            Pointwise.apply(operation, &y, x, x, x.count)
            return y
        }
        #expect(
            Array(apply(.exp)[0...1]) == [0, .infinity] && apply(.exp)[2].isNaN && Array(apply(.exp)[3...5]) == [0, .infinity, 1])
        #expect(
            Array(apply(.sigmoid)[0...1]) == [0, 1] && apply(.sigmoid)[2].isNaN && Array(apply(.sigmoid)[3...5]) == [0, 1, 0.5])
        #expect(Array(apply(.tanh)[0...1]) == [-1, 1] && apply(.tanh)[2].isNaN && Array(apply(.tanh)[3...5]) == [-1, 1, 0])
        #expect(Array(apply(.softplus)[3...5]) == [0, 200, Float(log(2.0))])
    }

    /// Where an element stands in a run does not matter, to the bit.
    @Test(arguments: [PointwiseOperation.exp, .tanh, .sigmoid, .softplus, .multiply, .divide, .maximum])
    func placeDoesNotMatter(_ operation: PointwiseOperation) {
        let a = (0..<100).map { Float($0) * 0.173 - 8 }
        let b = (0..<100).map { 3 - Float($0) * 0.071 }
        var whole = [Float](repeating: 0, count: 100)
        Pointwise.apply(operation, &whole, a, b, 100)
        for start in 0..<40 {
            for count in [1, 5, 16, 17, 40] {
                var part = [Float](repeating: 0, count: count)
                Pointwise.apply(operation, &part, Array(a[start..<start + count]), Array(b[start..<start + count]), count)
                #expect(part == Array(whole[start..<start + count]))
            }
        }
    }
}
