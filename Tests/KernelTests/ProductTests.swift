import Foundation
import Testing

@testable import Kernels

/// Packed products of every build and every type of weights against sums in double precision; and however they are divided, the
/// same bits.
@Suite struct ProductTests {
    /// A matrix of several parts as it is stored, and the numbers that it stands for.
    struct Stored {
        let type: ElementType
        let outputs: Int
        let inputs: Int
        let parts: Int
        var bytes: [[UInt8]] = []
        /// [part][output * inputs + input]
        var values: [[Double]] = []
        private var rowByteCount: Int {
            switch type {
            case .f32: inputs * 4
            case .f16, .bf16: inputs * 2
            case .q8: (inputs + 31) / 32 * 34
            case .q4: (inputs + 31) / 32 * 18
            }
        }

        init(_ type: ElementType, outputs: Int, inputs: Int, parts: Int) {
            (self.type, self.outputs, self.inputs, self.parts) = (type, outputs, inputs, parts)
            for part in 0..<parts {
                let numbers = numbers(outputs * inputs, 0.37 + 0.1 * Double(part))
                var (bytes, values): ([UInt8], [Double]) = ([], [])
                for row in 0..<outputs { append(Array(numbers[row * inputs..<(row + 1) * inputs]), &bytes, &values) }
                self.bytes.append(bytes)
                self.values.append(values)
            }
        }

        private func append(_ row: [Float], _ bytes: inout [UInt8], _ values: inout [Double]) {
            func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
            switch type {
            case .f32:
                for x in row {
                    add(x.bitPattern)
                    values.append(Double(x))
                }
            case .f16:
                // Truncated: any halves will do.
                for x in row {
                    let half = UInt16(x.bitPattern >> 16 & 0x8000) | UInt16(max(0, Int(x.bitPattern >> 23 & 0xff) - 112) << 10)
                    add(half)
                    values.append(Double(Float(halfBits: half)))
                }
            case .bf16:
                for x in row {
                    add(UInt16(x.bitPattern >> 16))
                    values.append(Double(Float(bitPattern: x.bitPattern & 0xffff_0000)))
                }
            case .q8, .q4:
                for start in stride(from: 0, to: row.count, by: 32) {
                    // A scale of 2^-7 or 2^-3, and of another size from block to block.
                    let half: UInt16 = (type == .q8 ? 0x2000 : 0x3000) + UInt16(start / 32 % 3) << 10
                    let scale = Double(Float(halfBits: half))
                    let whole = (0..<32).map { i -> Int in
                        guard start + i < row.count else { return 0 }
                        let limit = type == .q8 ? -128...127 : -8...7
                        return max(limit.lowerBound, min(limit.upperBound, Int((Double(row[start + i]) * 130).rounded())))
                    }
                    add(half)
                    if type == .q8 {
                        for q in whole { add(Int8(q)) }
                    } else {
                        for i in 0..<16 { add(UInt8(whole[i] + 8) | UInt8(whole[i + 16] + 8) << 4) }
                    }
                    for i in 0..<min(32, row.count - start) { values.append(scale * Double(whole[i])) }
                }
            }
        }

        func packed() -> PackedMatrix {
            let kept = bytes.map { bytes -> UnsafeMutableRawBufferPointer in
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
                copy.copyBytes(from: bytes)
                return copy
            }
            defer { for copy in kept { copy.deallocate() } }
            let sources = kept.compactMap { bytes in
                bytes.baseAddress.map {
                    PackedMatrix.Source(
                        base: UnsafeRawPointer($0), outputStride: rowByteCount, inputStride: type == .f32 ? 4 : 2)
                }
            }
            return PackedMatrix(sources, type: type, outputs: outputs, inputs: inputs)
        }
    }

    /// y[row][part][output], parts and rows with gaps between them that nothing may write to.
    private func multiply(_ packed: PackedMatrix, _ x: [Float], rows: Int, _ build: Build, pieces: Int = 1) -> [Float] {
        let partStride = packed.outputs + 3
        let rowStride = partStride * packed.parts + 5
        var y = [Float](repeating: .nan, count: rows * rowStride)
        // Guarded, too: what no vector may be written over.
        let size = QuantizedVector.floats(packed.inputs)
        var rounded = [Float](repeating: 77, count: rows * size + 1)
        x.withUnsafeBufferPointer { x in
            y.withUnsafeMutableBufferPointer { y in
                rounded.withUnsafeMutableBufferPointer { rounded in
                    guard let x = x.baseAddress, let y = y.baseAddress, let rounded = rounded.baseAddress else { return }
                    for row in 0..<rows {
                        build.table.quantize(
                            x + row * packed.inputs, packed.inputs, rounded + row * size,
                            0..<QuantizedVector.stretches(packed.inputs))
                    }
                    let isQuantized = packed.type.isQuantized
                    let product = Product(
                        x: isQuantized ? UnsafePointer(rounded) : x, inputStride: isQuantized ? size : packed.inputs, y: y,
                        outputStride: rowStride, partStride: partStride, rows: rows)
                    let units = packed.blocks.units
                    for piece in 0..<pieces {
                        packed.multiply(
                            product, units: units * piece / pieces..<units * (piece + 1) / pieces, kernels: build.table)
                    }
                }
            }
        }
        #expect(rounded[rows * size] == 77)
        var results: [Float] = []
        for (index, value) in y.enumerated() {
            let (part, output) = (index % rowStride / partStride, index % rowStride % partStride)
            if part < packed.parts, output < packed.outputs { results.append(value) } else { #expect(value.isNaN) }
        }
        return results
    }

    static let sizes = [
        (1, 1), (15, 3), (16, 16), (17, 40), (63, 7), (64, 64), (65, 5), (130, 33), (200, 1), (96, 100), (70, 555),
    ]

    @Test(arguments: ElementType.allCases, Build.all)
    func packedProducts(of type: ElementType, by build: Build) {
        for (index, (outputs, inputs)) in Self.sizes.enumerated() {
            let stored = Stored(type, outputs: outputs, inputs: inputs, parts: 1 + index % 5)
            let packed = stored.packed()
            let x = numbers(11 * inputs, 0.71)
            let whole = multiply(packed, x, rows: 11, build)
            compare(whole, stored, x, rows: 11, build)
            // One row at a time, fewer rows at once, and in pieces: the same bits.
            let width = packed.parts * outputs
            for row in 0..<11 {
                let single = multiply(packed, Array(x[row * inputs..<(row + 1) * inputs]), rows: 1, build)
                #expect(single == Array(whole[row * width..<(row + 1) * width]), "row \(row)")
            }
            for rows in [2, 3, 4, 5, 8] {
                #expect(multiply(packed, Array(x[..<(rows * inputs)]), rows: rows, build) == Array(whole[..<(rows * width)]))
            }
            for pieces in [2, 3, 5] {
                #expect(multiply(packed, x, rows: 11, build, pieces: pieces) == whole)
                #expect(multiply(packed, x, rows: 1, build, pieces: pieces) == Array(whole[..<width]))
            }
        }
    }

    private func compare(_ found: [Float], _ stored: Stored, _ x: [Float], rows: Int, _ build: Build) {
        let (outputs, inputs) = (stored.outputs, stored.inputs)
        var seen = x.map(Double.init)
        if stored.type.isQuantized {
            // Rounded by the definition, in double precision but for the scale.
            for row in 0..<rows {
                for start in stride(from: 0, to: inputs, by: 256) {
                    let range = row * inputs + start..<row * inputs + min(start + 256, inputs)
                    let largest = x[range].map { abs($0) }.max() ?? 0
                    for i in range where largest > 0 {
                        seen[i] = Double(largest / 127) * Double((x[i] * (127 / largest)).rounded(.toNearestOrEven))
                    }
                }
            }
        }
        var index = 0
        for row in 0..<rows {
            for part in 0..<stored.parts {
                for output in 0..<outputs {
                    let exact = (0..<inputs).reduce(0.0) {
                        $0 + stored.values[part][output * inputs + $1] * seen[row * inputs + $1]
                    }
                    #expect(abs(Double(found[index]) - exact) <= 2e-5 * max(1, abs(exact)), "\(stored.type) \(outputs)x\(inputs)")
                    index += 1
                }
            }
        }
    }

    /// Builds that round a product and a sum once compute the same bits.
    @Test(arguments: ElementType.allCases) func buildsAgree(on type: ElementType) {
        let packed = Stored(type, outputs: 77, inputs: 301, parts: 3).packed()
        let x = numbers(9 * 301, 0.77)
        let builds = Build.all.filter(\.fuses)
        let results = builds.map { multiply(packed, x, rows: 9, $0).map(\.bitPattern) }
        for (build, result) in zip(builds, results).dropFirst() { #expect(result == results[0], "\(build.instructions)") }
    }

    @Test func transposedSources() {
        let (outputs, inputs) = (21, 9)
        let (w, x) = (numbers(outputs * inputs, 0.91), numbers(inputs, 0.13))
        let transposed = (0..<outputs * inputs).map { w[$0 % outputs * inputs + $0 / outputs] }
        let packed = w.withUnsafeBytes { w in
            transposed.withUnsafeBytes { transposed -> PackedMatrix? in
                guard let w = w.baseAddress, let transposed = transposed.baseAddress else { return nil }
                return PackedMatrix(
                    [
                        .init(base: w, outputStride: 4 * inputs, inputStride: 4),
                        .init(base: transposed, outputStride: 4, inputStride: 4 * outputs),
                    ], outputs: outputs, inputs: inputs)
            }
        }
        guard let packed else { return }
        for build in Build.all {
            let y = multiply(packed, x, rows: 1, build)
            #expect(y.count == 2 * outputs && Array(y[..<outputs]) == Array(y[outputs...]))
        }
    }

    @Test(arguments: Build.all) func roundedVectors(of build: Build) {
        let count = 1046  // four stretches and a part of one
        let blocks = 33
        var x = numbers(count, 0.57)
        for i in 256..<512 { x[i] = 0 }
        for i in 512..<768 { x[i] *= 1e-33 }
        x[800] = .infinity
        x[1045] = 3
        var room = [Float](repeating: 9, count: QuantizedVector.floats(count) + 1)
        build.table.quantize(x, count, &room, 0..<2)
        build.table.quantize(x, count, &room, 2..<5)
        let values = room.withUnsafeBytes { Array($0.bindMemory(to: Int8.self).prefix(blocks * 32)) }
        let sums = room[blocks * 8..<blocks * 9].map { Int32(bitPattern: $0.bitPattern) }
        let scales = Array(room[(blocks * 9)...])
        #expect(scales.count == 6 && scales[5] == 9)
        #expect(values[..<256].contains { abs(Int($0)) == 127 })
        for i in 0..<256 { #expect(abs(scales[0] * Float(values[i]) - x[i]) <= scales[0] * 0.5001) }
        #expect(values[256..<768].allSatisfy { $0 == 0 } && scales[1...2] == [0, 0])
        #expect(!scales[3].isFinite)
        #expect(values[1045] == 127 && values[1046...].allSatisfy { $0 == 0 })
        for block in 0..<blocks where !(24..<32).contains(block) {
            #expect(Int(sums[block]) == -128 * values[block * 32..<block * 32 + 32].reduce(0) { $0 + Int($1) })
        }
    }

    @Test(arguments: [1, 5, 16, 31, 100], Build.all) func computedProductsAndReductions(size: Int, build: Build) {
        let table = build.table
        let (a, x) = (numbers(size * 13, 0.29), numbers(max(size, 13), 0.53))
        var y = [Float](repeating: 0, count: 13)
        table.matrixVector(&y, a, x, 13, size)
        for (i, value) in y.enumerated() {
            #expect(abs(Double(value) - (0..<size).reduce(0) { $0 + Double(a[i * size + $1]) * Double(x[$1]) }) < 1e-5)
        }
        var z = [Float](repeating: 0, count: size)
        table.vectorMatrix(&z, x, a, 13, size)
        for (j, value) in z.enumerated() {
            #expect(abs(Double(value) - (0..<13).reduce(0) { $0 + Double(a[$1 * size + j]) * Double(x[$1]) }) < 1e-5)
        }
        #expect(abs(Double(table.sum(a, size)) - a[..<size].reduce(0) { $0 + Double($1) }) < 1e-5)
        var soft = [Float](repeating: 0, count: size)
        table.softmax(&soft, a, size)
        let terms = a[..<size].map { exp(Double($0)) }
        for (value, term) in zip(soft, terms) { #expect(abs(Double(value) - term / terms.reduce(0, +)) < 1e-6) }
    }

    @Test(arguments: Build.all) func softmaxOfLargeNumbersIsFinite(build: Build) {
        var y = [Float](repeating: 0, count: 3)
        build.table.softmax(&y, [1e30, 1e30, -1e30], 3)
        #expect(y == [0.5, 0.5, 0])
    }
}
