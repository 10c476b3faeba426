import KernelInterface

func dropoutMask(_ y: UnsafeMutablePointer<Float>, _ count: Int, _ dropout: Dropout) {
    let threshold = UInt32(truncatingIfNeeded: Int(dropout.rate * 4_294_967_296))
    let kept = 1 / (1 - dropout.rate)
    var (block, i) = (UInt64(0), 0)
    while i < count {
        let words = philox(dropout, firstBlock: block)
        let masks = (
            mask(words.0, threshold, kept), mask(words.1, threshold, kept), mask(words.2, threshold, kept),
            mask(words.3, threshold, kept)
        )
        if i &+ 64 <= count {
            masks.0.store(y + i)
            masks.1.store(y + (i &+ 16))
            masks.2.store(y + (i &+ 32))
            masks.3.store(y + (i &+ 48))
        } else {
            storeFirst(masks.0, y + i, count &- i)
            storeFirst(masks.1, y + (i &+ 16), count &- i &- 16)
            storeFirst(masks.2, y + (i &+ 32), count &- i &- 32)
            storeFirst(masks.3, y + (i &+ 48), count &- i &- 48)
        }
        block &+= 16
        i &+= 64
    }
}

@_transparent
private func mask(_ words: Bits, _ threshold: UInt32, _ kept: Float) -> Vector {
    Vector(repeating: kept).replacing(with: 0, where: words .< Bits(repeating: threshold))
}

private func storeFirst(_ values: Vector, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
    if count > 0 { values.store(y, first: min(count, vectorWidth)) }
}

/// The words of sixteen blocks.
@_transparent
private func philox(_ dropout: Dropout, firstBlock: UInt64) -> (Bits, Bits, Bits, Bits) {
    var a = Bits(repeating: UInt32(truncatingIfNeeded: firstBlock)) &+ Bits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    var b = Bits(repeating: UInt32(truncatingIfNeeded: firstBlock &>> 32))
    var c = Bits(repeating: UInt32(truncatingIfNeeded: dropout.stream))
    var d = Bits(repeating: UInt32(truncatingIfNeeded: dropout.stream &>> 32))
    var k = UInt32(truncatingIfNeeded: dropout.key)
    var l = UInt32(truncatingIfNeeded: dropout.key &>> 32)
    for _ in 0..<10 {
        let (p, q) = (wideProduct(a, 0xd251_1f53), wideProduct(c, 0xcd9e_8d57))
        (a, b, c, d) = (q.high ^ b ^ Bits(repeating: k), q.low, p.high ^ d ^ Bits(repeating: l), p.low)
        k &+= 0x9e37_79b9  // the golden ratio
        l &+= 0xbb67_ae85  // √3 - 1
    }
    return (a, b, c, d)
}

/// Both halves of a product of 64 bits.
@_transparent
private func wideProduct(_ x: Bits, _ factor: UInt32) -> (high: Bits, low: Bits) {
    typealias Wide = SIMD8<UInt64>
    let pairs = unsafeBitCast(x, to: Wide.self)
    let even = pairs & Wide(repeating: 0xffff_ffff)
    let products = (even &* Wide(repeating: UInt64(factor)), (pairs &>> 32) &* Wide(repeating: UInt64(factor)))
    let high = (products.0 &>> 32) | (products.1 & Wide(repeating: 0xffff_ffff_0000_0000))
    return (unsafeBitCast(high, to: Bits.self), x &* Bits(repeating: factor))
}
