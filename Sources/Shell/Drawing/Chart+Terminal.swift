/// How a chart is drawn in a terminal: braille dots where the locale has them, colours where they are wanted. Curves are told
/// apart without either by a letter at their end.
extension Chart {
    /// SGR colours of curves, in an order in which neighbours differ in brightness too. Themes choose their shades.
    private static let colours = ["36", "33", "35", "34", "32", "31"]
    private static let symbols: [Character] = ["*", "+", "o", "x", "#", "@"]
    /// Dots that are drawn and left out, where there is no colour.
    private static let dashes: [[Int]] = [[], [6, 4], [2, 3], [10, 3], [4, 2], [1, 2]]
    private static let faint = "2"

    /// - Parameter rows: of the part with the curves.
    func lines(for display: Display, rows: Int = 14) -> [String] {
        var lines: [String] = []
        func add(_ text: String, style: String? = nil, indent: Int = 0) {
            var line = StyledLine(display)
            line.pad(to: indent)
            line.append(text, style: style)
            lines.append(line.string)
        }
        add(title, style: Style.strong.rawValue)
        if display.columns >= Layout.smallest {
            let layout = Layout(self, display, rows: max(2, rows))
            add(y.caption, style: Self.faint)
            lines += curves(layout)
            lines += horizontalAxis(layout)
            let room = layout.columns - DisplayWidth.columns(of: x.caption)
            add(x.caption, style: Self.faint, indent: layout.left + max(0, room / 2))
        } else {
            // Too narrow for curves: where they end is better than nothing.
            for (index, series) in series.enumerated() {
                let last = series.points.last { $0.y?.isFinite == true }?.y.map { compact($0, digits: 4) } ?? "-"
                add("\(Self.letter(index)) \(last)")
            }
        }
        lines += legend(display)
        for note in Plot(self, width: 1, height: 1, yTickLimit: 4).notes { add(note, style: Self.faint) }
        return lines
    }

    /// What stands where.
    private struct Layout {
        /// Columns below which no curve can be read.
        static let smallest = 24

        let display: Display
        let plot: Plot
        let canvas: DotCanvas
        let yTicks: [Tick]
        /// Columns of the labels and the axis to the left of the curves.
        let left: Int
        var columns: Int { canvas.columns }

        init(_ chart: Chart, _ display: Display, rows: Int) {
            self.display = display
            let yTickLimit = max(2, rows / 2)
            let preview = Plot(chart, width: 1, height: 1, yTickLimit: yTickLimit)
            yTicks = preview.y.ticks(atMost: yTickLimit)
            left = min(display.columns / 3, yTicks.map(\.label.count).max() ?? 0) + 2
            let right = chart.series.count > 1 ? min(chart.series.count, 6) + 1 : 1
            var canvas = DotCanvas(columns: display.columns - left - right, rows: rows, isBraille: display.isUTF8)
            plot = Plot(chart, width: Double(canvas.width), height: Double(canvas.height), yTickLimit: yTickLimit)
            for (index, series) in chart.series.enumerated() {
                let dash = display.hasColour || !display.isUTF8 ? [] : Chart.dashes[index % Chart.dashes.count]
                for run in plot.runs(series, columns: canvas.width) { canvas.draw(run, curve: index, dash: dash) }
            }
            self.canvas = canvas
        }

        /// The row of characters of a value of the vertical axis; nil: it is not shown.
        func row(_ y: Double) -> Int? { Self.index(plot.y.position(y).map { 1 - $0 }, of: canvas.rows) }

        func column(_ x: Double) -> Int? { Self.index(plot.x.position(x), of: columns) }

        private static func index(_ position: Double?, of count: Int) -> Int? {
            guard let position, position >= 0, position <= 1 else { return nil }
            return min(count - 1, Int(position * Double(count)))
        }
    }

    private func curves(_ layout: Layout) -> [String] {
        let display = layout.display
        var labels: [Int: String] = [:]
        for tick in layout.yTicks { if let row = layout.row(tick.value) { labels[row] = tick.label } }
        let ends = endings(layout)
        let levels = Set(markers.filter { $0.direction == .horizontal }.compactMap { layout.row($0.value) })
        let columns = Set(markers.filter { $0.direction == .vertical }.compactMap { layout.column($0.value) })
        return (0..<layout.canvas.rows).map { row in
            var line = StyledLine(display)
            let label = DisplayWidth.truncated(labels[row] ?? "", to: layout.left - 2, isUTF8: display.isUTF8)
            line.pad(to: layout.left - 2 - DisplayWidth.columns(of: label))
            line.append(label, style: Self.faint)
            let axis = labels[row] == nil ? (display.isUTF8 ? " │" : " |") : (display.isUTF8 ? " ┤" : " +")
            line.append(axis, style: Self.faint)
            for column in 0..<layout.columns {
                if let (character, curve) = layout.canvas.character(column: column, row: row, symbols: Self.symbols) {
                    line.append(String(character), style: series[curve].isFaint ? Self.faint : Self.colour(curve))
                } else if columns.contains(column) {
                    line.append(display.isUTF8 ? "┊" : ":", style: Self.faint)
                } else if levels.contains(row) {
                    line.append(display.isUTF8 ? "┄" : "-", style: Self.faint)
                } else {
                    line.append(" ")
                }
            }
            for curve in ends[row] ?? [] { line.append(Self.letter(curve), style: Self.colour(curve)) }
            return line.string
        }
    }

    /// The curves that end at each row of characters, where there are several.
    private func endings(_ layout: Layout) -> [Int: [Int]] {
        var endings: [Int: [Int]] = [:]
        guard series.count > 1 else { return endings }
        for (index, series) in series.enumerated() {
            let last = series.points.last { layout.plot.place($0) != nil }
            if let y = last?.y, let row = layout.row(AxisMapping.placed(y, self.y.scale) ?? y) {
                endings[row, default: []].append(index)
            }
        }
        return endings
    }

    private func horizontalAxis(_ layout: Layout) -> [String] {
        let display = layout.display
        var ticks: [(column: Int, label: String, start: Int)] = []
        // As many ticks as have room for their labels.
        for limit in stride(from: max(2, layout.columns / 8), through: 2, by: -1) {
            ticks = layout.plot.x.ticks(atMost: limit).compactMap { tick in
                guard let column = layout.column(tick.value) else { return nil }
                let start = layout.left + column - tick.label.count / 2
                return (column, tick.label, max(0, min(start, display.columns - tick.label.count)))
            }
            let fits = zip(ticks, ticks.dropFirst()).allSatisfy { $0.start + $0.label.count < $1.start }
            if fits { break }
        }
        var axis = StyledLine(display)
        axis.pad(to: layout.left - 1)
        let marked = Set(ticks.map(\.column))
        let (corner, line, tick) = display.isUTF8 ? ("└", "─", "┬") : ("+", "-", "+")
        axis.append(
            corner + (0..<layout.columns).map { marked.contains($0) ? tick : line }.joined(), style: Self.faint)
        var labels = StyledLine(display)
        for tick in ticks where tick.start >= labels.columns {
            labels.pad(to: tick.start)
            labels.append(tick.label, style: Self.faint)
        }
        return [axis.string, labels.string]
    }

    private func legend(_ display: Display) -> [String] {
        var entries: [[(text: String, style: String?)]] = []
        for (index, series) in series.enumerated() where self.series.count > 1 {
            let sign = display.isUTF8 ? "" : "\(Self.symbols[index % Self.symbols.count]) "
            let style = series.isFaint ? Self.faint : Self.colour(index)
            entries.append([(sign + Self.letter(index), style), (" " + series.name, nil)])
        }
        for marker in markers {
            let sign = marker.direction == .horizontal ? (display.isUTF8 ? "┄" : "-") : (display.isUTF8 ? "┊" : ":")
            entries.append([(sign, Self.faint), (" " + marker.label, nil)])
        }
        return StyledLine.wrapped(entries, indent: 0, gap: 3, display)
    }

    private static func letter(_ index: Int) -> String {
        String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index % 26)))
    }

    private static func colour(_ index: Int) -> String { colours[index % colours.count] }
}
