import Foundation
import Testing

@testable import Shell

/// Reports as pages and in terminals.
struct ReportPageTests {
    private static let hostile: TrainingReport = {
        var report = SampleReports.report("</title><script>alert(1)</script>", steps: 64)
        report.run.program = "</pre><img src=x onerror=alert(1)> a & b"
        report.run.reason = "\"quoted\" 'text'\u{1b}[31m"
        report.run.settings = [.init(name: "<i>", value: "</table>")]
        report.validation[0].sample = "</script><!-- ]]> \u{0}\u{2028}\u{fffe}"
        return report
    }()

    private static func elements(_ parsed: ParsedXML, _ name: String) -> [[String: String]] {
        parsed.elements.filter { $0.name == name }.map(\.attributes)
    }

    @Test func itIsWellFormedWhateverTheReportHolds() throws {
        for page in [
            try ReportPage(Self.hostile), try ReportPage(SampleReports.report()), try ReportPage(SampleReports.comparison),
        ] {
            let parsed = try #require(ParsedXML(page.html))
            #expect(Self.elements(parsed, "script").map { $0["type"] } == ["application/json"])
            #expect(Self.elements(parsed, "img").isEmpty && Self.elements(parsed, "i").isEmpty)
            // The page's own, and one of each chart.
            let charts = parsed.elements.count { $0.name == "svg" && $0.attributes["class"] == "chart" }
            #expect(Self.elements(parsed, "title").count == 1 + charts)
        }
        let parsed = try #require(ParsedXML(ReportPage(Self.hostile).html))
        for text in ["<script>alert(1)</script>", "</pre><img src=x onerror=alert(1)> a & b", "\"quoted\" 'text'", "</table>"] {
            #expect(parsed.text.contains(text), "\(text)")
        }
        // An HTML parser looks for the first of these, whatever XML says.
        #expect(try ReportPage(Self.hostile).html.components(separatedBy: "</script").count == 2)
        #expect(try !ReportPage(Self.hostile).html.contains("<!--"))
    }

    @Test func itNeedsNoNetworkAndRunsNothing() throws {
        for page in [try ReportPage(SampleReports.report()), try ReportPage(SampleReports.comparison)] {
            let html = page.html.replacing(/http:\/\/www.w3.org\/(1999\/xhtml|2000\/svg)/, with: "")
            for word in ["http:", "https:", "url(", "@import", "<link", "<img", "<iframe", "src=", "href=", "onload"] {
                #expect(!html.contains(word), "\(word)")
            }
            #expect(html.contains("default-src 'none'"))
            #expect(html.contains("prefers-color-scheme:dark"))
        }
    }

    private static func data(_ page: ReportPage) throws -> String {
        let start = try #require(page.html.range(of: "id=\"report\">")).upperBound
        let end = try #require(page.html.range(of: "</script>")).lowerBound
        return String(page.html[start..<end])
    }

    @Test func itCarriesTheReport() throws {
        for report in [Self.hostile, SampleReports.report()] {
            #expect(try TrainingReport(json: Array(Self.data(ReportPage(report)).utf8)) == report)
        }
        let list = try JSONSerialization.jsonObject(with: Data(Self.data(ReportPage(SampleReports.comparison)).utf8))
        let names = (list as? [[String: Any]])?.compactMap { $0["name"] as? String }
        #expect(names == ["rnn", "lstm", "gru"])
    }

    @Test func aLongTrainingMakesAPageThatOpens() throws {
        let report = SampleReports.report(steps: 50_000)
        let page = try ReportPage(report)
        #expect(page.html.utf8.count < 1_000_000)
        #expect(try TrainingReport(json: Array(Self.data(page).utf8)).training.count <= ReportPage.pointLimit)
        #expect(page.html.contains(" of 50,000 points of training are kept in the JSON within this page."))
    }

    @Test func equalReportsAreEqualBytes() throws {
        #expect(try ReportPage(SampleReports.report()).html == ReportPage(SampleReports.report()).html)
        #expect(SampleReports.report().lines(for: Display()) == SampleReports.report().lines(for: Display()))
    }

    @Test func itShowsWhatThereIs() throws {
        let parsed = try #require(ParsedXML(ReportPage(SampleReports.report()).html))
        #expect(parsed.elements.filter { $0.name == "svg" && $0.attributes["class"] == "chart" }.count == 6)
        #expect(parsed.elements.filter { $0.attributes["class"] == "bars" }.count == 3)
        for text in [
            "1,954,337", "seed", "1337", "Gradients through time: healthy", "layers.0 forget", "What <light> is this & that?",
            "# logits & more",
        ] {
            #expect(parsed.text.contains(text), "\(text)")
        }
        let bare = try #require(ParsedXML(ReportPage(TrainingReport(run: .init(model: "m"))).html))
        #expect(Self.elements(bare, "svg").isEmpty && Self.elements(bare, "table").count == 1)
    }

    @Test func networksSideBySide() throws {
        let comparison = SampleReports.comparison
        #expect(comparison.charts.map { $0.series.map(\.name) } == [["rnn", "lstm", "gru"], ["rnn", "lstm", "gru"]])
        #expect(comparison.rows.map { $0.last } == ["verdict", "vanishing", "healthy", "healthy"])
        let lines = comparison.lines(for: Display(columns: 100))
        #expect(lines.contains { $0.hasPrefix("verdict") && $0.contains("vanishing  healthy") })
        let gradients = try #require(comparison.gradientChart)
        #expect(gradients.series.allSatisfy { $0.points.first == Chart.Point(0, 1) })
        #expect(TrainingComparison(title: "none", entries: []).charts.isEmpty)
    }

    @Test func noLineIsWiderThanTheTerminal() {
        for columns in [1, 2, 7, 20, 24, 33, 80] {
            for isUTF8 in [true, false] {
                let display = Display(columns: columns, isUTF8: isUTF8)
                let lines =
                    Self.hostile.lines(for: display) + SampleReports.comparison.lines(for: display)
                    + GradientVerdict(states: [], meanSpectralRadius: nil).lines(for: display)
                for line in lines {
                    #expect(DisplayWidth.columns(of: line) <= columns, "\(columns): \(line)")
                    #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
                    if !isUTF8 { #expect(line.utf8.allSatisfy { $0 < 0x80 }) }
                }
            }
        }
    }
}
