import Testing

@testable import Shell

/// Which values axes name.
struct TickTests {
    @Test func stepsAreOneTwoOrFive() {
        #expect(Ticks.linear(0, 1, atMost: 6).map(\.label) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"].replacingFirst("0"))
        #expect(Ticks.linear(0, 1, atMost: 11).map(\.value) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
        #expect(Ticks.linear(0, 100, atMost: 3).map(\.label) == ["0", "50", "100"])
        #expect(Ticks.linear(13, 1213, atMost: 7).map(\.label) == ["200", "400", "600", "800", "1,000", "1,200"])
        #expect(Ticks.linear(-3, 4, atMost: 5).map(\.label) == ["-2", "0", "2", "4"])
    }

    @Test func sizesBeyondTheUsualHaveExponents() {
        #expect(Ticks.linear(0, 4e9, atMost: 5).map(\.label) == ["0", "1e9", "2e9", "3e9", "4e9"])
        #expect(Ticks.linear(0, 3e-8, atMost: 4).map(\.label) == ["0", "1e-8", "2e-8", "3e-8"])
        // As many digits as tell neighbours apart.
        #expect(Ticks.linear(1e9, 1e9 + 20, atMost: 3).map(\.label) == ["1e9", "1.00000001e9", "1.00000002e9"])
    }

    /// For ranges of every size and place.
    @Test func ticksLieInTheRangeAndReadBack() throws {
        var noise = Noise()
        for exponent in stride(from: -250, through: 250, by: 5) {
            for limit in [2, 3, 5, 8, 20] {
                let (a, b) = (noise.next() * powerOfTen(exponent), noise.next() * powerOfTen(exponent))
                let (lower, upper) = (min(a, b), max(a, b))
                let ticks = Ticks.linear(lower, upper, atMost: limit)
                #expect(ticks.count <= limit)
                let rounding = (upper - lower) * 1e-9
                #expect(ticks.allSatisfy { $0.value >= lower - rounding && $0.value <= upper + rounding })
                #expect(Set(ticks.map(\.label)).count == ticks.count, "\(lower) to \(upper): \(ticks)")
                for tick in ticks {
                    let read = try #require(Double(tick.label.filter { $0 != "," }))
                    #expect(abs(read - tick.value) <= abs(tick.value) * 1e-9, "\(tick)")
                }
                if ticks.count > 2 {
                    // A limit that is reached with hardly any ticks would be no choice of a step.
                    let step = ticks[1].value - ticks[0].value
                    let mantissa = step / powerOfTen(Int(logarithm(step * 1.001).rounded(.down)))
                    #expect([1.0, 2, 5].contains { abs(mantissa - $0) < 1e-6 }, "\(step)")
                    #expect(step <= (upper - lower) / Double(limit) * 5 * 1.001)
                }
            }
        }
    }

    @Test func powersOfTenOnALogarithmicAxis() {
        #expect(
            Ticks.logarithmic(1e-5, 1000, atMost: 20).map(\.label)
                == ["1e-5", "0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1,000"])
        #expect(Ticks.logarithmic(1e-12, 1, atMost: 5).map(\.label) == ["1e-12", "1e-9", "1e-6", "0.001", "1"])
        #expect(Ticks.logarithmic(3e-9, 2e9, atMost: 5).map(\.value) == [1e-5, 1, 1e5])
        // Exactly at a power of ten, where a logarithm that is rounded would miss it.
        #expect(Ticks.logarithmic(0.001, 0.1, atMost: 5).map(\.value) == [0.001, 0.01, 0.1])
    }

    @Test func aShortLogarithmicAxisHasTicksInBetween() {
        #expect(Ticks.logarithmic(0.3, 6, atMost: 8).map(\.label) == ["0.5", "1", "2", "5"])
        #expect(Ticks.logarithmic(2.1, 4.4, atMost: 6).map(\.label) == ["2.5", "3.0", "3.5", "4.0"])
        #expect(Ticks.logarithmic(0.7, 13, atMost: 2).map(\.label) == ["1", "10"])
    }

    @Test func logarithmicTicksAreNeverTooMany() {
        for top in stride(from: 1, through: 600, by: 7) {
            for limit in 2...12 {
                let ticks = Ticks.logarithmic(
                    1e-300, 1e-300 * powerOfTen(min(top, 300)) * powerOfTen(max(0, top - 300)), atMost: limit)
                #expect(!ticks.isEmpty && ticks.count <= limit, "\(top) decades, \(limit) ticks")
            }
        }
    }

    @Test func extensionsBeginAndEndWithTicks() {
        #expect(Ticks.linearExtension(0.13, 0.98, atMost: 6) == (0, 1))
        #expect(Ticks.linearExtension(1.2, 4.1, atMost: 6) == (1, 5))
        #expect(Ticks.linearExtension(0, 3, atMost: 4) == (0, 3))
        #expect(Ticks.logarithmicExtension(0.0012, 3) == (0.001, 10))
        #expect(Ticks.logarithmicExtension(1.3, 4) == (1, 5))
        #expect(Ticks.logarithmicExtension(6, 8) == (5, 10))
    }
}

extension [String] {
    /// Zero is written without decimals.
    fileprivate func replacingFirst(_ label: String) -> [String] { [label] + dropFirst() }
}

/// Of ten, by counting digits: independent of what the ticks use.
private func logarithm(_ value: Double) -> Double {
    var exponent = -320
    while exponent < 308 && Double("1e\(exponent + 1)") ?? 0 <= value { exponent += 1 }
    return Double(exponent)
}
