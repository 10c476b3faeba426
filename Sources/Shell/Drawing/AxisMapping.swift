#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where an axis puts values: 0 is its beginning, 1 its end.
struct AxisMapping: Sendable, Equatable {
    let scale: Chart.Scale
    let lower: Double
    let upper: Double

    /// Beyond it nothing is measured, and differences would overflow.
    private static let largest = 1e300
    /// Below it logarithms of subnormal numbers would fill an axis.
    private static let smallest = 1e-300

    /// - Parameters:
    ///   - values: everything that is to be shown.
    ///   - tickLimit: where it is given, the range is extended to begin and end with a tick.
    init(_ axis: Chart.Axis, showing values: some Sequence<Double>, extendedForTicks tickLimit: Int? = nil) {
        scale = axis.scale
        var (low, high) = (Double.infinity, -Double.infinity)
        for value in values {
            guard let value = Self.placed(value, axis.scale) else { continue }
            low = min(low, value)
            high = max(high, value)
        }
        if let range = axis.range, let first = Self.placed(range.lowerBound, scale),
            let last = Self.placed(range.upperBound, scale)
        {
            (lower, upper) = Self.widened(first, last, scale)
            return
        }
        if low > high { (low, high) = scale == .linear ? (0, 1) : (0.1, 1) }
        (low, high) = Self.widened(low, high, scale)
        if let tickLimit {
            (low, high) =
                scale == .linear
                ? Ticks.linearExtension(low, high, atMost: tickLimit) : Ticks.logarithmicExtension(low, high)
        }
        (lower, upper) = (low, high)
    }

    /// A range of no width has no scale: what is around the value is shown with it.
    private static func widened(_ low: Double, _ high: Double, _ scale: Chart.Scale) -> (Double, Double) {
        if scale != .linear { return high > low * (1 + 1e-9) ? (low, high) : (low / 2, high * 2) }
        let size = max(abs(low), abs(high))
        if size < smallest { return (0, 1) }
        return high - low > size * 1e-9 ? (low, high) : (low - size / 2, high + size / 2)
    }

    /// The value as it is drawn; nil: it has no place.
    static func placed(_ value: Double, _ scale: Chart.Scale) -> Double? {
        guard value.isFinite, abs(value) <= largest else { return nil }
        guard case .logarithmic(let floor) = scale else { return value }
        guard let floor = floor.map({ max($0, smallest) }) else { return value >= smallest ? value : nil }
        return value < 0 ? nil : max(value, floor)
    }

    /// From 0 to 1 within the axis' range, less or more beside it; nil: a gap.
    func position(_ value: Double) -> Double? {
        guard let value = Self.placed(value, scale) else { return nil }
        if scale == .linear { return (value - lower) / (upper - lower) }
        return (log10(value) - log10(lower)) / (log10(upper) - log10(lower))
    }

    func ticks(atMost limit: Int) -> [Tick] {
        scale == .linear
            ? Ticks.linear(lower, upper, atMost: limit) : Ticks.logarithmic(lower, upper, atMost: limit)
    }
}
