/// The sizes of a value's axes, outermost first. One size is not known when the archive is opened: the length of the source.
struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// Stands for the length of the source sequence.
    static let sourceLength = -1
    static let rankLimit = 4
    /// Elements that a value may have, the source counted as one position.
    static let elementLimit = 1 << 26

    var axes: [Int]

    init(_ axes: [Int]) { self.axes = axes }
    init(arrayLiteral elements: Int...) { axes = elements }

    var rank: Int { axes.count }
    /// Size of the last axis; 1 for a number.
    var last: Int { axes.last ?? 1 }
    var leading: [Int] { Array(axes.dropLast()) }
    var dependsOnSource: Bool { axes.contains(Self.sourceLength) }

    /// The number of elements, for a source of the given length.
    func count(source: Int = 1) -> Int { axes.reduce(1) { $0 * ($1 == Self.sourceLength ? source : $1) } }

    /// The axes with the source's length filled in.
    func resolved(source: Int) -> [Int] { axes.map { $0 == Self.sourceLength ? source : $0 } }

    /// Whether the limits on rank and elements are kept; no product overflows on the way.
    var isWithinLimits: Bool {
        guard rank <= Self.rankLimit else { return false }
        var count = 1
        for axis in axes where axis != Self.sourceLength {
            let (product, overflow) = count.multipliedReportingOverflow(by: axis)
            if overflow || product > Self.elementLimit { return false }
            count = product
        }
        return true
    }

    /// The shape that both fit into when, aligned at their last axes, each pair of sizes is equal or one of them is 1 or missing.
    func joined(with other: Shape) -> Shape? {
        var result: [Int] = []
        for i in 1...max(rank, other.rank, 1) where i <= max(rank, other.rank) {
            let a = i <= rank ? axes[rank - i] : 1
            let b = i <= other.rank ? other.axes[other.rank - i] : 1
            guard a == b || a == 1 || b == 1 else { return nil }
            result.append(a == 1 ? b : a)
        }
        return Shape(result.reversed())
    }

    /// `[4, S, 3]`, or `a number`.
    var shown: String {
        axes.isEmpty ? "a number" : "[" + axes.map { $0 == Self.sourceLength ? "S" : String($0) }.joined(separator: ", ") + "]"
    }

    static func shown(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
