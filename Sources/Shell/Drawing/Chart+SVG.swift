/// How a chart is drawn for a page or a file: SVG 1.1 that needs nothing beside itself and no scripts. Its style is repeated in
/// each chart of a page: not every program that reads pages lets the page's style into pictures.
extension Chart {
    func svg(width: Int = 720, height: Int = 320) -> String {
        SVGDrawing(self, width: max(240, width), height: max(160, height)).text
    }
}

private struct SVGDrawing {
    /// Of the font, roughly: texts are never so near to each other that it matters.
    private static let characterWidth = 7.0
    private static let rowHeight = 18.0
    private static let (top, right) = (48.0, 18.0)

    let chart: Chart
    let plot: Plot
    let yTicks: [Tick]
    let width: Double
    /// Of the part with the curves, from the left edge.
    let left: Double
    /// The legend, row by row.
    let legend: [[LegendEntry]]

    struct LegendEntry {
        enum Sign {
            case curve(Int)
            case marker
        }
        var sign: Sign
        var label: String
        var width: Double { 34 + Double(DisplayWidth.columns(of: label)) * SVGDrawing.characterWidth + 14 }
    }

    /// - Parameter height: of the chart without legend and notes, which add to it.
    init(_ chart: Chart, width: Int, height: Int) {
        self.chart = chart
        self.width = Double(width)
        let plotHeight = Double(height) - Self.top - 46
        let tickLimit = max(3, Int(plotHeight / 32))
        let preview = Plot(chart, width: 1, height: 1, yTickLimit: tickLimit)
        yTicks = preview.y.ticks(atMost: tickLimit)
        left = Double(yTicks.map(\.label.count).max() ?? 0) * Self.characterWidth + 20
        plot = Plot(chart, width: Double(width) - left - Self.right, height: plotHeight, yTickLimit: tickLimit)
        var rows: [[LegendEntry]] = []
        var used = Double.infinity
        for entry in Self.entries(chart) {
            if used + entry.width > Double(width) - left - Self.right {
                rows.append([])
                used = 0
            }
            rows[rows.count - 1].append(entry)
            used += entry.width
        }
        legend = rows
    }

    private static func entries(_ chart: Chart) -> [LegendEntry] {
        let curves = chart.series.count > 1 ? Array(chart.series.enumerated()) : []
        return curves.map { LegendEntry(sign: .curve($0.offset), label: $0.element.name) }
            + chart.markers.filter { $0.direction == .horizontal }.map { LegendEntry(sign: .marker, label: $0.label) }
    }

    var text: String {
        let notes = plot.notes
        let legendTop = Self.top + plot.height + 46
        let notesTop = legendTop + Double(legend.count) * Self.rowHeight
        let height = notesTop + Double(notes.count) * Self.rowHeight + 6
        let size = "\(coordinate(width)) \(coordinate(height))"
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 \(size)\" width=\"\(coordinate(width))\""
                + " height=\"\(coordinate(height))\" role=\"img\" aria-label=\"\(escapedMarkup(chart.title))\">",
            "<title>\(escapedMarkup(chart.title))</title><style>\(ChartStyle.css)</style>",
        ]
        parts.append("<rect class=\"paper\" width=\"\(coordinate(width))\" height=\"\(coordinate(height))\"/>")
        parts.append(label(chart.title, x: left, y: 18, classes: "title"))
        parts.append(label(chart.y.caption, x: left, y: 38, classes: "faint"))
        parts += axes()
        parts += verticalMarkers()
        parts.append(curves())
        for (row, entries) in legend.enumerated() { parts += legendRow(entries, y: legendTop + Double(row) * Self.rowHeight) }
        for (row, note) in notes.enumerated() {
            parts.append(label(note, x: left, y: notesTop + Double(row) * Self.rowHeight + 10, classes: "faint"))
        }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private func label(_ text: String, x: Double, y: Double, anchor: String = "start", classes: String = "") -> String {
        let classes = classes.isEmpty ? "" : " class=\"\(classes)\""
        let anchor = anchor == "start" ? "" : " text-anchor=\"\(anchor)\""
        return "<text\(classes) x=\"\(coordinate(x))\" y=\"\(coordinate(y))\"\(anchor)>\(escapedMarkup(text))</text>"
    }

    private func line(_ from: (Double, Double), _ to: (Double, Double), _ classes: String) -> String {
        "<line class=\"\(classes)\" x1=\"\(coordinate(from.0))\" y1=\"\(coordinate(from.1))\""
            + " x2=\"\(coordinate(to.0))\" y2=\"\(coordinate(to.1))\"/>"
    }

    private var bottom: Double { Self.top + plot.height }

    private func axes() -> [String] {
        var parts: [String] = []
        for tick in yTicks {
            guard let position = plot.y.position(tick.value), position >= 0, position <= 1 else { continue }
            let y = Self.top + (1 - position) * plot.height
            parts.append(line((left, y), (left + plot.width, y), "grid"))
            parts.append(label(tick.label, x: left - 8, y: y + 4, anchor: "end", classes: "faint"))
        }
        parts.append(line((left, bottom), (left + plot.width, bottom), "axis"))
        // As many ticks as have room for their labels.
        var ticks: [Tick] = []
        for limit in stride(from: max(2, Int(plot.width / 60)), through: 2, by: -1) {
            ticks = plot.x.ticks(atMost: limit)
            let longest = ticks.map(\.label.count).max() ?? 0
            if Double(longest + 2) * Self.characterWidth * Double(ticks.count) <= plot.width { break }
        }
        for tick in ticks {
            guard let position = plot.x.position(tick.value), position >= 0, position <= 1 else { continue }
            let x = left + position * plot.width
            parts.append(line((x, bottom), (x, bottom + 4), "axis"))
            parts.append(label(tick.label, x: x, y: bottom + 18, anchor: "middle", classes: "faint"))
        }
        parts.append(label(chart.x.caption, x: left + plot.width / 2, y: bottom + 36, anchor: "middle", classes: "faint"))
        return parts
    }

    /// With their labels beside them, each in a row of its own so that near ones do not cover each other.
    private func verticalMarkers() -> [String] {
        var parts: [String] = []
        for (index, marker) in chart.markers.filter({ $0.direction == .vertical }).enumerated() {
            guard let position = plot.x.position(marker.value), position >= 0, position <= 1 else { continue }
            let x = left + position * plot.width
            let length = Double(DisplayWidth.columns(of: marker.label)) * Self.characterWidth
            let isAtEnd = x + length + 6 > left + plot.width
            let y = Self.top + 12 + Double(index % max(1, Int(plot.height / 14))) * 14
            parts.append(line((x, Self.top), (x, bottom), "marker"))
            parts.append(
                label(marker.label, x: isAtEnd ? x - 5 : x + 5, y: y, anchor: isAtEnd ? "end" : "start", classes: "faint"))
        }
        return parts
    }

    /// An inner picture cuts off what a chosen range leaves out, without an identifier that two charts of a page might share.
    private func curves() -> String {
        // Half a point or line beyond the edge is still seen whole.
        let edge = 3.0
        let size = (width: coordinate(plot.width + 2 * edge), height: coordinate(plot.height + 2 * edge))
        var parts = [
            "<svg x=\"\(coordinate(left - edge))\" y=\"\(coordinate(Self.top - edge))\" width=\"\(size.width)\""
                + " height=\"\(size.height)\" viewBox=\"-3 -3 \(size.width) \(size.height)\" overflow=\"hidden\">"
        ]
        for marker in chart.markers where marker.direction == .horizontal {
            guard let position = plot.y.position(marker.value) else { continue }
            let y = (1 - position) * plot.height
            if y >= 0 && y <= plot.height { parts.append(line((0, y), (plot.width, y), "marker")) }
        }
        for (index, series) in chart.series.enumerated() {
            let runs = plot.runs(series, columns: Int(plot.width))
            if runs.isEmpty { continue }
            let path = runs.map { run in
                let places = run.map { "\(coordinate($0.x)) \(coordinate($0.y))" }
                // A point between gaps is a line of no length, which round ends make a dot.
                return "M" + (places.count == 1 ? places[0] + "h0" : places.joined(separator: "L"))
            }
            parts.append("<path class=\"\(Self.classes(index, series))\" d=\"\(path.joined())\"/>")
            if series.showsPoints {
                let dots = runs.joined().map { "<circle cx=\"\(coordinate($0.x))\" cy=\"\(coordinate($0.y))\" r=\"2.6\"/>" }
                parts.append("<g class=\"f\(ChartStyle.colour(index))\">\(dots.joined())</g>")
            }
        }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    private static func classes(_ index: Int, _ series: Chart.Series) -> String {
        "curve c\(ChartStyle.colour(index)) " + (series.isFaint ? "behind" : "d\(ChartStyle.dash(index))")
    }

    private func legendRow(_ entries: [LegendEntry], y: Double) -> [String] {
        var x = left
        var parts: [String] = []
        for entry in entries {
            let classes =
                switch entry.sign {
                case .curve(let index): Self.classes(index, chart.series[index])
                case .marker: "marker"
                }
            parts.append(line((x, y + 6), (x + 28, y + 6), classes))
            parts.append(label(entry.label, x: x + 34, y: y + 10))
            x += entry.width
        }
        return parts
    }
}
