import Archive
import Testing

@testable import Conversion

@Suite("Settings")
struct SettingsTests {
    @Test("An unknown name is an error with the nearest")
    func unknown() throws {
        let error = try conversionError(Fixtures.model("lstm2"), options(["licence": "MIT"]))
        guard case .unknownSetting("licence", "license", _) = error else { return unexpected(error) }
        #expect(error?.category == .words)
        guard case .unknownSetting("hidden", _, _) = try conversionError(Fixtures.model("lstm2"), options(["hidden": "5"])) else {
            Issue.record("a hyper-parameter was accepted without a program")
            return
        }
    }

    @Test(
        "Values that cannot be",
        arguments: [
            ("start", "x"), ("start", "-1"), ("window", "0"), ("cell", "lstn"), ("nonlinearity", "sigmoid"),
            ("nonlinearity", "relu"),
            ("cell", "gru"), ("embedding", "nothing.weight"), ("output", "lstm.bias_ih_l0"), ("recurrent", "gru"),
            ("end", "99999999999999999999"),
        ])
    func values(_ name: String, _ value: String) throws {
        let error = try conversionError(Fixtures.model("lstm2"), options([name: value]))
        guard case .settingValue(name, value, _) = error else { return unexpected(error) }
        #expect(error?.category == .words)
    }

    @Test("Ids beyond the model's rows")
    func outOfRange() throws {
        let error = try conversionError(Fixtures.model("lstm2"), options(["end": "11"]))
        #expect(error == .specialTokenOutOfRange(name: "end", id: 11, vocabulary: 11))
    }

    @Test("A start text that the vocabulary has nothing of")
    func startText() throws {
        #expect(try conversionError(Fixtures.model("lstm2"), options(["start_text": "XYZ"])) == .startText(text: "XYZ"))
    }

    @Test("Header fields arrive in the archive")
    func headerFields() throws {
        let scratch = try Scratch()
        let settings = [
            "start": "1", "end": "2", "unknown": "3", "padding": "4", "start_text": "a", "license": "CC0",
            "description": "Small.",
            "note": "Made by hand.", "target_limit": "9", "architecture": "my lstm",
        ]
        let report = try convert(
            from: Fixtures.model("lstm2"), to: scratch.file("x.rnnz"), options: options(settings) { $0.name = "tiny" })
        let header = try ArchiveReader(path: scratch.file("x.rnnz")).header
        #expect(report.name == "tiny" && header.name == "tiny")
        #expect(
            header.special.start == 1 && header.special.end == 2 && header.special.unknown == 3 && header.special.padding == 4)
        #expect(header.special.startText == "a" && header.license == "CC0" && header.description == "Small.")
        #expect(header.provenance?.note == "Made by hand." && header.targetLimit == 9 && header.architecture == "my lstm")
    }
}
