import Testing

@testable import Kernels

@Suite struct TensorTests {
    /// Every binary16 number, subnormals, infinities and NaN included, against the standard library's conversion.
    @Test func halvesBecomeFloats() {
        for bits in UInt16.min...UInt16.max {
            let (ours, theirs) = (Float(halfBits: bits), Float(Float16(bitPattern: bits)))
            #expect(theirs.isNaN ? ours.isNaN : ours.bitPattern == theirs.bitPattern, "\(bits)")
        }
    }

    @Test func elementsOfAllTypes() {
        let halves: [UInt16] = [0x3c00, 0xc000, 0x0001]
        let half = Tensor(
            .f16, shape: [3],
            storage: TensorStorage(byteCount: 6) { bytes in
                halves.withUnsafeBytes { bytes.copyMemory(from: $0) }
            })
        #expect(half.floats() == [1, -2, 0x1p-24])
        let brain = Tensor(
            .bf16, shape: [1, 3],
            storage: TensorStorage(byteCount: 6) { bytes in
                ([0x3f80, 0xc000, 0x4049] as [UInt16]).withUnsafeBytes { bytes.copyMemory(from: $0) }
            })
        #expect(brain.floats() == [1, -2, 3.140625])
        #expect(Tensor(shape: [2], values: [1, .nan]).firstNonFinite == 1)
        #expect(Tensor(shape: [], values: [5]).count == 1)
    }
}
