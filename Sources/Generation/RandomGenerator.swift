/// Random numbers that are the same on every machine: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
/// Generators", 2018), its state filled from the seed by SplitMix64 (Steele, Lea and Flood, 2014), as its authors advise.
public struct RandomGenerator: RandomNumberGenerator, Codable, Equatable, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    public init(seed: UInt64) {
        var state = seed
        func splitMix() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        self.init(state: (splitMix(), splitMix(), splitMix(), splitMix()))
    }

    /// Goes on from a state. Not all four may be zero: the numbers would be zero for ever.
    public init(state: (UInt64, UInt64, UInt64, UInt64)) { (s0, s1, s2, s3) = state }

    public var state: (UInt64, UInt64, UInt64, UInt64) { (s0, s1, s2, s3) }

    public mutating func next() -> UInt64 {
        let result = Self.rotate(s1 &* 5, by: 7) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = Self.rotate(s3, by: 45)
        return result
    }

    /// One of the 2⁵³ evenly spaced numbers in [0, 1).
    public mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

    private static func rotate(_ value: UInt64, by count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
