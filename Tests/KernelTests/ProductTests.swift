import Foundation
import Testing

@testable import Kernels

@Suite struct ProductTests {
    private func numbers(_ count: Int, _ seed: Double) -> [Float] { (0..<count).map { Float(sin(Double($0 + 1) * seed)) } }

    /// y[r, o] = Σ w[o, k] x[r, k], in double precision.
    private func exact(_ w: [Float], _ x: [Float], outputs: Int, inputs: Int, rows: Int) -> [Double] {
        (0..<rows * outputs).map { index in
            let (r, o) = index.quotientAndRemainder(dividingBy: outputs)
            return (0..<inputs).reduce(0) { $0 + Double(w[o * inputs + $1]) * Double(x[r * inputs + $1]) }
        }
    }

    private func multiply(_ packed: PackedMatrix, _ x: [Float], rows: Int, team: ThreadTeam) -> [Float] {
        var y = [Float](repeating: .nan, count: rows * packed.outputs)
        y.withUnsafeMutableBufferPointer { y in
            nonisolated(unsafe) let base = y.baseAddress
            x.withUnsafeBufferPointer { x in
                nonisolated(unsafe) let input = x.baseAddress
                team.run { member in
                    guard let base, let input else { return }
                    packed.multiply(
                        x: input, xStride: packed.inputs, y: base, yStride: packed.outputs, rows: rows,
                        panels: member.share(of: packed.panels))
                }
            }
        }
        return y
    }

    @Test(arguments: [(1, 1), (15, 3), (16, 16), (17, 40), (63, 7), (64, 64), (65, 5), (130, 33), (200, 1)])
    func packedProducts(outputs: Int, inputs: Int) {
        let (w, x) = (numbers(outputs * inputs, 0.37), numbers(7 * inputs, 0.71))
        let packed = w.withUnsafeBufferPointer { w -> PackedMatrix? in
            w.baseAddress.map {
                PackedMatrix([.init(base: $0, outputs: outputs, outputStride: inputs, inputStride: 1)], inputs: inputs)
            }
        }
        guard let packed else { return }
        let whole = multiply(packed, x, rows: 7, team: ThreadTeam(count: 1))
        let expected = exact(w, x, outputs: outputs, inputs: inputs, rows: 7)
        for (a, b) in zip(whole, expected) { #expect(abs(Double(a) - b) < 1e-5) }
        // One row at a time, and on several threads: the same bits.
        for row in 0..<7 {
            let single = multiply(packed, Array(x[row * inputs..<(row + 1) * inputs]), rows: 1, team: ThreadTeam(count: 1))
            #expect(single == Array(whole[row * outputs..<(row + 1) * outputs]))
        }
        for threads in [2, 3, 5] { #expect(multiply(packed, x, rows: 7, team: ThreadTeam(count: threads)) == whole) }
    }

    @Test func stackedAndTransposedSources() {
        let (outputs, inputs) = (21, 9)
        let (w, x) = (numbers(outputs * inputs, 0.91), numbers(inputs, 0.13))
        let transposed = (0..<outputs * inputs).map { w[$0 % outputs * inputs + $0 / outputs] }
        let parts = w.withUnsafeBufferPointer { w in
            transposed.withUnsafeBufferPointer { transposed -> PackedMatrix? in
                guard let w = w.baseAddress, let transposed = transposed.baseAddress else { return nil }
                return PackedMatrix(
                    [
                        .init(base: w, outputs: outputs, outputStride: inputs, inputStride: 1),
                        .init(base: transposed, outputs: outputs, outputStride: 1, inputStride: outputs),
                    ], inputs: inputs)
            }
        }
        guard let parts else { return }
        let y = multiply(parts, x, rows: 1, team: ThreadTeam(count: 1))
        #expect(y.count == 2 * outputs)
        #expect(Array(y[..<outputs]) == Array(y[outputs...]))
        for (a, b) in zip(y, exact(w, x, outputs: outputs, inputs: inputs, rows: 1)) { #expect(abs(Double(a) - b) < 1e-5) }
    }

    @Test(arguments: [1, 5, 16, 31, 100]) func computedProductsAndReductions(size: Int) {
        let (a, x) = (numbers(size * 13, 0.29), numbers(max(size, 13), 0.53))
        var y = [Float](repeating: 0, count: 13)
        MatrixVector.multiply(&y, matrix: a, vector: x, rows: 13, columns: size)
        for (i, value) in y.enumerated() {
            #expect(abs(Double(value) - (0..<size).reduce(0) { $0 + Double(a[i * size + $1]) * Double(x[$1]) }) < 1e-5)
        }
        var z = [Float](repeating: 0, count: size)
        MatrixVector.multiply(&z, vector: x, matrix: a, rows: 13, columns: size)
        for (j, value) in z.enumerated() {
            #expect(abs(Double(value) - (0..<13).reduce(0) { $0 + Double(a[$1 * size + j]) * Double(x[$1]) }) < 1e-5)
        }
        #expect(abs(Double(Reduction.sum(a, size)) - a[..<size].reduce(0) { $0 + Double($1) }) < 1e-5)
        var soft = [Float](repeating: 0, count: size)
        Reduction.softmax(&soft, a, size)
        let terms = a[..<size].map { exp(Double($0)) }
        for (value, term) in zip(soft, terms) { #expect(abs(Double(value) - term / terms.reduce(0, +)) < 1e-6) }
    }

    @Test func softmaxOfLargeNumbersIsFinite() {
        var y = [Float](repeating: 0, count: 3)
        Reduction.softmax(&y, [1e30, 1e30, -1e30], 3)
        #expect(y == [0.5, 0.5, 0])
    }
}
