import KernelInterface

#if arch(x86_64)
import _Builtin_intrinsics.intel
#endif

/// Sixteen floats: one register with AVX-512, two with AVX2, four with SSE or NEON. Every build computes in this width and in this
/// order, so that those with a fused multiply-add agree to the bit.
typealias Vector = SIMD16<Float>
typealias Bits = SIMD16<UInt32>

extension SIMD16<Float> {
    @_transparent
    static func load(_ p: UnsafeRawPointer) -> Self {
        #if AVX512
        return _mm512_loadu_ps(p)
        #elseif arch(x86_64) && !AVX2
        return Self(lowHalf: eight(p), highHalf: eight(p + 32))
        #else
        return p.loadUnaligned(as: Self.self)
        #endif
    }

    /// The first `count` lanes from memory, the others zero.
    @_transparent
    static func load(_ p: UnsafePointer<Float>, first count: Int) -> Self {
        #if AVX512
        return _mm512_maskz_loadu_ps(UInt16(truncatingIfNeeded: (1 &<< count) &- 1), p)
        #else
        var lanes = Self.zero
        for i in 0..<count { lanes[i] = p[i] }
        return lanes
        #endif
    }

    @_transparent
    func store(_ p: UnsafeMutablePointer<Float>) {
        #if AVX512
        _mm512_storeu_ps(p, self)
        #elseif AVX2
        _mm256_storeu_ps(p, halves.0)
        _mm256_storeu_ps(p + 8, halves.1)
        #elseif arch(x86_64)
        _mm_storeu_ps(p, quarters.0)
        _mm_storeu_ps(p + 4, quarters.1)
        _mm_storeu_ps(p + 8, quarters.2)
        _mm_storeu_ps(p + 12, quarters.3)
        #else
        UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self)
        #endif
    }

    @_transparent
    func store(_ p: UnsafeMutablePointer<Float>, first count: Int) {
        #if AVX512
        _mm512_mask_storeu_ps(p, UInt16(truncatingIfNeeded: (1 &<< count) &- 1), self)
        #else
        for i in 0..<count { p[i] = self[i] }
        #endif
    }

    /// `self + a * b`: rounded once, or twice in the x86 build for processors without a fused multiply-add.
    @_transparent
    func adding(_ a: Self, times b: Self) -> Self {
        // (On x86 `addingProduct` works lane by lane, which the compiler often does not put together again.)
        #if AVX512
        return _mm512_fmadd_ps(a, b, self)
        #elseif AVX2
        return Self(
            lowHalf: _mm256_fmadd_ps(a.halves.0, b.halves.0, halves.0),
            highHalf: _mm256_fmadd_ps(a.halves.1, b.halves.1, halves.1))
        #elseif arch(arm64)
        return addingProduct(a, b)
        #else
        return self + a * b
        #endif
    }

    @_transparent
    static func minimum(_ a: Self, _ b: Self) -> Self { a.replacing(with: b, where: b .< a) }

    @_transparent
    static func maximum(_ a: Self, _ b: Self) -> Self { a.replacing(with: b, where: b .> a) }

    @_transparent
    var magnitude: Self { replacing(with: Self.zero - self, where: self .<= Self.zero) }

    // (The library's `lowHalf` and `highHalf` are functions that it may not inline.)
    @_transparent
    var halves: (SIMD8<Float>, SIMD8<Float>) { unsafeBitCast(self, to: (SIMD8<Float>, SIMD8<Float>).self) }

    @_transparent
    var quarters: (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) {
        unsafeBitCast(self, to: (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>).self)
    }

    /// Rounded correctly. (`squareRoot` calls the C library for each lane.)
    @_transparent
    var root: Self {
        #if AVX512
        return _mm512_sqrt_ps(self)
        #elseif AVX2
        return Self(lowHalf: _mm256_sqrt_ps(halves.0), highHalf: _mm256_sqrt_ps(halves.1))
        #elseif arch(x86_64)
        return Self(
            lowHalf: SIMD8(lowHalf: _mm_sqrt_ps(quarters.0), highHalf: _mm_sqrt_ps(quarters.1)),
            highHalf: SIMD8(lowHalf: _mm_sqrt_ps(quarters.2), highHalf: _mm_sqrt_ps(quarters.3)))
        #else
        return squareRoot()
        #endif
    }

    /// Lanes pairwise: halves first, then quarters, in one fixed order.
    @_transparent
    var total: Float {
        let (a, b, c, d) = quarters
        let four = (a + c) + (b + d)
        return (four[0] + four[2]) + (four[1] + four[3])
    }

    #if arch(x86_64) && !AVX2 && !AVX512
    @_transparent
    private static func eight(_ p: UnsafeRawPointer) -> SIMD8<Float> {
        SIMD8(
            lowHalf: _mm_loadu_ps(p.assumingMemoryBound(to: Float.self)),
            highHalf: _mm_loadu_ps((p + 16).assumingMemoryBound(to: Float.self)))
    }
    #endif

    // MARK: Narrow weights

    /// Sixteen 16-bit numbers, two by two.
    @_transparent
    private static func pairs(_ p: UnsafeRawPointer) -> SIMD8<UInt32> {
        #if arch(x86_64) && !AVX2 && !AVX512
        return unsafeBitCast(eight(p), to: SIMD8<UInt32>.self)
        #else
        return p.loadUnaligned(as: SIMD8<UInt32>.self)
        #endif
    }

    /// The lanes of both in turn.
    @_transparent
    private static func interleaved(_ even: SIMD8<UInt32>, _ odd: SIMD8<UInt32>) -> Bits {
        var bits = Bits()
        for i in 0..<8 {
            bits[2 &* i] = even[i]
            bits[2 &* i &+ 1] = odd[i]
        }
        return bits
    }

    /// Sixteen numbers of binary16.
    @_transparent
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
        let pairs = Self.pairs(p)
        let halves = Self.interleaved(pairs & 0xffff, pairs &>> 16)
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
    @_transparent
    static func load(upperHalves p: UnsafeRawPointer) -> Self {
        #if AVX512
        return unsafeBitCast(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(p.loadUnaligned(as: SIMD4<Int64>.self)), 16), to: Self.self)
        #elseif AVX2
        let low = _mm256_slli_epi32(_mm256_cvtepu16_epi32(p.loadUnaligned(as: SIMD2<Int64>.self)), 16)
        let high = _mm256_slli_epi32(_mm256_cvtepu16_epi32(p.loadUnaligned(fromByteOffset: 16, as: SIMD2<Int64>.self)), 16)
        return Self(lowHalf: unsafeBitCast(low, to: SIMD8<Float>.self), highHalf: unsafeBitCast(high, to: SIMD8<Float>.self))
        #else
        let pairs = Self.pairs(p)
        return unsafeBitCast(Self.interleaved(pairs &<< 16, pairs & 0xffff_0000), to: Self.self)
        #endif
    }
}

extension SIMD16<UInt32> {
    /// The bits that are set in both. (The library's `&` works lane by lane.)
    @_transparent
    func masked(_ mask: UInt32) -> Self {
        #if AVX512
        return unsafeBitCast(
            _mm512_and_si512(unsafeBitCast(self, to: SIMD8<Int64>.self), _mm512_set1_epi32(Int32(bitPattern: mask))),
            to: Self.self)
        #elseif AVX2
        let (low, high) = unsafeBitCast(self, to: (SIMD4<Int64>, SIMD4<Int64>).self)
        let bits = _mm256_set1_epi32(Int32(bitPattern: mask))
        return unsafeBitCast((_mm256_and_si256(low, bits), _mm256_and_si256(high, bits)), to: Self.self)
        #else
        return self & mask
        #endif
    }

    /// The larger of each pair of lanes.
    @_transparent
    func larger(_ other: Self) -> Self {
        #if AVX512
        return unsafeBitCast(
            _mm512_max_epu32(unsafeBitCast(self, to: SIMD8<Int64>.self), unsafeBitCast(other, to: SIMD8<Int64>.self)),
            to: Self.self)
        #elseif AVX2
        let (a, b) = unsafeBitCast(self, to: (SIMD4<Int64>, SIMD4<Int64>).self)
        let (c, d) = unsafeBitCast(other, to: (SIMD4<Int64>, SIMD4<Int64>).self)
        return unsafeBitCast((_mm256_max_epu32(a, c), _mm256_max_epu32(b, d)), to: Self.self)
        #else
        var result = self
        for i in 0..<16 where other[i] > result[i] { result[i] = other[i] }
        return result
        #endif
    }

    /// The largest lane.
    @_transparent
    var largest: UInt32 {
        #if AVX512
        return _mm512_reduce_max_epu32(unsafeBitCast(self, to: SIMD8<Int64>.self))
        #else
        var largest = self[0]
        for i in 1..<16 where self[i] > largest { largest = self[i] }
        return largest
        #endif
    }
}

extension SIMD16<Int32> {
    @_transparent
    var total: Int32 {
        #if AVX512
        return _mm512_reduce_add_epi32(unsafeBitCast(self, to: SIMD8<Int64>.self))
        #else
        let (a, b, c, d) = unsafeBitCast(self, to: (SIMD4<Int32>, SIMD4<Int32>, SIMD4<Int32>, SIMD4<Int32>).self)
        let four = (a &+ c) &+ (b &+ d)
        return (four[0] &+ four[2]) &+ (four[1] &+ four[3])
        #endif
    }
}

extension OutputCursor {
    /// What the block's sums begin with.
    @_transparent
    func start(row: Int) -> Vector {
        guard let values = initial(row: row) else { return .zero }
        return Vector.load(values)
    }

    @_transparent
    func store(_ sums: Vector, row: Int) {
        let count = count
        if count == vectorWidth { sums.store(destination(row: row)) } else { sums.store(destination(row: row), first: count) }
    }
}
