import Foundation
import Kernels
import Testing
import Training

@testable import Shell

/// `gradients`: networks that are made for it, in a folder of their own.
struct GradientsTests {
    private static let small = ["--hidden", "10", "--batch", "2", "--window", "12", "--steps", "6", "--seed", "3"]

    private func run(_ bench: Bench, _ words: [String]) -> (code: Int32, results: String) {
        let before = bench.output.results.count
        let code = Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("gradients", words)
        return (code.rawValue, String(bench.output.results.dropFirst(before)))
    }

    @Test func cellsSideBySide() throws {
        let bench = try TrainTests.bench()
        let files = ["--report", bench.path("cells.html"), "--svg", bench.path("cells.svg")]
        let words = ["--compare", "rnn,lstm,gru", "--corpus", bench.path("text.txt")] + Self.small
        let (code, results) = run(bench, words + files)
        #expect(code == 0)
        for text in ["rnn, lstm, gru on text.txt, seed 3", "Gradient norm against steps back", "spectral radius", "verdict"] {
            #expect(results.contains(text))
        }
        #expect(try String(contentsOfFile: bench.path("cells.html"), encoding: .utf8).contains("<svg"))
        #expect(try String(contentsOfFile: bench.path("cells.svg"), encoding: .utf8).hasPrefix("<svg"))
        let json = run(bench, words + ["--json"])
        let reports = try JSONDecoder().decode([Named].self, from: Data(json.results.utf8))
        #expect(reports.map(\.name) == ["rnn", "lstm", "gru"])
        for report in reports.map(\.report) {
            let diagnosis = try #require(report.diagnosis)
            #expect(report.run.steps == 6 && report.run.seed == 3)
            #expect(diagnosis.states.allSatisfy { $0.norms.count == 12 && ($0.norms[0] ?? 0) > 0 })
            #expect((diagnosis.spectralRadius?.mean ?? 0) > 0)
        }
        // The same words, the same numbers.
        #expect(reports.map(\.report.diagnosis) == (try again(bench, words + ["--json"])).map(\.report.diagnosis))
    }

    private struct Named: Decodable {
        var name: String
        var report: TrainingReport
    }

    private func again(_ bench: Bench, _ words: [String]) throws -> [Named] {
        try JSONDecoder().decode([Named].self, from: Data(run(bench, words).results.utf8))
    }

    @Test func ofAModelAndInItsReport() throws {
        let bench = try TrainTests.bench()
        let training = ["--corpus", bench.path("text.txt"), "--out", bench.path("m.rnnz"), "--cell", "lstm"] + Self.small
        let trained = Shell(host: bench.shell.host, isSubcommand: true).runSubcommand(
            "train", training + ["--report", bench.path("run.html"), "--sample", "0"])
        #expect(trained.rawValue == 0)
        let report = try TrainingReport(json: [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.path("run.json")))))
        let diagnosis = try #require(report.diagnosis)
        #expect(diagnosis.states.count == 2 && diagnosis.states.allSatisfy { $0.norms.count == 12 })
        #expect(diagnosis.gates.filter { $0.function == .sigmoid }.count == 3)

        let model = [bench.path("m.rnnz"), "--corpus", bench.path("text.txt"), "--window", "12", "--samples", "3"]
        let (code, results) = run(bench, model + ["--json"])
        #expect(code == 0)
        let found = try JSONDecoder().decode(GradientDiagnosis.self, from: Data(results.utf8))
        #expect(found.states.map(\.state) == diagnosis.states.map(\.state) && found.spectralRadius?.count == 3)
        #expect(run(bench, model).results.contains("gradients through time: "))
    }

    @Test(arguments: [
        (["--compare", "rnn"], "gradients takes --corpus FILE, a text to follow them through"),
        (["--compare", "rnn,foo", "--corpus", "t"], "compare is “rnn,foo”; it should be some of rnn, lstm, gru, each once"),
        (["--compare", "rnn,rnn", "--corpus", "t"], "compare is “rnn,rnn”; it should be some of rnn, lstm, gru, each once"),
        (["m", "--compare", "rnn", "--corpus", "t"], "--compare trains networks of its own; it takes no MODEL"),
        (["--compare", "rnn", "--corpus", "t", "--init", "m"], "that it names; it takes no --init and no --program"),
        (["--compare", "rnn", "--corpus", "t", "--program", "p"], "that it names; it takes no --init and no --program"),
        (["--samples", "0", "--corpus", "t"], "samples is “0”; it should be a number from 1 to 1024"),
        (["--hiden", "3", "--corpus", "t"], "there is no option “--hiden”; did you mean “--hidden”?"),
    ]) func wrongWords(words: [String], sentence: String) throws {
        let bench = try TrainTests.bench()
        #expect(run(bench, words).code == 2)
        #expect(bench.output.notes.contains { $0.contains(sentence) })
    }

    @Test func pagesOverTextsAndModelsAreRefused() throws {
        let bench = try TrainTests.bench()
        let (text, model) = (bench.path("text.txt"), bench.path("shakespeare.rnnz"))
        for (words, name) in [
            (["--report", text], "corpus"), (["--svg", model], "MODEL"),
            (["--report", bench.path("a"), "--svg", bench.folder + "/./a"], "report"),
        ] {
            #expect(run(bench, ["shakespeare", "--corpus", text] + words).code == 2)
            #expect(bench.output.notes.last?.contains("“\(name)”, which would be") == true)
        }
        #expect(try String(contentsOfFile: text, encoding: .utf8) == TrainTests.text)
    }

    @Test func windowsThatDoNotFitIntoMemoryAreRefused() throws {
        let program = "step(token) {\n  h = tanh(e[token] + prev(h))\n  return h\n}\n"
        let tensors = ["e": Tensor(shape: [3, 3], values: [Float](repeating: 0.1, count: 9))]
        func diagnosis(_ memory: Int) throws -> GradientDiagnosis {
            try GradientDiagnosis(
                program: program, hyperparameters: [:], tensors: tensors, tokens: (0..<500).map { $0 % 3 }, window: 100,
                threads: 1, availableMemory: memory)
        }
        #expect(try diagnosis(1 << 30).states.map(\.norms.count) == [100])
        #expect {
            try diagnosis(4096)
        } throws: { error in
            guard let failure = error as? Failure else { return false }
            return failure.code == .failed && failure.message.hasPrefix("following gradients through 16 windows of 100 steps")
        }
    }

    @Test func aTextThatTheModelCannotRead() throws {
        let bench = try TrainTests.bench()
        try bench.file("greek.txt", "αβγδ")
        try bench.file("short.txt", "t")
        let training = ["--corpus", bench.path("text.txt"), "--out", bench.path("m.rnnz"), "--sample", "0"] + Self.small
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", training).rawValue == 0)
        for name in ["greek.txt", "short.txt"] {
            #expect(run(bench, [bench.path("m.rnnz"), "--corpus", bench.path(name)]).code == 65)
        }
        #expect(run(bench, [bench.path("m.rnnz"), "--corpus", bench.path("none.txt")]).code == 66)
    }
}
