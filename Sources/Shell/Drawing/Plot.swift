/// A chart with a place for every value, in units of whatever it is drawn on; y grows downwards.
struct Plot {
    struct Place: Equatable {
        var x: Double
        var y: Double
    }

    let chart: Chart
    let x: AxisMapping
    let y: AxisMapping
    let width: Double
    let height: Double

    init(_ chart: Chart, width: Double, height: Double, yTickLimit: Int) {
        self.chart = chart
        self.width = width
        self.height = height
        func marked(_ direction: Chart.Marker.Direction) -> [Double] {
            chart.markers.filter { $0.direction == direction }.map(\.value)
        }
        // A point that is a gap is no reason to show its place.
        let points = chart.series.lazy.flatMap(\.points)
            .filter { Self.isDrawn($0, chart) }
        x = AxisMapping(chart.x, showing: points.map(\.x) + marked(.vertical))
        y = AxisMapping(chart.y, showing: points.compactMap(\.y) + marked(.horizontal), extendedForTicks: yTickLimit)
    }

    private static func isDrawn(_ point: Chart.Point, _ chart: Chart) -> Bool {
        guard let y = point.y else { return false }
        return AxisMapping.placed(point.x, chart.x.scale) != nil && AxisMapping.placed(y, chart.y.scale) != nil
    }

    /// Far beside the chart is as good as farther, and fits into an integer.
    private static let margin = 1e4

    func place(_ point: Chart.Point) -> Place? {
        guard let value = point.y, let x = x.position(point.x), let y = y.position(value) else { return nil }
        func bounded(_ value: Double) -> Double { min(max(value, -Self.margin), Self.margin) }
        return Place(x: bounded(x * width), y: bounded((1 - y) * height))
    }

    /// The unbroken runs of a series. Of very many points, those that share a column are thinned to the first, the lowest, the
    /// highest and the last of them, which are all that is seen; so is a gap that begins and ends in one column.
    func runs(_ series: Chart.Series, columns: Int) -> [[Place]] {
        let isThinned = series.points.count > 4 * columns
        var runs: [[Place]] = []
        var run: [Place] = []
        var bucket = Bucket()
        func column(_ place: Place) -> Int { Int((place.x * Double(columns) / width).rounded(.down)) }
        func finish() {
            run += bucket.kept
            bucket = Bucket()
            if !run.isEmpty { runs.append(run) }
            run = []
        }
        var isAfterGap = false
        for point in series.points {
            guard let place = place(point) else {
                isAfterGap = true
                continue
            }
            let continuesColumn = isThinned && bucket.column == column(place)
            if isAfterGap && !continuesColumn { finish() }
            isAfterGap = false
            if !continuesColumn {
                run += bucket.kept
                bucket = Bucket(column: column(place))
            }
            bucket.add(place)
        }
        finish()
        return runs
    }

    /// Points of one column, in their order.
    private struct Bucket {
        var column: Int?
        private var count = 0
        private var first: Place?
        private var last: Place?
        private var lowest: (order: Int, place: Place)?
        private var highest: (order: Int, place: Place)?

        init(column: Int? = nil) { self.column = column }

        mutating func add(_ place: Place) {
            if first == nil { first = place }
            if lowest.map({ place.y > $0.place.y }) ?? true { lowest = (count, place) }
            if highest.map({ place.y < $0.place.y }) ?? true { highest = (count, place) }
            last = place
            count += 1
        }

        var kept: [Place] {
            guard let first, let last, let lowest, let highest else { return [] }
            var kept = [(0, first), lowest, highest, (count - 1, last)]
            kept.sort { $0.0 < $1.0 }
            var orders = Set<Int>()
            return kept.filter { orders.insert($0.0).inserted }.map(\.1)
        }
    }

    /// What is not where it should be, in words.
    var notes: [String] {
        var (missing, floored, unplaced) = (0, 0, 0)
        var floor: Double?
        if case .logarithmic(let value) = chart.y.scale { floor = value }
        for point in chart.series.lazy.flatMap(\.points) {
            guard let y = point.y, y.isFinite, point.x.isFinite else {
                missing += 1
                continue
            }
            if let floor, y >= 0, y < floor {
                floored += 1
            } else if !Self.isDrawn(point, chart) {
                unplaced += 1
            }
        }
        var notes = chart.notes
        if let floor, floored > 0 {
            let shown = compact(floor, digits: 3)
            notes.append("\(counted(floored, "value")) below \(shown), drawn at \(shown)")
        }
        if unplaced > 0 { notes.append("\(counted(unplaced, "value")) that this scale cannot show, left out") }
        if missing > 0 { notes.append("\(counted(missing, "value")) missing or not finite, left out") }
        return notes
    }
}
