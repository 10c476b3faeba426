import KernelInterface

#if AVX2 || AVX512
import _Builtin_intrinsics.intel
#endif

/// Sixteen floats: one register with AVX-512, two with AVX2, four with SSE or NEON. Every build computes in this width and in this
/// order, so that those with a fused multiply-add agree to the bit.
typealias Vector = SIMD16<Float>
typealias Bits = SIMD16<UInt32>

extension SIMD16<Float> {
    @inline(__always)
    static func load(_ p: UnsafeRawPointer) -> Self { p.loadUnaligned(as: Self.self) }

    /// The first `count` lanes from memory, the others zero.
    @inline(__always)
    static func load(_ p: UnsafePointer<Float>, first count: Int) -> Self {
        #if AVX512
        return _mm512_maskz_loadu_ps(UInt16(truncatingIfNeeded: (1 &<< count) &- 1), p)
        #else
        var lanes = Self.zero
        for i in 0..<count { lanes[i] = p[i] }
        return lanes
        #endif
    }

    @inline(__always)
    func store(_ p: UnsafeMutablePointer<Float>) { UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self) }

    @inline(__always)
    func store(_ p: UnsafeMutablePointer<Float>, first count: Int) {
        #if AVX512
        _mm512_mask_storeu_ps(p, UInt16(truncatingIfNeeded: (1 &<< count) &- 1), self)
        #else
        for i in 0..<count { p[i] = self[i] }
        #endif
    }

    /// `self + a * b`: rounded once, or twice in the x86 build for processors without a fused multiply-add.
    @inline(__always)
    func adding(_ a: Self, times b: Self) -> Self {
        #if AVX2 || AVX512 || arch(arm64)
        return addingProduct(a, b)
        #else
        return self + a * b
        #endif
    }

    @inline(__always)
    static func minimum(_ a: Self, _ b: Self) -> Self { a.replacing(with: b, where: b .< a) }

    @inline(__always)
    static func maximum(_ a: Self, _ b: Self) -> Self { a.replacing(with: b, where: b .> a) }

    @inline(__always)
    var magnitude: Self { unsafeBitCast(unsafeBitCast(self, to: Bits.self) & Bits(repeating: 0x7fff_ffff), to: Self.self) }

    /// Lanes pairwise: halves first, then quarters, in one fixed order.
    @inline(__always)
    var total: Float {
        let eight = lowHalf + highHalf
        let four = eight.lowHalf + eight.highHalf
        return (four[0] + four[2]) + (four[1] + four[3])
    }

    // MARK: Narrow weights

    /// Sixteen numbers of binary16.
    @inline(__always)
    static func load(halves p: UnsafeRawPointer) -> Self {
        #if AVX512
        return _mm512_cvtph_ps(p.loadUnaligned(as: SIMD4<Int64>.self))
        #elseif AVX2
        return Self(
            lowHalf: _mm256_cvtph_ps(p.loadUnaligned(as: SIMD2<Int64>.self)),
            highHalf: _mm256_cvtph_ps(p.loadUnaligned(fromByteOffset: 16, as: SIMD2<Int64>.self)))
        #elseif arch(arm64)
        return Self(p.loadUnaligned(as: SIMD16<Float16>.self))
        #else
        let pairs = p.loadUnaligned(as: SIMD8<UInt32>.self)
        var halves = Bits()
        halves.evenHalf = pairs & 0xffff
        halves.oddHalf = pairs &>> 16
        let magnitude = halves & 0x7fff
        // Exponent and fraction in place, and the exponent's bias mended.
        var bits = (magnitude &<< 13) &+ 0x3800_0000
        // Of a subnormal number, as the fraction of one with the exponent -14, less that one. (No subnormal float may come up:
        // they count as zero.)
        let one = Self(repeating: Float(bitPattern: 0x3880_0000))
        let small = unsafeBitCast((magnitude &<< 13) &+ 0x3880_0000, to: Self.self) - one
        bits = bits.replacing(with: unsafeBitCast(small, to: Bits.self), where: magnitude .< 0x0400)
        bits = bits.replacing(with: (magnitude &<< 13) | 0x7f80_0000, where: magnitude .>= 0x7c00)
        return unsafeBitCast(bits | ((halves & 0x8000) &<< 16), to: Self.self)
        #endif
    }

    /// Sixteen numbers of bfloat16, the upper halves of floats.
    @inline(__always)
    static func load(upperHalves p: UnsafeRawPointer) -> Self {
        #if AVX512
        return unsafeBitCast(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(p.loadUnaligned(as: SIMD4<Int64>.self)), 16), to: Self.self)
        #elseif AVX2
        let low = _mm256_slli_epi32(_mm256_cvtepu16_epi32(p.loadUnaligned(as: SIMD2<Int64>.self)), 16)
        let high = _mm256_slli_epi32(_mm256_cvtepu16_epi32(p.loadUnaligned(fromByteOffset: 16, as: SIMD2<Int64>.self)), 16)
        return Self(lowHalf: unsafeBitCast(low, to: SIMD8<Float>.self), highHalf: unsafeBitCast(high, to: SIMD8<Float>.self))
        #else
        let pairs = p.loadUnaligned(as: SIMD8<UInt32>.self)
        var bits = Bits()
        bits.evenHalf = pairs &<< 16
        bits.oddHalf = pairs & 0xffff_0000
        return unsafeBitCast(bits, to: Self.self)
        #endif
    }
}

extension OutputCursor {
    /// What the block's sums begin with.
    @inline(__always)
    func start(row: Int) -> Vector { initial(row: row).map { Vector.load($0) } ?? .zero }

    @inline(__always)
    func store(_ sums: Vector, row: Int) {
        let count = count
        if count == vectorWidth { sums.store(destination(row: row)) } else { sums.store(destination(row: row), first: count) }
    }
}
