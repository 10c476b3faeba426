/// Curves over a common pair of axes: what is to be seen, and nothing of how it is drawn.
struct Chart: Sendable, Equatable {
    var title: String
    var x: Axis
    var y: Axis
    var series: [Series]
    var markers: [Marker] = []
    /// What a reader must know to read the curves rightly.
    var notes: [String] = []

    struct Axis: Sendable, Equatable {
        var label: String
        var unit: String?
        var scale = Scale.linear
        /// What the axis shows; nil: all values.
        var range: ClosedRange<Double>?

        init(_ label: String, unit: String? = nil, scale: Scale = .linear, range: ClosedRange<Double>? = nil) {
            self.label = label
            self.unit = unit
            self.scale = scale
            self.range = range
        }

        var caption: String { unit.map { "\(label) (\($0))" } ?? label }
    }

    enum Scale: Sendable, Equatable {
        case linear
        /// Negative values have no place and are gaps. Zero, and what is smaller than the floor, is drawn at the floor, and the
        /// chart says so; without a floor, zero is a gap too.
        case logarithmic(floor: Double? = nil)
    }

    struct Series: Sendable, Equatable {
        var name: String
        var points: [Point]
        /// In the background: what is too noisy to be read by itself.
        var isFaint = false
        /// Whether each point is marked: right for few.
        var showsPoints = false

        init(_ name: String, _ points: [Point], isFaint: Bool = false, showsPoints: Bool = false) {
            self.name = name
            self.points = points
            self.isFaint = isFaint
            self.showsPoints = showsPoints
        }
    }

    /// A value that is missing or not finite is a gap.
    struct Point: Sendable, Equatable {
        var x: Double
        var y: Double?

        init(_ x: Double, _ y: Double?) {
            self.x = x
            self.y = y
        }
    }

    /// A line across the chart.
    struct Marker: Sendable, Equatable {
        enum Direction: Sendable { case horizontal, vertical }

        var direction: Direction
        var value: Double
        var label: String

        /// - Parameter y: a value of the vertical axis.
        static func horizontal(at y: Double, _ label: String) -> Marker {
            Marker(direction: .horizontal, value: y, label: label)
        }

        /// - Parameter x: a value of the horizontal axis.
        static func vertical(at x: Double, _ label: String) -> Marker {
            Marker(direction: .vertical, value: x, label: label)
        }
    }
}
