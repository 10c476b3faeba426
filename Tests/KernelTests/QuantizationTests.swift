import Foundation
import Testing

@testable import Kernels

/// Random numbers that are the same in every run (SplitMix64).
private struct TestRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Against NumPy, which makes the blocks by the specification, and the `gguf` package, which reads them: make_quantized.py.
@Suite struct QuantizationTests {
    struct Case: Decodable, Sendable {
        struct Blocks: Decodable, Sendable {
            let blocks: Data
            let values: Data
        }
        let title: String
        let shape: [Int]
        let axis: Int
        let input: Data
        let q8: Blocks
        let q4: Blocks

        func expected(_ type: ElementType) -> Blocks { type == .q8 ? q8 : q4 }
        var tensor: Tensor { Tensor(shape: shape, values: floats(input)) }
    }

    static func floats(_ data: Data) -> [Float] {
        data.withUnsafeBytes { bytes in
            (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    static func cases() throws -> [Case] {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/quantized", withExtension: "json"))
        return try JSONDecoder().decode([Case].self, from: Data(contentsOf: url))
    }

    @Test(arguments: [ElementType.q8, .q4]) func blocksAreThoseOfTheSpecification(type: ElementType) throws {
        let cases = try Self.cases()
        #expect(cases.count == 10)
        for one in cases {
            let made = try one.tensor.converted(to: type, blockAxis: one.axis)
            #expect(made.elementType == type && made.shape == one.shape && made.blockAxis == one.axis)
            #expect(made.storage.withUnsafeBytes { Data($0) } == one.expected(type).blocks, "\(one.title)")
        }
    }

    @Test(arguments: [ElementType.q8, .q4]) func blocksAreReadAsOthersReadThem(type: ElementType) throws {
        for one in try Self.cases() {
            let blocks = one.expected(type).blocks
            let storage = TensorStorage(byteCount: blocks.count) { $0.copyBytes(from: blocks) }
            let tensor = Tensor(type, shape: one.shape, blockAxis: one.axis, storage: storage)
            #expect(tensor.floats() == floats(one.expected(type).values), "\(one.title)")
            #expect(tensor.dequantized.elementType == .f32)
            #expect(tensor.dequantized.floats() == tensor.floats())
            #expect(tensor.firstNonFinite == nil)
        }
    }

    private func floats(_ data: Data) -> [Float] { Self.floats(data) }

    /// The bounds of zoo/FORMAT.md, section 3, over scales of all sizes.
    @Test func errorsStayWithinTheirBounds() throws {
        var random = TestRandom(state: 1)
        for exponent in -40...18 {
            let size = Float(sign: .plus, exponent: exponent, significand: 1)
            for _ in 0..<20 {
                let x = (0..<32).map { _ in size * Float.random(in: -1...1, using: &random) }
                let tensor = Tensor(shape: [32], values: x)
                try check(x, try tensor.converted(to: .q8)) { d, _ in max(d * (0.5 + 0x1p-18), 127 * 0x1p-25) }
                try check(x, try tensor.converted(to: .q4)) { d, inside in
                    max(abs(d) * (inside ? 0.5 + 0x1p-21 : 1.004), 0x1p-22)
                }
            }
        }
    }

    private func check(_ x: [Float], _ tensor: Tensor, _ bound: (_ scale: Double, _ isInside: Bool) -> Double) throws {
        let d = Double(tensor.storage.withUnsafeBytes { Float(halfBits: $0.loadUnaligned(as: UInt16.self)) })
        for (value, stored) in zip(x, tensor.floats()) {
            let steps = d == 0 ? 0 : Double(value) / d
            let error = abs(Double(value) - Double(stored))
            let limit = bound(d, (-8.5...7.5).contains(steps))
            #expect(error <= limit, "\(value) was stored as \(stored), scale \(d)")
        }
    }

    /// A search for a better scale never makes a block worse than the plain scale does.
    @Test func theSearchNeverLoses() throws {
        for one in try Self.cases() where one.axis == one.shape.count - 1 && one.shape.last == 32 {
            let (x, stored) = (one.tensor.floats(), try one.tensor.converted(to: .q4).floats())
            for start in stride(from: 0, to: x.count, by: 32) {
                let block = Array(x[start..<start + 32])
                let largest = block.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
                let d = Float(halfBits: (largest / -8).halfBits)
                func squares(_ values: [Float]) -> Double {
                    zip(block, values).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
                }
                let plain = block.map { d == 0 ? 0 : d * min(max(($0 / d).rounded(.toNearestOrEven), -8), 7) }
                #expect(squares(Array(stored[start..<start + 32])) <= squares(plain) * 1.000001)
            }
        }
    }

    @Test func theSmallestByteIsRead() {
        let storage = TensorStorage(byteCount: 34) { bytes in
            bytes.storeBytes(of: 0x3c00, as: UInt16.self)
            bytes[2] = 0x80
        }
        #expect(Tensor(.q8, shape: [2], storage: storage).floats() == [-128, 0])
    }

    /// What does not fit: the tensor stays what it was, and the caller is told.
    @Test func whatHasNoScaleIsRefused() throws {
        let nan = Tensor(shape: [2, 2], values: [0, 1, .nan, .infinity])
        let large = Tensor(shape: [1, 2], values: [1, -9e6])
        for type in [ElementType.q8, .q4] {
            #expect(throws: QuantizationError.notFinite(index: 2)) { try nan.converted(to: type) }
            #expect(throws: QuantizationError.tooLarge(value: -9e6, type: type)) { try large.converted(to: type) }
        }
        #expect(throws: QuantizationError.tooLarge(value: -9e6, type: .f16)) { try large.converted(to: .f16) }
        let huge = Tensor(shape: [1], values: [.greatestFiniteMagnitude])
        #expect(throws: QuantizationError.tooLarge(value: .greatestFiniteMagnitude, type: .bf16)) {
            try huge.converted(to: .bf16)
        }
        #expect(try nan.converted(to: .bf16).floats()[3] == .infinity)
        #expect(try nan.converted(to: .f16).floats()[2].isNaN)
    }

    @Test func scalesThatAreNotFiniteAreFound() {
        for scale: UInt16 in [0x7c00, 0xfc00, 0x7e00] {
            for type in [ElementType.q8, .q4] {
                let storage = TensorStorage(byteCount: 2 * type.blockByteCount) { bytes in
                    bytes.storeBytes(of: scale, toByteOffset: type.blockByteCount, as: UInt16.self)
                }
                #expect(Tensor(type, shape: [2, 5], storage: storage).firstNonFinite == 5)
            }
        }
    }

    /// Every float whose upper half is any of the 65,536, and its neighbours, against the standard library.
    @Test func floatsBecomeHalves() {
        for upper in UInt32(0)...0xffff {
            for lower: UInt32 in [0, 1, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let value = Float(bitPattern: upper << 16 | lower)
                let theirs = Float16(value)
                let ours = value.halfBits
                if theirs.isNaN {
                    #expect(Float(halfBits: ours).isNaN)
                } else if ours != theirs.bitPattern {
                    Issue.record("\(value)")
                }
            }
        }
    }

    @Test func floatsBecomeBrainFloats() {
        let expected: [(UInt32, UInt16)] = [
            (0x3f80_0000, 0x3f80), (0x3f80_8000, 0x3f80), (0x3f81_8000, 0x3f82), (0x3f80_8001, 0x3f81), (0x7f7f_ffff, 0x7f80),
            (0x8000_0001, 0x8000), (0xff80_0000, 0xff80), (0x7f80_0001, 0x7fc0), (0xffff_ffff, 0xffff),
        ]
        for (bits, brain) in expected { #expect(Float(bitPattern: bits).brainBits == brain) }
    }

    @Test func theBytesDoNotDependOnThreads() throws {
        var random = TestRandom(state: 1)
        let tensor = Tensor(shape: [97, 300], values: (0..<29100).map { _ in Float.random(in: -1...1, using: &random) })
        for (type, axis) in [(ElementType.q8, 0), (.q8, 1), (.q4, 0), (.q4, 1)] {
            let one = try tensor.converted(to: type, blockAxis: axis, team: ThreadTeam(count: 1))
            let three = try tensor.converted(to: type, blockAxis: axis, team: ThreadTeam(count: 3))
            #expect(one.storage.withUnsafeBytes { Array($0) } == three.storage.withUnsafeBytes { Array($0) })
        }
    }

    /// Of a matrix, lines are the outputs in their order whichever way it is stored.
    @Test func linesAreOutputs() throws {
        let ones = Tensor(shape: [3, 40], values: [Float](repeating: 1, count: 120))
        let rows = try #require(try ones.converted(to: .q8).blockLayout)
        #expect(rows.lines == 3 && rows.length == 40 && rows.blocksPerLine == 2 && rows.lineByteCount == 68)
        let columns = try Tensor(shape: [40, 3], values: (0..<120).map { Float($0 % 3) }).converted(to: .q8, blockAxis: 0)
        let layout = try #require(columns.blockLayout)
        #expect(layout.lines == 3 && layout.length == 40 && layout.blocksPerLine == 2 && layout.lineByteCount == 68)
        let firsts: [UInt8] = columns.storage.withUnsafeBytes { [$0[2], $0[68 + 2], $0[2 * 68 + 2]] }
        #expect(firsts == [0, 127, 127])
        #expect(columns.byteCount == 204 && Tensor(shape: [2], values: [1, 2]).blockLayout == nil)
    }

    @Test func bytesAreCounted() {
        #expect(ElementType.q8.byteCount(shape: [2, 33]) == 2 * 2 * 34)
        #expect(ElementType.q4.byteCount(shape: [33, 2], blockAxis: 0) == 2 * 2 * 18)
        #expect(ElementType.q4.byteCount(shape: [0, 5]) == 0)
        #expect(ElementType.q4.byteCount(shape: [5, 0]) == 0)
        #expect(ElementType.q8.byteCount(shape: []) == nil)
        #expect(ElementType.q8.byteCount(shape: [4], blockAxis: 1) == nil)
        #expect(ElementType.f32.byteCount(shape: []) == 4)
        #expect(ElementType.f16.byteCount(shape: [1 << 62]) == nil)
        #expect(ElementType.q8.byteCount(shape: [Int.max]) == nil)
        #expect(ElementType.q4.byteCount(shape: [1 << 53, 1 << 10]) == (1 << 58) * 18)
        #expect(ElementType.q4.byteCount(shape: [1 << 55, 1 << 10]) == nil)
    }
}
