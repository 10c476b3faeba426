#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A value that an axis names.
struct Tick: Sendable, Equatable {
    var value: Double
    var label: String
}

/// 10ⁿ, rounded correctly, which `pow` does not promise on every system.
func powerOfTen(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 0 }

/// Which values an axis names: 1, 2 or 5 times a power of ten apart on a linear axis, powers of ten on a logarithmic one.
enum Ticks {
    /// A distance of 1, 2 or 5 times 10ⁿ.
    private struct Step {
        let mantissa: Int
        let exponent: Int

        /// Divided where the power is negative, so that three tenths are 0.3 and not 0.30000000000000004.
        func value(_ count: Double) -> Double {
            let whole = count * Double(mantissa)
            return exponent < 0 ? whole / powerOfTen(-exponent) : whole * powerOfTen(exponent)
        }

        /// How many steps a value is from zero, rounded by the rule unless it is a whole number but for the rounding of its
        /// division.
        func count(_ value: Double, _ rule: FloatingPointRoundingRule) -> Double {
            let quotient = value / self.value(1)
            let nearest = quotient.rounded()
            return abs(quotient - nearest) < 1e-9 ? nearest : quotient.rounded(rule)
        }
    }

    /// The smallest step with which there are at most `limit` ticks.
    /// - Parameter isExtended: whether the ticks enclose the range, or lie in it.
    private static func step(_ lower: Double, _ upper: Double, atMost limit: Int, isExtended: Bool) -> Step {
        var exponent = Int(log10((upper - lower) / Double(limit)).rounded(.down)) - 1
        while true {
            for mantissa in [1, 2, 5] {
                let step = Step(mantissa: mantissa, exponent: exponent)
                let first = step.count(lower, isExtended ? .down : .up)
                let last = step.count(upper, isExtended ? .up : .down)
                if last - first + 1 <= Double(limit) { return step }
            }
            exponent += 1
        }
    }

    /// - Parameters:
    ///   - lower: less than `upper`.
    ///   - limit: at least 2.
    static func linear(_ lower: Double, _ upper: Double, atMost limit: Int) -> [Tick] {
        let step = step(lower, upper, atMost: max(2, limit), isExtended: false)
        let (first, last) = (step.count(lower, .up), step.count(upper, .down))
        return stride(from: first, through: last, by: 1).map { count in
            let value = step.value(count)
            return Tick(value: value, label: label(value, step, largest: max(abs(lower), abs(upper))))
        }
    }

    /// A range that encloses this one and begins and ends with ticks.
    static func linearExtension(_ lower: Double, _ upper: Double, atMost limit: Int) -> (lower: Double, upper: Double) {
        let step = step(lower, upper, atMost: max(3, limit), isExtended: true)
        return (step.value(step.count(lower, .down)), step.value(step.count(upper, .up)))
    }

    private static func label(_ value: Double, _ step: Step, largest: Double) -> String {
        if value == 0 { return "0" }
        let digits = Int(log10(largest).rounded(.down)) - step.exponent + 1
        if largest >= 1e7 || step.exponent < -6 { return compact(value, digits: max(1, min(17, digits))) }
        return step.exponent < 0 ? formatted(value, decimals: -step.exponent) : grouped(Int(value))
    }

    /// - Parameters:
    ///   - lower: above 0, and less than `upper`.
    ///   - limit: at least 2.
    static func logarithmic(_ lower: Double, _ upper: Double, atMost limit: Int) -> [Tick] {
        let limit = max(2, limit)
        let (first, last) = (exponent(atLeast: lower), exponent(atMost: upper))
        if last - first >= 2 {
            for apart in [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500] {
                // Where only one round exponent is in the range, others tell more: one tick shows no scale.
                let round = (first...last).filter { $0.isMultiple(of: apart) }
                let exponents = round.count > 1 ? round : Array(stride(from: first, through: last, by: apart))
                if exponents.count <= limit { return exponents.map { tick(1, $0) } }
            }
        }
        // Less than two decades from tick to tick: powers of ten alone would say too little.
        let between = (exponent(atMost: lower)...exponent(atMost: upper)).flatMap { exponent in
            [1, 2, 5].map { tick($0, exponent) }.filter { $0.value >= lower && $0.value <= upper }
        }
        if between.count >= 2 && between.count <= limit { return between }
        if between.count > limit && last > first { return (first...last).map { tick(1, $0) } }
        return linear(lower, upper, atMost: limit).filter { $0.value > 0 }
    }

    /// A range that encloses this one: whole decades, or from 1, 2 or 5 times a power of ten to another.
    static func logarithmicExtension(_ lower: Double, _ upper: Double) -> (lower: Double, upper: Double) {
        let mantissas = upper / lower >= 10 ? [1] : [1, 2, 5]
        let low = mantissas.map { tick($0, exponent(atMost: lower)).value }.last { $0 <= lower } ?? lower
        let top = exponent(atMost: upper)
        let high = (mantissas.map { tick($0, top).value } + [powerOfTen(top + 1)]).first { $0 >= upper } ?? upper
        return (low, high)
    }

    private static func tick(_ mantissa: Int, _ exponent: Int) -> Tick {
        let value = Step(mantissa: mantissa, exponent: exponent).value(1)
        let label =
            switch exponent {
            case 0...5: grouped(Int(value))
            case -4..<0: formatted(value, decimals: -exponent)
            default: "\(mantissa)e\(exponent)"
            }
        return Tick(value: value, label: label)
    }

    /// The largest n with 10ⁿ ≤ value.
    private static func exponent(atMost value: Double) -> Int {
        var exponent = Int(log10(value).rounded())
        while powerOfTen(exponent) > value { exponent -= 1 }
        return exponent
    }

    /// The smallest n with 10ⁿ ≥ value.
    private static func exponent(atLeast value: Double) -> Int {
        let exponent = exponent(atMost: value)
        return powerOfTen(exponent) == value ? exponent : exponent + 1
    }
}
