import Foundation
import Testing

@testable import Shell

/// Reports as data.
struct TrainingReportTests {
    /// Keys of an object with those of the objects inside, as paths; of a list, those of its first element.
    private static func keys(_ value: Any, at path: String = "") -> Set<String> {
        if let list = value as? [Any] { return list.first.map { keys($0, at: path + "[]") } ?? [] }
        guard let object = value as? [String: Any] else { return [] }
        return object.reduce(into: []) { result, member in
            let place = path.isEmpty ? member.key : path + "." + member.key
            result.insert(place)
            result.formUnion(keys(member.value, at: place))
        }
    }

    /// What tools rely on: a key that goes or changes its name is a new version.
    @Test func theKeysOfVersion1() throws {
        let keys = Self.keys(try parsed(SampleReports.report().json))
        let expected =
            [
                "version", "run", "training", "validation", "diagnosis",
            ]
            + [
                "model", "program", "parameters", "corpus", "corpus.name", "corpus.bytes", "corpus.tokens", "tokenizer",
                "optimizer",
                "settings", "settings[].name", "settings[].value", "clippingThreshold", "seed", "machine", "began", "ended",
                "steps",
                "tokens", "seconds", "tokensPerSecond", "outcome", "reason",
            ].map { "run." + $0 }
            + ["step", "loss", "gradientNorm", "isClipped", "learningRate", "tokensPerSecond"].map { "training[]." + $0 }
            + ["step", "natsPerToken", "bitsPerCharacter"].map { "validation[]." + $0 }
            + [
                "states", "states[].state", "states[].norms", "gates", "gates[].gate", "gates[].function", "gates[].histogram",
                "gates[].lowShare", "gates[].highShare", "spectralRadius", "spectralRadius.mean", "spectralRadius.min",
                "spectralRadius.max", "spectralRadius.count", "verdict", "verdict.kind", "verdict.finding", "verdict.advice",
                "states[].horizon",
            ].map { "diagnosis." + $0 }
        #expect(keys.symmetricDifference(expected).isEmpty, "\(keys.symmetricDifference(expected).sorted())")
    }

    @Test func keysAreSortedAndEqualReportsAreEqualBytes() throws {
        let json = try SampleReports.report(steps: 8).json
        #expect(json == (try SampleReports.report(steps: 8).json))
        let places = ["\"diagnosis\"", "\"run\"", "\"training\"", "\"validation\"", "\"version\""].map {
            json.range(of: $0)?.lowerBound
        }
        #expect(places.allSatisfy { $0 != nil })
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
    }

    @Test func readBackItIsTheSame() throws {
        let report = SampleReports.report(steps: 64)
        #expect(try TrainingReport(json: Array(report.json.utf8)) == report)
    }

    /// A NaN wherever there can be one.
    @Test func whatIsNotFiniteIsNull() throws {
        var report = SampleReports.report(steps: 8)
        report.run.seconds = .nan
        report.run.tokensPerSecond = .infinity
        report.run.clippingThreshold = -.infinity
        report.training[3] = .init(
            step: 4, loss: .nan, gradientNorm: .infinity, isClipped: true, learningRate: .nan, tokensPerSecond: .nan)
        report.validation[0].natsPerToken = .infinity
        report.validation[0].bitsPerCharacter = .nan
        report.diagnosis = GradientDiagnosis(
            states: [StateGradient(state: "h", norms: [1, .infinity, .nan])],
            gates: [GateSaturation(gate: "f", function: .sigmoid, activations: [.nan])], spectralRadius: SpectralRadius([.nan]))
        let json = try report.json
        #expect(json.contains(#""norms":[1,null,null]"#))
        #expect(
            json.contains(
                #"{"gradientNorm":null,"isClipped":true,"learningRate":null,"loss":null,"step":4,"tokensPerSecond":null}"#))
        #expect(json.contains(#""seconds":null"#) && json.contains(#""mean":null"#) && json.contains(#""lowShare":null"#))
        #expect(!json.lowercased().contains("nan\"") && !json.lowercased().contains(":inf"))
        #expect(try TrainingReport(json: Array(json.utf8)) == report)
    }

    @Test func otherTextsAreRefusedWithTheReason() throws {
        func refusal(_ text: String) -> TrainingReportError? {
            do {
                _ = try TrainingReport(json: Array(text.utf8))
                return nil
            } catch { return error }
        }
        #expect(refusal("") == .notAReport)
        #expect(refusal("[1]") == .notAReport)
        #expect(refusal("{}") == .notAReport)
        #expect(refusal(#"{"version":2}"#) == .unknownVersion(2))
        let json = try SampleReports.report(steps: 8).json
        #expect(refusal(json) == nil)
        #expect(refusal(json.replacing("\"model\":", with: "\"modle\":")) == .damaged(place: "run.model"))
        #expect(refusal(json.replacing("\"step\":3,", with: "\"step\":\"three\",")) == .damaged(place: "training.2.step"))
        #expect(refusal(String(json.dropLast(9))) == .notAReport)
    }

    @Test func thinningKeepsTheLowestAndHighestLoss() {
        var report = SampleReports.report(steps: 10_000)
        report.training[777].loss = 99
        report.training[8888].loss = -99
        report.training[5555].loss = .nan
        let thinned = report.thinned(toPoints: 300)
        #expect(thinned.training.count <= 300 && thinned.training.count > 200)
        for index in [777, 8888, 5555] { #expect(thinned.training.contains(report.training[index]), "\(index)") }
        #expect(thinned.training.map(\.step) == thinned.training.map(\.step).sorted())
        #expect(report.thinned(toPoints: 10_000) == report)
    }

    @Test func sharesAndBestOfARun() {
        var report = TrainingReport(run: .init(model: "m"))
        #expect(report.clippedShare == nil && report.best == nil && report.charts.isEmpty)
        report.training = (1...4).map { .init(step: $0, loss: 1, gradientNorm: 2, isClipped: $0 == 2) }
        report.validation = [(1, 3.0), (2, 2.0), (3, Double.nan), (4, 2.5)].map { .init(step: $0.0, natsPerToken: $0.1) }
        #expect(report.clippedShare == 0.25)
        #expect(report.best?.step == 2)
    }

    @Test func chartsAreThoseThatHaveSomethingToShow() {
        #expect(
            SampleReports.report().charts.map(\.title) == [
                "Loss", "Bits per character, validation", "Gradient norm before clipping", "Learning rate", "Speed",
                "Gradient norm against steps back through time",
            ])
        var report = TrainingReport(run: .init(model: "m"))
        report.validation = [.init(step: 1, natsPerToken: 2)]
        #expect(report.charts.map(\.title) == ["Loss"])
    }

    @Test func gradientsOfEachStateOnALogarithmicAxis() throws {
        let chart = try #require(SampleReports.report().diagnosis?.chart)
        #expect(chart.series.map(\.name) == ["layers.0.c", "layers.1.c"])
        #expect(chart.y.scale != .linear)
        #expect(chart.series[0].points.count == 65 && chart.series[0].points[0].x == 0)
        #expect(chart.markers.count == SampleReports.report().diagnosis?.states.count { $0.horizon != nil })
    }

    @Test func noisyLossesHaveAMeanOverHundredths() throws {
        var report = TrainingReport(run: .init(model: "m"))
        report.training = (1...1000).map { .init(step: $0, loss: Double($0), gradientNorm: 1) }
        report.training[4].loss = .nan
        let mean = try #require(report.lossChart.series.last)
        #expect(mean.points.count == 100)
        #expect(mean.points[0] == Chart.Point(5.5, (55.0 - 5) / 9))
        #expect(mean.points[99] == Chart.Point(995.5, 995.5))
        report.training.removeLast(900)
        #expect(report.lossChart.series.count == 1)
    }

    @Test func normsOfAllStatesTogether() {
        func norms(_ states: [[Double?]]) -> [Double?] {
            GradientDiagnosis(states: states.map { StateGradient(state: "h", norms: $0) }).relativeNorms
        }
        #expect(norms([[3, 0.3], [4, 0.4]]) == [1, 0.1])
        #expect(norms([[2, nil, 1]]) == [1, nil, 0.5])
        #expect(norms([[0, 1]]) == [] && norms([]) == [])
    }

    @Test func durations() {
        #expect(
            [0, 2.345, 42.4, 60, 200, 7500, 360_000, .nan, -1].map(duration) == [
                "0 s", "2.3 s", "42 s", "1 min", "3 min 20 s", "2 h 5 min", "100 h", "-", "-",
            ])
    }
}
