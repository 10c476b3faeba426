import Foundation
import Testing

@testable import Shell

#if canImport(FoundationXML)
import FoundationXML
#endif

/// Text that an XML parser reads without complaint, and what it found.
final class ParsedXML: NSObject, XMLParserDelegate {
    private(set) var elements: [(name: String, attributes: [String: String])] = []
    private(set) var text = ""

    /// Nil where the text is not well-formed.
    init?(_ text: String) {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        if !parser.parse() { return nil }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append((name, attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

/// Charts for a page.
struct ChartSVGTests {
    private static let hostile = Chart(
        title: "</title><script>alert('1')</script> & \"more\" \u{1}\u{1b}\u{fffe}",
        x: Chart.Axis("<x>"), y: Chart.Axis("y", unit: "a&b", scale: .logarithmic(floor: 1e-6)),
        series: [
            Chart.Series("</svg><b>", [Chart.Point(0, 1), Chart.Point(1, nil), Chart.Point(2, 3)]),
            Chart.Series("'quoted'", [Chart.Point(0, 0), Chart.Point(2, 2)], showsPoints: true),
        ], markers: [.vertical(at: 1, "<here>"), .horizontal(at: 2, "&amp;")], notes: ["<note>"])

    @Test func itIsWellFormedAndShowsItsTextsAsTheyAre() throws {
        let parsed = try #require(ParsedXML(Self.hostile.svg()))
        #expect(!parsed.elements.contains { ["script", "b", "here", "note", "x"].contains($0.name) })
        for text in [
            "</title><script>alert('1')</script> & \"more\"", "<x>", "y (a&b)", "</svg><b>", "<here>", "&amp;", "<note>",
        ] {
            #expect(parsed.text.contains(text), "\(text)")
        }
    }

    @Test func itNeedsNothingBesideItself() {
        for chart in SampleReports.report().charts + SampleReports.comparison.charts {
            let svg = chart.svg().replacing("http://www.w3.org/2000/svg", with: "")
            for word in ["http", "//", "url(", "@import", "<script", "href", "javascript", "var("] {
                #expect(!svg.contains(word), "\(chart.title): \(word)")
            }
            #expect(svg.contains("@media(prefers-color-scheme:dark)"))
        }
    }

    @Test func equalChartsAreEqualBytes() {
        let first = SampleReports.report().charts.map { $0.svg() }
        #expect(first == SampleReports.report().charts.map { $0.svg() })
        #expect(Set(first).count == first.count)
    }

    @Test func pathsGoThroughTheValues() throws {
        var chart = Chart(
            title: "t", x: Chart.Axis("x"), y: Chart.Axis("y", range: 0...10),
            series: [Chart.Series("s", [Chart.Point(0, 0), Chart.Point(1, 10), Chart.Point(2, nil), Chart.Point(4, 5)])])
        let parsed = try #require(ParsedXML(chart.svg()))
        let inner = try #require(parsed.elements.filter { $0.name == "svg" }.last).attributes
        let width = try #require(Double(inner["width"] ?? "")) - 6
        let height = try #require(Double(inner["height"] ?? "")) - 6
        let path = try #require(parsed.elements.first { $0.name == "path" }?.attributes["d"])
        let expected =
            "M0 \(coordinate(height))L\(coordinate(width / 4)) 0" + "M\(coordinate(width)) \(coordinate(height / 2))h0"
        #expect(path == expected)
        chart.series[0].showsPoints = true
        #expect(try #require(ParsedXML(chart.svg())).elements.filter { $0.name == "circle" }.count == 3)
    }

    @Test func manyPointsMakeASmallPicture() {
        var noise = Noise()
        let chart = Chart(
            title: "t", x: Chart.Axis("x"), y: Chart.Axis("y"),
            series: [Chart.Series("s", (0..<200_000).map { Chart.Point(Double($0), noise.next()) })])
        #expect(chart.svg().utf8.count < 50_000)
    }

    @Test func nothingIsDrawnBesideThePicture() throws {
        for chart in SampleReports.report().charts + SampleReports.comparison.charts + [Self.hostile] {
            let parsed = try #require(ParsedXML(chart.svg()))
            let box = try #require(parsed.elements.first?.attributes["viewBox"])
            let size = box.split(separator: " ").compactMap { Double($0) }
            for element in parsed.elements where element.name == "text" {
                let x = try #require(Double(element.attributes["x"] ?? ""))
                let y = try #require(Double(element.attributes["y"] ?? ""))
                #expect(x >= 0 && x <= size[2] && y >= 0 && y <= size[3], "\(element)")
            }
        }
    }

    @Test func coordinatesAreShort() {
        #expect([0, -0.04, 0.05, 12, 12.34, -3.26, 1e4].map(coordinate) == ["0", "0", "0.1", "12", "12.3", "-3.3", "10000"])
    }
}

/// Colours that everyone can tell apart.
struct ChartStyleTests {
    private static func components(_ colour: String) -> [Double] {
        let value = Int(colour.dropFirst(), radix: 16) ?? 0
        return [16, 8, 0].map { shift in
            let channel = Double(value >> shift & 255) / 255
            return channel <= 0.04045 ? channel / 12.92 : pow((channel + 0.055) / 1.055, 2.4)
        }
    }

    /// WCAG 2.1, relative luminance and contrast ratio.
    private static func contrast(_ a: String, _ b: String) -> Double {
        func luminance(_ colour: String) -> Double {
            zip([0.2126, 0.7152, 0.0722], components(colour)).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let (high, low) = (max(luminance(a), luminance(b)), min(luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)
    }

    @Test func linesAndTextsStandOut() {
        for (colours, paper) in [(ChartStyle.light, ChartStyle.paper.light), (ChartStyle.dark, ChartStyle.paper.dark)] {
            for colour in colours { #expect(Self.contrast(colour, paper) >= 3, "\(colour)") }
        }
        for (text, paper) in [
            (ChartStyle.ink.light, ChartStyle.paper.light), (ChartStyle.faintInk.light, ChartStyle.paper.light),
            (ChartStyle.ink.dark, ChartStyle.paper.dark), (ChartStyle.faintInk.dark, ChartStyle.paper.dark),
        ] {
            #expect(Self.contrast(text, paper) >= 4.5, "\(text)")
        }
    }

    /// Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity
    /// 1.
    private static let deficiencies: [String: [[Double]]] = [
        "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    ]

    /// CIE 1976 L*a*b*, illuminant D65.
    private static func lab(_ linear: [Double]) -> [Double] {
        let matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
        let xyz = zip(matrix, [0.95047, 1, 1.08883]).map { row, white in
            zip(row, linear).reduce(0) { $0 + $1.0 * $1.1 } / white
        }
        let f = xyz.map { $0 > 0.008856 ? cbrt($0) : 7.787 * $0 + 16.0 / 116 }
        return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
    }

    /// The first four by colour alone, which is as many as charts here usually have; dashes tell all apart.
    @Test(arguments: ["none", "protanopia", "deuteranopia"])
    func curvesDifferInEveryEye(deficiency: String) throws {
        let matrix = try #require(Self.deficiencies[deficiency])
        for colours in [ChartStyle.light, ChartStyle.dark] {
            let seen = colours.prefix(4).map { colour in
                let linear = Self.components(colour)
                return Self.lab(matrix.map { row in min(max(zip(row, linear).reduce(0) { $0 + $1.0 * $1.1 }, 0), 1) })
            }
            for first in 0..<seen.count {
                for second in 0..<first {
                    let distance = zip(seen[first], seen[second]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
                    // 2.3 is a just noticeable difference (Mahy, Van Eycken, Oosterlinck 1994).
                    #expect(distance > 5 * 2.3, "\(colours[first]) and \(colours[second])")
                }
            }
        }
    }

    @Test func noTwoOfThirtySixCurvesLookAlike() {
        #expect(Set((0..<36).map { [ChartStyle.colour($0), ChartStyle.dash($0)] }).count == 36)
        #expect(Set(ChartStyle.dashes).count == ChartStyle.dashes.count)
    }
}
