import Testing

@testable import Shell

/// Where values of charts are drawn, and which are not.
struct PlotTests {
    private static func chart(
        _ values: [Double?], y scale: Chart.Scale = .linear, x: Chart.Scale = .linear, from first: Int = 0
    ) -> Chart {
        Chart(
            title: "t", x: Chart.Axis("x", scale: x), y: Chart.Axis("y", scale: scale),
            series: [Chart.Series("s", values.enumerated().map { Chart.Point(Double(first + $0.offset), $0.element) })])
    }

    private static func plot(_ chart: Chart, width: Double = 100) -> Plot {
        Plot(chart, width: width, height: 100, yTickLimit: 6)
    }

    private static func runs(_ chart: Chart, columns: Int = 1000) -> [[Plot.Place]] {
        plot(chart).runs(chart.series[0], columns: columns)
    }

    @Test func linearPositions() {
        let mapping = AxisMapping(Chart.Axis("x"), showing: [2, 10])
        #expect(mapping.position(2) == 0)
        #expect(mapping.position(10) == 1)
        #expect(mapping.position(4) == 0.25)
        #expect(mapping.position(18) == 2)
        #expect(mapping.position(.nan) == nil)
        #expect(mapping.position(.infinity) == nil)
    }

    @Test func logarithmicPositions() throws {
        let mapping = AxisMapping(Chart.Axis("x", scale: .logarithmic()), showing: [0.01, 100])
        #expect(mapping.position(0.01) == 0)
        #expect(mapping.position(1) == 0.5)
        #expect(try abs(#require(mapping.position(10)) - 0.75) < 1e-12)
        #expect(mapping.position(0) == nil)
        #expect(mapping.position(-1) == nil)
    }

    @Test func zeroIsAGapOrAtTheFloor() {
        #expect(Self.runs(Self.chart([1, 0, 10], y: .logarithmic())).map(\.count) == [1, 1])
        let floored = Self.chart([1, 0, 1e-9, 1e-3], y: .logarithmic(floor: 1e-6))
        let runs = Self.runs(floored)
        #expect(runs.map(\.count) == [4])
        #expect(runs[0].map(\.y) == [0, 100, 100, 50])
        #expect(Self.plot(floored).notes == ["2 values below 1e-6, drawn at 1e-6"])
        let withoutFloor = Self.plot(Self.chart([1, 0, -1], y: .logarithmic()))
        #expect(withoutFloor.notes == ["2 values that this scale cannot show, left out"])
    }

    @Test func negativeValuesOnALogarithmicAxisAreGapsDespiteAFloor() {
        let chart = Self.chart([1, -5, 2], y: .logarithmic(floor: 1e-3))
        #expect(Self.runs(chart).map(\.count) == [1, 1])
        #expect(Self.plot(chart).notes == ["1 value that this scale cannot show, left out"])
    }

    @Test func missingAndNonFiniteValuesAreGaps() {
        let chart = Self.chart([1, 2, nil, 3, .nan, .infinity, 4, 5, -.infinity])
        #expect(Self.runs(chart).map(\.count) == [2, 1, 2])
        #expect(Self.plot(chart).notes == ["4 values missing or not finite, left out"])
        #expect(Self.plot(chart).y.upper == 5)
    }

    @Test func aChartOfNothingHasARangeAllTheSame() {
        for scale in [Chart.Scale.linear, .logarithmic(), .logarithmic(floor: 1e-3)] {
            for values in [[], [nil], [.nan, .infinity]] as [[Double?]] {
                let plot = Self.plot(Self.chart(values, y: scale))
                #expect(plot.y.lower < plot.y.upper)
                #expect(plot.x.lower < plot.x.upper)
                #expect(!plot.y.ticks(atMost: 5).isEmpty)
            }
        }
    }

    @Test(arguments: [0, 3, -3, 1e-200, 1e200, 1e15, .leastNonzeroMagnitude, 1e300])
    func oneValueIsInsideTheChart(value: Double) throws {
        for scale in [Chart.Scale.linear, .logarithmic(floor: 1e-250)] where value >= 0 || scale == .linear {
            let mapping = AxisMapping(Chart.Axis("y", scale: scale), showing: [value], extendedForTicks: 5)
            let position = try #require(mapping.position(value))
            #expect(position >= 0 && position <= 1, "\(value) at \(position)")
            #expect(mapping.lower.isFinite && mapping.upper.isFinite && mapping.lower < mapping.upper)
            #expect(!mapping.ticks(atMost: 5).isEmpty)
        }
    }

    @Test func theLargestNumbersAreGapsRatherThanOverflow() {
        let chart = Self.chart([1, .greatestFiniteMagnitude, 2, -.greatestFiniteMagnitude, 3])
        #expect(Self.runs(chart).map(\.count) == [1, 1, 1])
        #expect(Self.plot(chart).notes == ["2 values that this scale cannot show, left out"])
    }

    @Test func aChosenRangeIsKept() {
        var chart = Self.chart([0, 50, 100])
        chart.y.range = 10...20
        #expect(Self.plot(chart).y.lower == 10)
        #expect(Self.plot(chart).y.upper == 20)
    }

    @Test func markersAreShownEvenBesideTheCurves() {
        var chart = Self.chart([1, 2])
        chart.markers = [.horizontal(at: 10, "level"), .vertical(at: 7, "moment")]
        #expect(Self.plot(chart).y.upper >= 10)
        #expect(Self.plot(chart).x.upper == 7)
    }

    @Test func thinningKeepsExtremesAndEnds() {
        var noise = Noise()
        var values: [Double?] = (0..<100_000).map { _ in noise.next() }
        values[31_415] = 40
        values[92_653] = -40
        let chart = Self.chart(values)
        let runs = Self.runs(chart, columns: 100)
        #expect(runs.count == 1)
        #expect(runs[0].count <= 4 * 101)
        let plot = Self.plot(chart)
        for index in [0, 31_415, 92_653, 99_999] {
            #expect(plot.place(chart.series[0].points[index]).map { runs[0].contains($0) } == true, "\(index)")
        }
        // Each column keeps its own extremes, and the order of steps.
        let columns = Dictionary(grouping: chart.series[0].points.compactMap { plot.place($0) }) { Int($0.x) }
        for column in 0..<100 {
            let all = columns[column] ?? []
            let kept = runs[0].filter { Int($0.x) == column }
            #expect(kept.map(\.y).min() == all.map(\.y).min())
            #expect(kept.map(\.y).max() == all.map(\.y).max())
            #expect(kept.map(\.x) == kept.map(\.x).sorted())
        }
    }

    @Test func fewPointsAreNotThinned() {
        let values: [Double?] = (0..<400).map { Double($0 * $0 % 97) }
        #expect(Self.runs(Self.chart(values), columns: 100)[0].count == 400)
    }

    /// Gaps that are narrower than a column would be as many as points, and are not seen.
    @Test func thinningKeepsGapsThatAreSeen() {
        var values: [Double?] = (0..<100_000).map { $0 % 2 == 0 ? Double($0) : nil }
        #expect(Self.runs(Self.chart(values), columns: 100).reduce(0) { $0 + $1.count } <= 404)
        for index in 40_000..<60_000 { values[index] = nil }
        let runs = Self.runs(Self.chart(values), columns: 100)
        #expect(runs.contains { $0.last.map { $0.x < 40.01 && $0.x > 39 } == true })
        #expect(runs.contains { $0.first.map { $0.x >= 60 && $0.x < 61 } == true })
        #expect(!runs.joined().contains { $0.x > 40.1 && $0.x < 59.9 })
    }
}
