import Foundation
import Testing

@testable import Kernels

/// Pointwise functions of every build against the C library in double precision.
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
        Function(name: "log", operation: .log, range: 1e-30...1e30, ulps: 2) { log($0) },
        Function(name: "log near 1", operation: .log, range: 0.3...3, ulps: 2) { log($0) },
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
        Function(name: "1/sqrt", operation: .reciprocalSquareRoot, range: 1e-20...1e30, ulps: 1.5) { 1 / $0.squareRoot() },
        Function(name: "sin far away", operation: .sin, range: -1e6...2e8, ulps: 1.5) { sin($0) },
        Function(name: "cos far away", operation: .cos, range: -2e8...1e6, ulps: 1.5) { cos($0) },
        Function(name: "power 3.0000002", operation: .power(3.0000002), range: -3e9...3e9, ulps: 0.6) {
            $0 < 0 ? .nan : pow($0, Double(Float(3.0000002)))
        },
        Function(name: "power -7", operation: .power(-7), range: -20...20, ulps: 0.6) { pow($0, -7) },
        Function(name: "power", operation: .power(1.7), range: 0.001...1000, ulps: 1.5) { pow($0, Double(Float(1.7))) },
    ]

    @Test(arguments: functions, Build.all) func accuracy(_ function: Function, of build: Build) {
        let count = 40_003  // no multiple of the vector's width
        let (low, high) = (Double(function.range.lowerBound), Double(function.range.upperBound))
        let x = (0..<count).map { Float(low + (high - low) * Double($0) / Double(count - 1)) }
        let y = build.table.apply(function.operation, x)
        var worst = 0.0
        for (a, b) in zip(x, y) {
            let exact = function.exact(Double(a))
            let unit = Double(max(Float(abs(exact)).ulp, Float.leastNormalMagnitude))
            if exact.isNaN && b.isNaN || Double(b) == exact { continue }
            worst = max(worst, abs(Double(b) - exact) / unit)
        }
        #expect(worst <= function.ulps, "\(worst) ulp")
    }

    @Test(arguments: Build.all) func edges(of build: Build) {
        let x: [Float] = [-.infinity, .infinity, .nan, -200, 200, 0, -0.0]
        func apply(_ operation: PointwiseOperation) -> [Float] { build.table.apply(operation, x) }
        let (exp, sigmoid, tanh, softplus, log) = (apply(.exp), apply(.sigmoid), apply(.tanh), apply(.softplus), apply(.log))
        #expect(Array(exp[0...1]) == [0, .infinity] && exp[2].isNaN && Array(exp[3...5]) == [0, .infinity, 1])
        #expect(sigmoid[0] < 2e-38 && sigmoid[1] == 1 && sigmoid[2].isNaN && sigmoid[3] < 2e-38)
        #expect(Array(sigmoid[4...5]) == [1, 0.5])
        #expect(Array(tanh[0...1]) == [-1, 1] && tanh[2].isNaN && Array(tanh[3...5]) == [-1, 1, 0])
        #expect(Array(softplus[0...1]) == [0, .infinity] && softplus[2].isNaN)
        #expect(Array(softplus[3...4]) == [0, 200] && abs(softplus[5] - Float(Foundation.log(2.0))) <= Float(0.5).ulp * 3)
        #expect(log[0].isNaN && log[1] == .infinity && log[2].isNaN && log[3].isNaN && log[5] == -.infinity)
        #expect(build.table.apply(.log, [1, Float.leastNonzeroMagnitude * 1000])[0] == 0)
    }

    /// Builds that round a product and a sum once compute the same bits.
    @Test(arguments: functions) func buildsAgree(on function: Function) {
        let x = (0..<3000).map {
            function.range.lowerBound + Float($0) / 3000 * (function.range.upperBound - function.range.lowerBound)
        }
        let results = Build.all.filter(\.fuses).map { $0.table.apply(function.operation, x).map(\.bitPattern) }
        for result in results.dropFirst() { #expect(result == results[0]) }
    }

    @Test(arguments: Build.all) func operationsOfSeveralOperands(of build: Build) {
        let (a, b, c) = (numbers(50, 0.37), numbers(50, 0.71), numbers(50, 0.13))
        func check(_ operation: PointwiseOperation, _ exact: (Float, Float, Float) -> Float) {
            let result = build.table.apply(operation, a, b, c)
            for i in a.indices { #expect(abs(result[i] - exact(a[i], b[i], c[i])) <= 2.4e-7, "\(operation)") }
        }
        check(.add) { a, b, _ in a + b }
        check(.subtract) { a, b, _ in a - b }
        check(.multiply) { a, b, _ in a * b }
        check(.maximum) { a, b, _ in max(a, b) }
        check(.minimum) { a, b, _ in min(a, b) }
        check(.multiplyAdd) { a, b, c in a * b + c }
        let quotients = build.table.apply(.divide, a, b)
        for i in a.indices { #expect(quotients[i] == a[i] / b[i]) }
    }

    /// One value that stands for all elements.
    @Test(arguments: Build.all) func repeatedOperands(of build: Build) {
        var (a, b, d) = (numbers(64, 0.9), [Float](repeating: 2.5, count: 16), [Float](repeating: 0, count: 64))
        a.withUnsafeMutableBufferPointer { a in
            b.withUnsafeMutableBufferPointer { b in
                d.withUnsafeMutableBufferPointer { d in
                    guard let a = a.baseAddress, let b = b.baseAddress, let d = d.baseAddress else { return }
                    let places = [
                        PassOperand(base: a, stride: 16), PassOperand(base: b, stride: 0), PassOperand(base: d, stride: 16),
                    ]
                    let steps = [PassStep(operation: .multiply, destination: 2, a: 0, b: 1, c: 0)]
                    build.table.pass(steps, 1, places, 4)
                }
            }
        }
        #expect(d == a.map { $0 * 2.5 })
    }
}
