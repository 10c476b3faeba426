/// The width in which everything is computed. Lanes run across outputs and never mix, so a result does not depend on which lane,
/// strip or thread it was computed in.
typealias Vector = SIMD16<Float>
typealias IntegerVector = SIMD16<Int32>

/// Floats in a `Vector`, and the multiple that packed matrices are padded to.
public let vectorWidth = 16

extension SIMD16<Float> {
    @inline(__always)
    static func load(_ p: UnsafePointer<Float>) -> Self { UnsafeRawPointer(p).loadUnaligned(as: Self.self) }

    /// The first `count` lanes from memory, the others zero.
    @inline(__always)
    static func load(_ p: UnsafePointer<Float>, first count: Int) -> Self {
        var lanes = Self.zero
        for i in 0..<count { lanes[i] = p[i] }
        return lanes
    }

    @inline(__always)
    func store(_ p: UnsafeMutablePointer<Float>) { UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self) }

    @inline(__always)
    func store(_ p: UnsafeMutablePointer<Float>, first count: Int) { for i in 0..<count { p[i] = self[i] } }

    /// `self + a * b`: two roundings where the processor's baseline has no fused multiply-add.
    @inline(__always)
    func adding(_ a: Self, times b: Self) -> Self { self + a * b }

    @inline(__always)
    static func minimum(_ a: Self, _ b: Self) -> Self { a.replacing(with: b, where: b .< a) }

    @inline(__always)
    static func maximum(_ a: Self, _ b: Self) -> Self { a.replacing(with: b, where: b .> a) }
}

// MARK: Functions

/// e^x: Cody–Waite reduction and a polynomial of degree 6 (Cephes `expf`). At most 2 ulp; 0 below -87.3, infinite where e^x exceeds a float.
@inline(__always)
func exponential(_ x: Vector) -> Vector {
    let inRange = Vector.minimum(Vector.maximum(x, Vector(repeating: -87.3)), Vector(repeating: 88.72))
    let shifter = Vector(repeating: 12_582_912)  // 1.5 · 2^23: adding it rounds to a whole number in the low bits
    let t = shifter.adding(inRange, times: Vector(repeating: 1.44269504088896341))
    let n = t - shifter
    var r = inRange.adding(n, times: Vector(repeating: -0.693359375))
    r = r.adding(n, times: Vector(repeating: 2.12194440e-4))
    var p = Vector(repeating: 1.9875691500e-4)
    p = Vector(repeating: 1.3981999507e-3).adding(p, times: r)
    p = Vector(repeating: 8.3334519073e-3).adding(p, times: r)
    p = Vector(repeating: 4.1665795894e-2).adding(p, times: r)
    p = Vector(repeating: 1.6666665459e-1).adding(p, times: r)
    p = Vector(repeating: 5.0000001201e-1).adding(p, times: r)
    p = r.adding(p, times: r * r) + Vector(repeating: 1)
    let exponent = unsafeBitCast(t, to: SIMD16<UInt32>.self) &<< 23
    var y = unsafeBitCast(unsafeBitCast(p, to: SIMD16<UInt32>.self) &+ exponent, to: Vector.self)
    y = y.replacing(with: 0, where: x .< Vector(repeating: -87.3))
    y = y.replacing(with: .infinity, where: x .> Vector(repeating: 88.72283))
    return y.replacing(with: x, where: x .!= x)
}

/// 1 / (1 + e^-x).
@inline(__always)
func logistic(_ x: Vector) -> Vector {
    Vector(repeating: 1) / (Vector(repeating: 1) + exponential(Vector.zero - x))
}

/// A ratio of polynomials on [-7.9, 7.9], ±1 outside (the approximation of Eigen and XLA). At most 5 ulp.
@inline(__always)
func hyperbolicTangent(_ x: Vector) -> Vector {
    let limit: Float = 7.90531110763549805
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
    return (p / q).replacing(with: x, where: x .!= x)
}
