/// Knuth's linear congruential generator (MMIX): noise that is the same everywhere.
struct Noise {
    private var state: UInt64 = 42
    /// From −0.5 to 0.5.
    mutating func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / Double(1 << 53) - 0.5
    }
}
