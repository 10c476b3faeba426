/// A page that shows training without anything beside it: one file, no network, no scripts, light and dark.
///
/// It is well-formed XML as well as HTML, so that tools of either kind can read it.
struct ReportPage {
    let title: String
    private let body: [String]
    /// What the page shows, as JSON.
    private let data: String

    /// Points of training that a page carries at most; the report's own JSON has all.
    static let pointLimit = 2000

    init(_ report: TrainingReport) throws {
        let thinned = report.thinned(toPoints: Self.pointLimit)
        title = "\(report.run.model): training"
        data = try thinned.json
        var note = ""
        if thinned.training.count < report.training.count {
            note =
                "\(grouped(thinned.training.count)) of \(grouped(report.training.count)) points of training are kept in the"
                + " JSON within this page."
        }
        // Charts are of all points: they thin by what can be seen.
        body = Self.sections(report) + [Self.paragraph(note, classes: "faint")]
    }

    init(_ comparison: TrainingComparison) throws {
        title = comparison.title
        data = try comparison.json(points: Self.pointLimit)
        body =
            [Self.table(comparison.rows)] + comparison.charts.map(Self.figure)
            + comparison.entries.flatMap { entry -> [String] in
                guard let verdict = entry.report.diagnosis?.verdict else { return [] }
                return [Self.heading("\(entry.name): \(verdict.kind.rawValue)")] + Self.words(verdict)
            }
    }

    var html: String {
        let policy = "default-src 'none'; style-src 'unsafe-inline'"
        let parts =
            [
                "<!DOCTYPE html>", "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">", "<head>",
                "<meta charset=\"utf-8\"/>", "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>",
                "<meta http-equiv=\"Content-Security-Policy\" content=\"\(policy)\"/>",
                "<meta name=\"color-scheme\" content=\"light dark\"/>", "<title>\(escapedMarkup(title))</title>",
                "<style>\(Self.css)</style>", "</head>", "<body>", "<main>",
                "<h1>\(escapedMarkup(title))</h1>",
            ] + body.filter { !$0.isEmpty } + [
                "</main>", "<script type=\"application/json\" id=\"report\">\(Self.escapedScript(data))</script>", "</body>",
                "</html>",
            ]
        return parts.joined(separator: "\n") + "\n"
    }

    private static func sections(_ report: TrainingReport) -> [String] {
        var sections = [heading("Run"), table(report.facts.map { [$0.name, $0.value] }, hasHeading: false)]
        if let diagnosis = report.diagnosis {
            sections.append(heading("Gradients through time: \(diagnosis.verdict.kind.rawValue)"))
            sections += words(diagnosis.verdict)
            sections.append(diagnosis.chart.map(figure) ?? "")
            sections.append(paragraph(diagnosis.radiusInWords ?? ""))
            if !diagnosis.gates.isEmpty { sections += [heading("Saturation of gates"), gates(diagnosis)] }
        }
        let curves = report.charts.filter { $0 != report.diagnosis?.chart }
        if !curves.isEmpty { sections += [heading("Curves")] + curves.map(figure) }
        let samples = report.validation.filter { $0.sample != nil }
        if !samples.isEmpty { sections.append(heading("What it wrote")) }
        for point in samples {
            sections.append(paragraph("after step \(grouped(point.step))", classes: "faint"))
            sections.append("<pre>\(escapedMarkup(point.sample ?? ""))</pre>")
        }
        if !report.run.program.isEmpty { sections += [heading("Program"), "<pre>\(escapedMarkup(report.run.program))</pre>"] }
        return sections
    }

    private static func words(_ verdict: GradientVerdict) -> [String] {
        let advice = verdict.advice.map { "<li>\(escapedMarkup($0))</li>" }
        return [paragraph(verdict.finding), advice.isEmpty ? "" : "<ul>" + advice.joined() + "</ul>"]
    }

    private static func heading(_ text: String) -> String { "<h2>\(escapedMarkup(text))</h2>" }

    private static func paragraph(_ text: String, classes: String = "") -> String {
        if text.isEmpty { return "" }
        return "<p\(classes.isEmpty ? "" : " class=\"\(classes)\"")>\(escapedMarkup(text))</p>"
    }

    private static func figure(_ chart: Chart) -> String { "<figure>\(chart.svg())</figure>" }

    private static func gates(_ diagnosis: GradientDiagnosis) -> String {
        let bars = ["<th>histogram</th>"] + diagnosis.gates.map { "<td>\(histogram($0))</td>" }
        return table(diagnosis.gateRows, lastCells: bars)
    }

    private static func histogram(_ gate: GateSaturation) -> String {
        let (width, height) = (10.0, 28.0)
        let largest = Double(max(1, gate.histogram.max() ?? 1))
        let bars = gate.histogram.enumerated().map { index, count in
            let tall = count > 0 ? max(1, height * Double(count) / largest) : 0
            return "<rect x=\"\(coordinate(Double(index) * width))\" y=\"\(coordinate(height - tall))\""
                + " width=\"\(coordinate(width - 1))\" height=\"\(coordinate(tall))\"/>"
        }
        let size = "\(coordinate(width * Double(gate.histogram.count))) \(coordinate(height))"
        let label = "histogram of \(gate.gate), \(gate.function == .sigmoid ? "0 to 1" : "-1 to 1")"
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bars\" viewBox=\"0 0 \(size)\" role=\"img\""
            + " fill=\"\(ChartStyle.light[0])\" aria-label=\"\(escapedMarkup(label))\">" + bars.joined() + "</svg>"
    }

    /// - Parameter lastCells: one more of each row, as it is.
    private static func table(_ rows: [[String]], hasHeading: Bool = true, lastCells: [String] = []) -> String {
        let rows = rows.enumerated().map { row, cells in
            let written = cells.enumerated().map { column, cell in
                let name = row == 0 && hasHeading || column == 0 ? "th" : "td"
                return "<\(name)>\(escapedMarkup(cell))</\(name)>"
            }
            return "<tr>" + written.joined() + (row < lastCells.count ? lastCells[row] : "") + "</tr>"
        }
        return "<div class=\"wide\"><table>" + rows.joined(separator: "\n") + "</table></div>"
    }

    /// JSON has these characters in strings only, where they may be written as numbers. So nothing in it ends the element,
    /// begins a comment or is a reference.
    private static func escapedScript(_ json: String) -> String {
        var result = ""
        for scalar in json.unicodeScalars {
            switch scalar {
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{7f}"..."\u{9f}", "\u{fffe}", "\u{ffff}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static let css = """
        body{margin:0;background:#fff;color:#20242a;font:15px/1.5 system-ui,sans-serif}main{max-width:760px;margin:0 auto;\
        padding:1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}figure{margin:1rem 0;overflow-x:auto}\
        figure svg{max-width:100%;height:auto}table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;\
        padding:.2rem .9rem .2rem 0;border-bottom:1px solid #e3e6ea}th{font-weight:600}.wide{overflow-x:auto}\
        td .bars{width:100px;height:28px}pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:.7rem;background:#f4f5f7;\
        font:13px/1.45 ui-monospace,monospace}.faint{color:#5c646e}\
        @media(prefers-color-scheme:dark){body{background:#16181c;color:#e4e6ea}.bars{fill:\(ChartStyle.dark[0])}\
        th,td{border-color:#31353c}pre{background:#20242a}.faint{color:#a2a9b3}}
        """
}
