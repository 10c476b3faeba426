/// e^x: Cody–Waite reduction and a polynomial of degree 6 (Cephes `expf`). At most 2 ulp; 0 below -87.3, infinite where e^x
/// exceeds a float.
@_transparent
func exponential(_ x: Vector) -> Vector {
    var y = exponential(inRange: Vector.minimum(Vector.maximum(x, Vector(repeating: -87.3)), Vector(repeating: 88.72)))
    y = y.replacing(with: 0, where: x .< Vector(repeating: -87.3))
    return y.replacing(with: .infinity, where: x .> Vector(repeating: 88.72283))
}

/// The same from -87.3 to 88.72, and of NaN.
@_transparent
private func exponential(inRange x: Vector) -> Vector {
    let shifter = Vector(repeating: 12_582_912)  // 1.5 · 2^23: adding it rounds to a whole number in the low bits
    let t = shifter.adding(x, times: Vector(repeating: 1.44269504088896341))
    let n = t - shifter
    var r = x.adding(n, times: Vector(repeating: -0.693359375))
    r = r.adding(n, times: Vector(repeating: 2.12194440e-4))
    var p = Vector(repeating: 1.9875691500e-4)
    p = Vector(repeating: 1.3981999507e-3).adding(p, times: r)
    p = Vector(repeating: 8.3334519073e-3).adding(p, times: r)
    p = Vector(repeating: 4.1665795894e-2).adding(p, times: r)
    p = Vector(repeating: 1.6666665459e-1).adding(p, times: r)
    p = Vector(repeating: 5.0000001201e-1).adding(p, times: r)
    p = r.adding(p, times: r * r) + Vector(repeating: 1)
    let exponent = unsafeBitCast(t, to: Bits.self) &<< 23
    return unsafeBitCast(unsafeBitCast(p, to: Bits.self) &+ exponent, to: Vector.self)
}

/// 1 / (1 + e^-x). At most 4 ulp; from -88.7 down the value there, which is no normal number.
@_transparent
func logistic(_ x: Vector) -> Vector {
    let negative = Vector.minimum(Vector.maximum(Vector.zero - x, Vector(repeating: -87.3)), Vector(repeating: 88.72))
    return Vector(repeating: 1) / (Vector(repeating: 1) + exponential(inRange: negative))
}

/// A ratio of polynomials on about [-8, 8], ±1 outside (the approximation of Eigen and XLA). At most 6 ulp.
@_transparent
func hyperbolicTangent(_ x: Vector) -> Vector {
    // Where the ratio reaches 1: it depends on how often the polynomials are rounded.
    #if AVX2 || AVX512 || arch(arm64)
    let limit: Float = 7.99881172180175781
    #else
    let limit: Float = 7.90531110763549805
    #endif
    let z = Vector.minimum(Vector.maximum(x, Vector(repeating: -limit)), Vector(repeating: limit))
    let z2 = z * z
    var p = Vector(repeating: -2.76076847742355e-16)
    p = Vector(repeating: 2.00018790482477e-13).adding(z2, times: p)
    p = Vector(repeating: -8.60467152213735e-11).adding(z2, times: p)
    p = Vector(repeating: 5.12229709037114e-08).adding(z2, times: p)
    p = Vector(repeating: 1.48572235717979e-05).adding(z2, times: p)
    p = Vector(repeating: 6.37261928875436e-04).adding(z2, times: p)
    p = Vector(repeating: 4.89352455891786e-03).adding(z2, times: p)
    p = z * p
    var q = Vector(repeating: 1.18534705686654e-04).adding(z2, times: Vector(repeating: 1.19825839466702e-06))
    q = Vector(repeating: 2.26843463243900e-03).adding(z2, times: q)
    q = Vector(repeating: 4.89352518554385e-03).adding(z2, times: q)
    return p / q
}

/// The natural logarithm: exponent and a polynomial of degree 8 of the fraction (Cephes `logf`). At most 2 ulp; -∞ at 0, NaN below.
@_transparent
func logarithm(_ x: Vector) -> Vector {
    // Subnormals become normal first.
    let isSmall = x .< Vector(repeating: Float.leastNormalMagnitude)
    let scaled = x.replacing(with: x * Vector(repeating: 8_388_608), where: isSmall)
    let bits = unsafeBitCast(scaled, to: Bits.self)
    // The fraction in [√½, √2).
    let shifted = bits &- Bits(repeating: 0x3f35_04f3)
    let exponentBits = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &>> 23
    let fraction = unsafeBitCast(shifted.masked(0x007f_ffff) &+ Bits(repeating: 0x3f35_04f3), to: Vector.self)
    // A whole number in the low bits of 1.5 · 2^23.
    let shifter = Vector(repeating: 12_582_912)
    let counted = unsafeBitCast(shifter, to: SIMD16<Int32>.self) &+ exponentBits
    var n = unsafeBitCast(counted, to: Vector.self) - shifter
    n = n.replacing(with: n - Vector(repeating: 23), where: isSmall)
    let r = fraction - Vector(repeating: 1)
    let r2 = r * r
    var p = Vector(repeating: 7.0376836292e-2)
    p = Vector(repeating: -1.1514610310e-1).adding(p, times: r)
    p = Vector(repeating: 1.1676998740e-1).adding(p, times: r)
    p = Vector(repeating: -1.2420140846e-1).adding(p, times: r)
    p = Vector(repeating: 1.4249322787e-1).adding(p, times: r)
    p = Vector(repeating: -1.6668057665e-1).adding(p, times: r)
    p = Vector(repeating: 2.0000714765e-1).adding(p, times: r)
    p = Vector(repeating: -2.4999993993e-1).adding(p, times: r)
    p = Vector(repeating: 3.3333331174e-1).adding(p, times: r)
    var y = p * r * r2
    y = y.adding(n, times: Vector(repeating: -2.12194440e-4))
    y = y.adding(r2, times: Vector(repeating: -0.5))
    y = r + y
    y = y.adding(n, times: Vector(repeating: 0.693359375))
    y = y.replacing(with: .infinity, where: x .== Vector(repeating: .infinity))
    y = y.replacing(with: -.infinity, where: x .== Vector.zero)
    return y.replacing(with: .nan, where: .!(x .>= Vector.zero))
}

/// log(1 + e^x) as max(x, 0) + log(1 + t) with t = e^-|x|. The rounding of 1 + t is mended to first order (Kahan; Goldberg 1991,
/// theorem 4). At most 3 ulp.
@_transparent
func logarithmOfOneAndExponential(_ x: Vector) -> Vector {
    let t = exponential(Vector.zero - x.magnitude)
    let u = Vector(repeating: 1) + t
    let exact = (logarithm(u) * t / (u - Vector(repeating: 1))).replacing(with: t, where: u .== Vector(repeating: 1))
    return (Vector.maximum(x, Vector.zero) + exact).replacing(with: x, where: x .!= x)
}
