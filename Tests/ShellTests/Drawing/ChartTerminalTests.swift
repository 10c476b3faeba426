import Testing

@testable import Shell

/// Charts in a terminal.
struct ChartTerminalTests {
    private static let slope = Chart(
        title: "Loss", x: Chart.Axis("step"), y: Chart.Axis("loss", unit: "nats per token"),
        series: [Chart.Series("training", (0...10).map { Chart.Point(Double($0), Double($0)) })])

    private static let pair: Chart = {
        var chart = slope
        chart.series.append(Chart.Series("validation", [Chart.Point(0, 10), Chart.Point(10, 5)]))
        chart.markers = [.horizontal(at: 2, "low"), .vertical(at: 5, "half")]
        return chart
    }()

    /// Everything that could be wide: other scripts, emoji, control characters, long names, gaps, all scales.
    private static let awkward = Chart(
        title: "損失 👩‍👩‍👧 e\u{301}\u{1b}[31mred\u{202e}" + String(repeating: "長", count: 60),
        x: Chart.Axis("steps back through time, as far as they go", scale: .logarithmic()),
        y: Chart.Axis("勾配", unit: "μ", scale: .logarithmic(floor: 1e-12)),
        series: (0..<9).map { curve in
            Chart.Series(
                "층 \(curve)\n\t" + String(repeating: "x", count: curve * 9),
                (1...50).map { Chart.Point(Double($0), $0 % 7 == 0 ? nil : 1 / Double($0 * $0 * $0 * (curve + 1))) })
        },
        markers: [.vertical(at: 12, "水平線 " + String(repeating: "y", count: 90)), .horizontal(at: 0.01, "1 %")],
        notes: [String(repeating: "note ", count: 40)])

    private static func withoutColour(_ text: String) -> String {
        text.replacing(/\u{1b}\[[0-9;]*m/, with: "")
    }

    @Test func axesAreNamedAndTicked() {
        let lines = Self.slope.lines(for: Display(columns: 30, isUTF8: false), rows: 6)
        #expect(lines[0...1] == ["Loss", "loss (nats per token)"])
        #expect(lines[2...7].map { String($0.prefix(4)) } == ["10 +", "   |", "   |", " 5 +", "   |", " 0 +"])
        #expect(
            lines[8...] == ["   ++-----------+-----------+", "    0           5          10", "              step"])
        let braille = Self.slope.lines(for: Display(columns: 30), rows: 6)
        #expect(braille[2...7].map { String($0.prefix(4)) } == ["10 ┤", "   │", "   │", " 5 ┤", "   │", " 0 ┤"])
        #expect(braille[8] == "   └┬───────────┬───────────┬")
    }

    /// Dots of the rows of a chart whose axis ends at a column. [row][column]
    private static func dots(_ lines: some Sequence<String>, axis: Int, isUTF8: Bool) -> [[Bool]] {
        lines.flatMap { line -> [[Bool]] in
            let cells = line.unicodeScalars.dropFirst(axis).map { scalar in
                isUTF8 ? (0x2800...0x28ff).contains(scalar.value) ? scalar.value - 0x2800 : 0 : scalar == "*" ? 1 : 0
            }
            // Unicode Standard, section 21.1: dots 1 to 8 are bits 0 to 7; 1, 2, 3, 7 stand left, 4, 5, 6, 8 right.
            let bits: [[UInt32]] = isUTF8 ? [[0, 3], [1, 4], [2, 5], [6, 7]] : [[0]]
            return bits.map { row in cells.flatMap { cell in row.map { cell >> $0 & 1 == 1 } } }
        }
    }

    /// Every column of dots has one on the line from one corner to the other, and none elsewhere.
    @Test(arguments: [true, false])
    func aSlopeIsAStraightLine(isUTF8: Bool) {
        let lines = Self.slope.lines(for: Display(columns: 30, isUTF8: isUTF8), rows: 6)
        let dots = Self.dots(lines[2...7], axis: 4, isUTF8: isUTF8)
        let (width, height) = (isUTF8 ? 50 : 25, isUTF8 ? 24 : 6)
        #expect(dots.count == height)
        for column in 0..<width {
            let drawn = dots.indices.filter { column < dots[$0].count && dots[$0][column] }
            func level(_ x: Double) -> Double { Double(height) * (1 - x / Double(width)) }
            #expect(!drawn.isEmpty, "column \(column)")
            for row in drawn {
                #expect(Double(row + 1) > level(Double(column + 1)) - 0.01, "column \(column), row \(row)")
                #expect(Double(row) < level(Double(column)) + 0.01, "column \(column), row \(row)")
            }
        }
    }

    @Test func curvesAreNamedAtTheirEndsAndInTheLegend() {
        for display in [Display(columns: 60), Display(columns: 60, isUTF8: false), Display(columns: 60, hasColour: true)] {
            let lines = Self.pair.lines(for: display, rows: 8).map(Self.withoutColour)
            #expect(lines[2].hasSuffix("a"))
            #expect(lines.filter { $0.hasSuffix("b") }.count == 1)
            let legend = lines.last ?? ""
            for name in ["a training", "b validation", "low", "half"] { #expect(legend.contains(name), "\(legend)") }
        }
    }

    @Test func markersAreDrawnWhereTheyAre() {
        let lines = Self.pair.lines(for: Display(columns: 64), rows: 10)
        let level = lines.filter { $0.contains("┄┄┄") }
        #expect(level.count == 1)
        #expect(lines.filter { $0.contains("┊") }.count >= 8)
        let ascii = Self.pair.lines(for: Display(columns: 64, isUTF8: false), rows: 10)
        #expect(ascii.contains { $0.contains("---") && $0.contains("|") })
    }

    @Test func noLineIsWiderThanTheTerminal() {
        for columns in Array(1...40) + [60, 79, 80, 81, 120] {
            for (hasColour, isUTF8) in [(false, true), (true, true), (false, false), (true, false)] {
                let display = Display(columns: columns, hasColour: hasColour, isUTF8: isUTF8)
                for chart in [Self.slope, Self.pair, Self.awkward] {
                    for line in chart.lines(for: display) {
                        let width = DisplayWidth.columns(of: Self.withoutColour(line))
                        #expect(width <= columns, "\(columns): \(line)")
                    }
                }
            }
        }
    }

    @Test func withoutUTF8ThereIsOnlyASCII() {
        for chart in [Self.slope, Self.pair, Self.awkward] {
            for line in chart.lines(for: Display(columns: 70, isUTF8: false)) {
                #expect(line.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "\(line)")
            }
        }
    }

    @Test func colourAddsNothingButColour() {
        let plain = Self.awkward.lines(for: Display(columns: 70, isUTF8: false))
        let coloured = Self.awkward.lines(for: Display(columns: 70, hasColour: true, isUTF8: false))
        #expect(coloured.map { Self.withoutColour($0).trimmingBlanks } == plain.map(\.trimmingBlanks))
        #expect(coloured.joined().contains("\u{1b}[36m"))
        #expect(!plain.joined().contains("\u{1b}"))
    }

    /// Names come from archives of strangers.
    @Test func namesCannotMoveTheCursor() {
        let lines = Self.awkward.lines(for: Display(columns: 200))
        #expect(lines[0].contains("\u{fffd}[31mred\u{fffd}"))
        #expect(!lines.joined().unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202e}" })
    }

    @Test func whatIsLeftOutIsSaid() {
        var chart = Self.slope
        chart.y.scale = .logarithmic(floor: 0.5)
        chart.series[0].points[4].y = .nan
        let lines = chart.lines(for: Display(columns: 60))
        #expect(lines.suffix(2) == ["1 value below 0.5, drawn at 0.5", "1 value missing or not finite, left out"])
    }

    @Test func aGapIsEmpty() {
        var chart = Self.slope
        for index in 4...6 { chart.series[0].points[index].y = nil }
        let rows = chart.lines(for: Display(columns: 44, isUTF8: false), rows: 8)[2..<10].map { Array($0.dropFirst(4)) }
        // From the points beside the gap, at 3 and 7 tenths of 39 columns.
        for column in 0..<39 {
            let isEmpty = !rows.contains { column < $0.count && $0[column] == "*" }
            #expect(isEmpty == (12...26).contains(column), "column \(column)")
        }
    }
}

extension String {
    fileprivate var trimmingBlanks: String { String(reversed().drop { $0 == " " }.reversed()) }
}
