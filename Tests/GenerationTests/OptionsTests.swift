import Archive
import Foundation
import Testing

@testable import Generation

@Suite struct SamplingOptionsTests {
    @Test func defaultsAreThoseOfTheCommandLine() throws {
        let options = SamplingOptions()
        #expect(options.temperature == 0.8 && options.topK == 40 && options.topP == 0.95 && options.minP == 0.05)
        #expect(options.typical == 1 && options.repeatPenalty == 1 && options.repeatLastN == 64)
        #expect(options.presencePenalty == 0 && options.frequencyPenalty == 0)
        #expect(options.stages.map(\.rawValue) == ["penalties", "top-k", "typical", "top-p", "min-p", "temperature"])
        #expect(SamplingOptions.preset("llama.cpp") == options)
    }

    @Test func presetsAreValid() throws {
        #expect(SamplingOptions.presetNames == ["llama.cpp", "hf", "char-rnn", "chatrwkv", "greedy"])
        for name in SamplingOptions.presetNames { try #require(SamplingOptions.preset(name)).validated() }
        #expect(SamplingOptions.preset("gpt") == nil)
        #expect(SamplingOptions.preset("greedy")?.temperature == 0)
    }

    @Test(arguments: [
        ("temperature", "nan"), ("temperature", "inf"), ("temperature", "-inf"), ("temperature", "warm"), ("temperature", ""),
        ("top-k", "-1"), ("top-k", "1.5"), ("top-k", "99999999999999999999"), ("top-p", "0"), ("top-p", "1.01"),
        ("top-p", "-0.5"),
        ("top-p", "nan"), ("min-p", "-0.1"), ("min-p", "1.1"), ("min-p", "nan"), ("typical", "0"), ("typical", "2"),
        ("repeat-penalty", "0"), ("repeat-penalty", "-1"), ("repeat-penalty", "inf"), ("repeat-last-n", "-2"),
        ("repeat-last-n", "16385"), ("presence-penalty", "nan"), ("frequency-penalty", "inf"), ("samplers", "top-k;heat"),
        ("samplers", "top-k;top-k"), ("preset", "gpt"), ("temprature", "1"),
    ]) func badValuesAreRefusedAndChangeNothing(_ name: String, _ value: String) {
        var options = SamplingOptions()
        let error = #expect(throws: SamplingError.self) { try options.set(name, to: value) }
        #expect(options == SamplingOptions())
        let message = error?.description ?? ""
        #expect(message.contains(name) || value.split(separator: ";").contains { message.contains($0) })
        #expect(!message.contains("\n"))
    }

    @Test func goodValuesAreSetByName() throws {
        var options = SamplingOptions()
        for (name, value) in [
            ("temperature", "-3"), ("top-k", "0"), ("top-p", "1"), ("min-p", "0"), ("typical", ".5"), ("repeat-penalty", "1.1"),
            ("repeat-last-n", "-1"), ("presence-penalty", "-0.5"), ("frequency-penalty", "0.5"),
            ("samplers", "temperature; top-k"),
        ] { try options.set(name, to: value) }
        #expect(
            options.temperature == -3 && options.topK == 0 && options.topP == 1 && options.minP == 0 && options.typical == 0.5)
        #expect(options.repeatPenalty == 1.1 && options.repeatLastN == -1)
        #expect(options.presencePenalty == -0.5 && options.frequencyPenalty == 0.5)
        #expect(options.stages == [.temperature, .topK])
        try options.set("samplers", to: "")
        #expect(options.stages.isEmpty)
        try options.set("preset", to: "greedy")
        #expect(options == SamplingOptions.preset("greedy"))
    }

    @Test func codingUsesTheNamesOfTheOptions() throws {
        var options = SamplingOptions()
        options.stages = [.minP]
        let data = try JSONEncoder().encode(options)
        #expect(try JSONDecoder().decode(SamplingOptions.self, from: data) == options)
        let partial = try JSONDecoder().decode(SamplingOptions.self, from: Data(#"{"top-k": 7, "samplers": ["top-k"]}"#.utf8))
        #expect(partial.topK == 7 && partial.stages == [.topK] && partial.temperature == 0.8)
    }

    @Test func generationOptionsAreValidated() {
        var options = GenerationOptions()
        #expect(options.limit == 256)
        options.limit = -5
        #expect(throws: GenerationError.limitOutOfRange(-5)) { try options.validated() }
        options.limit = nil
        options.stops = ["a", ""]
        #expect(throws: GenerationError.emptyStop) { try options.validated() }
        options.stops = []
        options.sampling.topP = .nan
        #expect(throws: SamplingError.self) { try options.validated() }
    }

    @Test func defaultsComeFromTheArchive() throws {
        func options(_ defaults: [String: JSONValue]) throws -> GenerationOptions {
            try GenerationOptions(defaultsOf: TestModel.reciting("ab") { $0.generation = defaults })
        }
        let found = try options([
            "preset": .string("greedy"), "top-k": .number(7), "temperature": .number(0.5), "n": .number(-1),
            "stop": .array([.string("x"), .string("y")]), "samplers": .string("top-k;temperature"),
        ])
        #expect(found.limit == nil && found.stops == ["x", "y"])
        #expect(found.sampling.topK == 7 && found.sampling.temperature == 0.5 && found.sampling.topP == 1)
        #expect(found.sampling.stages == [.topK, .temperature])
        #expect(try options([:]) == GenerationOptions())
        for bad: [String: JSONValue] in [
            ["heat": .number(1)], ["top-p": .number(3)], ["top-k": .bool(true)], ["n": .number(0.5)], ["stop": .string("")],
            ["stop": .array([.number(1)])],
        ] {
            let error = #expect(throws: GenerationError.self) { try options(bad) }
            #expect(error?.description.contains(bad.keys.first ?? "?") == true)
        }
    }
}
