import Foundation
import Testing

@testable import Kernels

@Suite struct GradientTests {
    /// Rows that stand further apart than they are long, with NaN between them and a vector of NaN behind the last.
    private struct Rows {
        var numbers: [Float]
        let stride: Int

        init(_ rows: Int, _ columns: Int, _ seed: Double) {
            stride = columns + 3
            numbers = [Float](repeating: .nan, count: rows * stride + vectorWidth)
            let values = KernelTests.numbers(rows * columns, seed)
            for row in 0..<rows {
                numbers.replaceSubrange(row * stride..<row * stride + columns, with: values[row * columns..<(row + 1) * columns])
            }
        }

        subscript(_ row: Int, _ column: Int) -> Double { Double(numbers[row * stride + column]) }
    }

    /// The product, computed in pieces of so many units; what stands between the rows of the result must stay.
    private func product(
        _ table: KernelTable, _ a: Rows, _ aCount: Int, _ b: Rows, _ bCount: Int, rows: Int, start: Float?, piece: Int
    ) -> [Float] {
        let stride = bCount + 5
        var result = [Float](repeating: -7, count: aCount * stride)
        if let start { for i in 0..<aCount { for j in 0..<bCount { result[i * stride + j] = start } } }
        let size = OuterProducts.scratchFloats(rows: rows, bCount: bCount)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: size * 4, alignment: 64).bindMemory(
            to: Float.self, capacity: size)
        scratch.initialize(repeating: .nan, count: size)
        defer { scratch.deallocate() }
        a.numbers.withUnsafeBufferPointer { x in
            b.numbers.withUnsafeBufferPointer { y in
                result.withUnsafeMutableBufferPointer { z in
                    guard let x = x.baseAddress, let y = y.baseAddress, let z = z.baseAddress else { return }
                    let product = OuterProducts(
                        a: x, aStride: a.stride, aCount: aCount, b: y, bStride: b.stride, bCount: bCount, rows: rows, result: z,
                        resultStride: stride, isAdded: start != nil)
                    for unit in pieces(0, product.units, piece) { table.outerProducts(product, unit, scratch) }
                }
            }
        }
        for i in 0..<aCount { for j in bCount..<stride { #expect(result[i * stride + j] == -7) } }
        return (0..<aCount).flatMap { Array(result[$0 * stride..<$0 * stride + bCount]) }
    }

    private func pieces(_ from: Int, _ to: Int, _ piece: Int) -> [Range<Int>] {
        stride(from: from, to: to, by: piece).map { $0..<min(to, $0 + piece) }
    }

    @Test(arguments: Build.all, [(1, 1, 1), (3, 5, 2), (16, 32, 7), (50, 70, 300), (17, 1030, 9), (100, 33, 513)])
    func outerProductsAreSumsOverRows(build: Build, size: (a: Int, b: Int, rows: Int)) {
        let (a, b) = (Rows(size.rows, size.a, 0.31), Rows(size.rows, size.b, 0.77))
        for start in [nil, Float(0.25)] {
            let result = product(build.table, a, size.a, b, size.b, rows: size.rows, start: start, piece: 100)
            var largest = 0.0
            for i in 0..<size.a {
                for j in 0..<size.b {
                    var sum = Double(start ?? 0)
                    for r in 0..<size.rows { sum += a[r, i] * b[r, j] }
                    largest = max(largest, abs(sum - Double(result[i * size.b + j])))
                }
            }
            #expect(largest < 3e-5)
            #expect(product(build.table, a, size.a, b, size.b, rows: size.rows, start: start, piece: 1) == result)
        }
    }

    @Test func buildsThatFuseAgreeToTheBit() {
        let (a, b) = (Rows(300, 50, 0.31), Rows(300, 70, 0.77))
        let results = Build.all.filter(\.fuses).map { product($0.table, a, 50, b, 70, rows: 300, start: nil, piece: 2) }
        for result in results { #expect(result == results.first) }
    }

    @Test(arguments: Build.all) func rowsAreAddedInOrder(build: Build) {
        for (rows, columns) in [(1, 1), (4, 16), (7, 37), (9, 64)] {
            let x = Rows(rows, columns, 0.43)
            for isAdded in [false, true] {
                var result = [Float](repeating: 0.5, count: columns)
                x.numbers.withUnsafeBufferPointer { memory in
                    result.withUnsafeMutableBufferPointer { y in
                        guard let base = memory.baseAddress, let y = y.baseAddress else { return }
                        let sum = RowSum(x: base, stride: x.stride, rows: rows, result: y, isAdded: isAdded)
                        for piece in pieces(0, columns, 16) { build.table.addRows(sum, piece) }
                    }
                }
                let expected = (0..<columns).map { j in (0..<rows).reduce(isAdded ? Float(0.5) : 0) { $0 + Float(x[$1, j]) } }
                #expect(result == expected)
            }
        }
    }

    @Test(arguments: Build.all) func rowsAreAddedWhereTheirTokensSay(build: Build) {
        let (rows, columns, vocabulary) = (9, 37, 4)
        let x = Rows(rows, columns, 0.19)
        let tokens: [Int32] = [2, 0, 2, -1, 3, 2, 0, -5, 3]
        var result = [Float](repeating: 0, count: vocabulary * columns)
        x.numbers.withUnsafeBufferPointer { memory in
            tokens.withUnsafeBufferPointer { tokens in
                result.withUnsafeMutableBufferPointer { y in
                    guard let base = memory.baseAddress, let tokens = tokens.baseAddress, let y = y.baseAddress else { return }
                    let scatter = RowScatter(
                        x: base, stride: x.stride, rows: rows, tokens: tokens, result: y, resultStride: columns)
                    for piece in pieces(0, columns, 32) { build.table.scatterRows(scatter, piece) }
                }
            }
        }
        var expected = [Float](repeating: 0, count: vocabulary * columns)
        for (row, token) in tokens.enumerated() where token >= 0 {
            for j in 0..<columns { expected[Int(token) * columns + j] += Float(x[row, j]) }
        }
        #expect(result == expected)
    }

    @Test(arguments: Build.all) func crossEntropyIsItsFormula(build: Build) {
        for (count, scale) in [(1, Float(1)), (5, 0.5), (16, 0.01), (83, 2)] {
            let logits = numbers(count, 1.7).map { $0 * 40 }
            let target = count / 2
            var gradient = [Float](repeating: .nan, count: count)
            let loss = build.table.crossEntropy(&gradient, logits, count, target, scale)
            let peak = Double(logits.max() ?? 0)
            let total = logits.reduce(0.0) { $0 + exp(Double($1) - peak) }
            #expect(abs(Double(loss) - (log(total) + peak - Double(logits[target]))) < 1e-5 * max(1, Double(loss)))
            for j in 0..<count {
                let expected = (exp(Double(logits[j]) - peak) / total - (j == target ? 1 : 0)) * Double(scale)
                #expect(abs(Double(gradient[j]) - expected) < 1e-6)
            }
        }
    }

    @Test(arguments: Build.all) func positiveIsTheDerivativeOfRelu(build: Build) {
        #expect(build.table.apply(.positive, [-1, 0, -0.0, 1e-30, 3, .infinity, -.infinity]) == [0, 0, 0, 1, 1, 1, 0])
    }

    // MARK: Dropout

    /// Philox4x32-10, as its paper has it.
    private func philox(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let (p, q) = (c[0].multipliedFullWidth(by: 0xd251_1f53), c[2].multipliedFullWidth(by: 0xcd9e_8d57))
            c = [q.high ^ c[1] ^ k[0], q.low, p.high ^ c[3] ^ k[1], p.low]
            k = [k[0] &+ 0x9e37_79b9, k[1] &+ 0xbb67_ae85]
        }
        return c
    }

    /// The known answers of the authors' library, Random123.
    @Test func philoxGivesKnownAnswers() {
        #expect(philox([0, 0, 0, 0], [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        let ones = UInt32.max
        #expect(philox([ones, ones, ones, ones], [ones, ones]) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
        #expect(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0])
                == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    }

    @Test(arguments: Build.all, [Float(0.4), 0, 0.999]) func masksFollowTheirWords(build: Build, rate: Float) {
        let dropout = Dropout(rate: rate, key: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e)
        let threshold = UInt32(rate * 4_294_967_296)
        for count in [1, 16, 63, 64, 200] {
            var mask = [Float](repeating: -7, count: count + 1)
            build.table.dropoutMask(&mask, count, dropout)
            #expect(mask[count] == -7)
            for i in 0..<count {
                let block = UInt32(i / 64 * 16 + i % 16)
                let word = philox([block, 0, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0])[i % 64 / 16]
                #expect(mask[i] == (word < threshold ? 0 : 1 / (1 - rate)))
            }
        }
    }
}
