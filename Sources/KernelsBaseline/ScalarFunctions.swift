// Functions that networks use on few numbers, one number at a time in double precision. They are written out rather than taken from
// the C library, whose results differ from version to version and from processor to processor.

/// A whole number near x, by the trick of adding 1.5 · 2^52. For |x| below 2^51.
@_transparent
private func nearest(_ x: Double) -> Double { (x + 6_755_399_441_055_744) - 6_755_399_441_055_744 }

/// x less the nearest multiple of π/2, and that multiple's number modulo 4.
@_transparent
private func reduced(_ x: Float) -> (remainder: Double, quadrant: Int) {
    let x = Double(x)
    let n = nearest(x * 0.636619772367581343)
    // π/2 in two pieces, of which the first has few enough digits for its product with n to be exact, as long as n is below 2^28 (Cody and Waite).
    let r = (x - n * 1.57079631090164184570) - n * 1.58932547735281966916e-8
    return (r, Int(truncatingIfNeeded: Int64(n)) & 3)
}

/// Of the angle that is left, Taylor's series to x^13 and x^14: below 1e-11 on [-π/4, π/4].
@_transparent
private func seriesOfSine(_ x: Double) -> Double {
    let z = x * x
    var p = 1.6059043836821614599e-10
    p = p * z - 2.5052108385441718775e-8
    p = p * z + 2.7557319223985890653e-6
    p = p * z - 1.9841269841269841270e-4
    p = p * z + 8.3333333333333333333e-3
    p = p * z - 1.6666666666666666667e-1
    return x + x * z * p
}

@_transparent
private func seriesOfCosine(_ x: Double) -> Double {
    let z = x * x
    var p = -1.1470745597729724714e-11
    p = p * z + 2.0876756987868098979e-9
    p = p * z - 2.7557319223985890653e-7
    p = p * z + 2.4801587301587301587e-5
    p = p * z - 1.3888888888888888889e-3
    p = p * z + 4.1666666666666666667e-2
    p = p * z - 0.5
    return 1 + z * p
}

/// Floats from here on are further apart than a period: of the angles that each stands for, 0 is taken.
private var largestAngle: Float { 268_435_456 }

func sine(_ x: Float) -> Float { turned(x, by: 0) }

func cosine(_ x: Float) -> Float { turned(x, by: 1) }

/// The sine of x and so many right angles.
@_transparent
private func turned(_ x: Float, by angles: Int) -> Float {
    guard x.magnitude < largestAngle else { return x.isFinite ? Float(angles) : .nan }
    let (r, quadrant) = reduced(x)
    let turn = (quadrant &+ angles) & 3
    let value = turn & 1 == 0 ? seriesOfSine(r) : seriesOfCosine(r)
    return Float(turn & 2 == 0 ? value : -value)
}

/// x^k. As C has it: 1 for k = 0, for x = 0 zero or infinite, for negative x only where k is a whole number.
func power(_ x: Float, _ exponent: Float) -> Float {
    if exponent == 0 || x == 1 { return 1 }
    if x.isNaN || exponent.isNaN { return .nan }
    let (k, size) = (Double(exponent), Double(x.magnitude))
    // From 2^24 on, floats are even numbers.
    let isWhole = k.magnitude >= 16_777_216 || nearest(k) == k
    let isOdd = isWhole && k.magnitude < 16_777_216 && Int64(k) & 1 != 0
    if x < 0 && !isWhole { return .nan }
    let magnitude: Double
    if size == 0 || size == .infinity {
        magnitude = (size == 0) == (k > 0) ? 0 : .infinity
    } else {
        magnitude = exponential(k * logarithm(size))
    }
    return Float(x.sign == .minus && isOdd ? -magnitude : magnitude)
}

/// The natural logarithm of a positive, finite number that is a float: exponent, and the series of artanh. About 1e-15.
@_transparent
private func logarithm(_ x: Double) -> Double {
    var bits = x.bitPattern
    // The fraction in [√½, √2).
    let exponent = Int64(bitPattern: (bits &- 0x3fe6_a09e_667f_3bcd)) &>> 52
    bits &-= UInt64(bitPattern: exponent &<< 52)
    let f = Double(bitPattern: bits)
    let s = (f - 1) / (f + 1)
    let z = s * s
    var p = 2.0 / 19
    p = p * z + 2.0 / 17
    p = p * z + 2.0 / 15
    p = p * z + 2.0 / 13
    p = p * z + 2.0 / 11
    p = p * z + 2.0 / 9
    p = p * z + 2.0 / 7
    p = p * z + 2.0 / 5
    p = p * z + 2.0 / 3
    return Double(exponent) * 0.693147180559945309 + (2 * s + s * z * p)
}

/// e^x: a power of two, and the series to x^11 on [-ln 2 / 2, ln 2 / 2]. 0 and infinite far beyond what floats hold.
@_transparent
private func exponential(_ x: Double) -> Double {
    if x > 200 { return .infinity }
    if x < -200 { return 0 }
    let n = nearest(x * 1.44269504088896341)
    let r = x - n * 0.693147180559945309
    var p = 1.0 / 39_916_800
    p = p * r + 1.0 / 3_628_800
    p = p * r + 1.0 / 362_880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1
    p = p * r + 1
    return p * Double(bitPattern: UInt64(bitPattern: Int64(n) &+ 1023) &<< 52)
}
