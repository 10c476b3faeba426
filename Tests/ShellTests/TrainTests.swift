import Archive
import Foundation
import Kernels
import Testing
import Training
import Zoo

@testable import Shell

/// `train`: small networks, a few steps each, in a folder of their own.
struct TrainTests {
    static let text = String(repeating: "to be, or not to be: that is the question.\n", count: 40)

    static func bench() throws -> Bench {
        let bench = try Bench()
        try bench.file("text.txt", text)
        return bench
    }

    private static let small = [
        "--cell", "gru", "--hidden", "12", "--batch", "2", "--window", "8", "--steps", "12", "--evaluate-every", "5", "--seed",
        "7",
        "--clip", "1", "--sample", "20",
    ]

    @discardableResult
    private func train(_ bench: Bench, _ words: String..., plain: Bool = false) -> (code: Int32, results: String) {
        let given = plain ? [] : ["--corpus", bench.path("text.txt"), "--out", bench.path("m.rnnz")] + Self.small
        let before = bench.output.results.count
        let code = Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", given + words)
        return (code.rawValue, String(bench.output.results.dropFirst(before)))
    }

    private static func tensors(_ path: String) throws -> [String: [Float]] {
        try ArchiveReader(path: path).tensors().mapValues { $0.floats() }
    }

    private static func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    // MARK: What comes of it

    @Test func aModelThatProvesItselfAndWrites() throws {
        let bench = try Self.bench()
        let (code, results) = train(bench)
        #expect(code == 0)
        #expect(results.hasPrefix("\(bench.path("m.rnnz")): 12 steps, "))
        #expect(bench.output.notes.contains("seed 7"))
        #expect(bench.output.notes.contains { $0.hasPrefix("step 5: validation ") && $0.hasSuffix(", the best so far") })
        #expect(bench.output.notes.contains { $0.hasPrefix("  | ") })
        let verified = bench.subcommand("verify", bench.path("m.rnnz"))
        #expect(verified.code == 0 && verified.results.contains("self-test 1 of 1"))
        // A text without a beginning begins as a line does.
        #expect(bench.subcommand("generate", bench.path("m.rnnz"), "-n", "5").code == 0)
        let header = try ArchiveReader(path: bench.path("m.rnnz")).header
        #expect(header.name == "m" && header.architecture == "gru" && header.special.startText == "\n")
        #expect(header.provenance?.format == "rnnz-training" && header.provenance?.files.map(\.name) == ["text.txt"])
    }

    @Test func aLineForEachStepAsJSON() throws {
        let bench = try Self.bench()
        let (code, results) = train(bench, "--json")
        #expect(code == 0)
        let lines = results.split(separator: "\n")
        #expect(lines.count == 12)
        for (index, line) in lines.enumerated() {
            #expect(line.hasPrefix(#"{"step":\#(index + 1),"loss":"#) && line.contains(#","gradient_norm":"#))
            let object = try parsed(String(line))
            #expect(Set(object.keys) == ["step", "loss", "gradient_norm"])
            #expect((object["loss"] as? Double ?? 0) > 1 && (object["gradient_norm"] as? Double ?? 0) > 0)
        }
    }

    @Test func theSampleChangesNothing() throws {
        let bench = try Self.bench()
        train(bench)
        let sampled = try Self.data(bench.path("m.rnnz"))
        train(bench, "--sample", "0")
        #expect(try Self.data(bench.path("m.rnnz")) == sampled)
    }

    @Test(arguments: ["f16", "q8"]) func theArchiveIsStoredAsItIsAskedTo(_ type: String) throws {
        let bench = try Self.bench()
        #expect(train(bench, "--hidden", "64", "--storage", type, "--dropout-recurrent", "0.1").code == 0)
        let entries = try ArchiveReader(path: bench.path("m.rnnz")).header.tensors
        for entry in entries { #expect(entry.dtype.rawValue == (entry.shape.count == 2 ? type : "f32"), "\(entry.name)") }
        #expect(bench.subcommand("verify", bench.path("m.rnnz")).code == 0)
        let kept = try ArchiveReader(path: bench.path("m.checkpoint.rnnz")).header.tensors
        #expect(kept.allSatisfy { $0.dtype == .f32 })
    }

    // MARK: Going on

    @Test(arguments: [1, 6, 9, 15]) func interruptedAndResumedIsUnbroken(_ questions: Int) throws {
        let bench = try Self.bench()
        train(bench, "--dropout", "0.2", "--layers", "2")
        let model = try Self.data(bench.path("m.rnnz"))
        let checkpoint = try Self.data(bench.path("m.checkpoint.rnnz"))
        for name in ["m.rnnz", "m.checkpoint.rnnz"] { try FileManager.default.removeItem(atPath: bench.path(name)) }

        bench.interrupts.remaining = questions
        let (code, results) = train(bench, "--dropout", "0.2", "--layers", "2")
        #expect(code == 130 && results == "")
        #expect(bench.output.notes.last?.contains("--resume goes on from") == true)
        let taken = try Checkpoint(path: bench.path("m.checkpoint.rnnz")).record.step
        #expect(taken < 12)
        bench.interrupts.clear()
        #expect(train(bench, "--out", bench.path("m.rnnz"), "--resume", plain: true).code == 0)
        #expect(bench.output.notes.contains("seed 7, goes on after step \(taken)") == (taken > 0))
        #expect(try Self.data(bench.path("m.rnnz")) == model)
        #expect(try Self.data(bench.path("m.checkpoint.rnnz")) == checkpoint)
    }

    @Test func aLongerRunGoesOn() throws {
        let bench = try Self.bench()
        train(bench, "--steps", "20")
        let whole = try Self.tensors(bench.path("m.checkpoint.rnnz"))
        train(bench)
        #expect(train(bench, "--resume", "--steps", "20").code == 0)
        #expect(try Self.tensors(bench.path("m.checkpoint.rnnz")) == whole)
    }

    @Test func frozenTensorsStayAndTheRestLearns() throws {
        let bench = try Self.bench()
        train(bench, "--steps", "1", "--lr", "0")
        let first = try Self.tensors(bench.path("m.rnnz"))
        #expect(train(bench, "--freeze", "embedding.weight, output.bias", "--steps", "6").code == 0)
        #expect(train(bench, "--freeze", "embedding.weight, output.bias", "--resume").code == 0)
        let last = try Self.tensors(bench.path("m.rnnz"))
        #expect(last.keys.filter { last[$0] == first[$0] }.sorted() == ["embedding.weight", "output.bias"])
        #expect(train(bench, "--freeze", first.keys.sorted().joined(separator: ",")).code == 2)
    }

    @Test func aBestModelThatIsGoneIsMissed() throws {
        let bench = try Self.bench()
        train(bench)
        try FileManager.default.removeItem(atPath: bench.path("m.rnnz"))
        #expect(train(bench, "--resume").code == 0)
        let warning = "warning: \(bench.path("m.rnnz")) is not there: the best model, of step "
        #expect(bench.output.notes.last?.hasPrefix(warning) == true)
    }

    @Test func anEarlierCheckpointIsMentionedBeforeItIsReplaced() throws {
        let bench = try Self.bench()
        train(bench)
        #expect(!bench.output.notes.contains { $0.contains("warning") })
        train(bench)
        #expect(bench.output.notes.contains { $0.hasPrefix("warning: \(bench.path("m.checkpoint.rnnz")) is of an earlier run") })
    }

    @Test func theReportHasEveryStep() throws {
        let bench = try Self.bench()
        bench.interrupts.remaining = 9
        #expect(train(bench, "--report", bench.path("run.html")).code == 130)
        var report = try TrainingReport(json: [UInt8](try Self.data(bench.path("run.json"))))
        #expect(report.run.outcome == .interrupted && report.training.count == report.run.steps)
        bench.interrupts.clear()
        #expect(train(bench, "--report", bench.path("run.html"), "--resume").code == 0)
        report = try TrainingReport(json: [UInt8](try Self.data(bench.path("run.json"))))
        #expect(report.run.outcome == .finished && report.training.map(\.step) == Array(1...12))
        #expect(report.validation.map(\.step) == [5, 10, 12] && report.validation.allSatisfy { $0.sample?.isEmpty == false })
        #expect(report.run.seed == 7 && report.run.settings.contains { $0.name == "hidden" && $0.value == "12" })
        let page = try String(contentsOfFile: bench.path("run.html"), encoding: .utf8)
        #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("Loss"))
    }

    // MARK: What it is told

    @Test func aRecipeWithOptionsOverIt() throws {
        let bench = try Self.bench()
        try FileManager.default.createDirectory(atPath: bench.path("small"), withIntermediateDirectories: true)
        try bench.file(
            "small/recipe", "name = small\ncorpus = ../text.txt\nout = small.rnnz\nhidden = 9\nsteps = 3\nbatch = 2\nwindow = 8\n"
        )
        for (words, hidden) in [([bench.path("small/recipe")], 9), ([bench.path("small"), "--hidden=5"], 5), (["small"], 9)] {
            // The folder of the bench is its zoo.
            #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", words) == .done, "\(words)")
            let header = try ArchiveReader(path: bench.path("small/small.rnnz")).header
            #expect(header.tensors.first { $0.name == "rnn.0.weight_hh" }?.shape == [4 * hidden, hidden])
        }
        try bench.file("small/recipe", "hiden = 9\nlayers = 0\n")
        #expect(train(bench, bench.path("small/recipe"), plain: true).code == 2)
        let message = bench.output.notes.last ?? ""
        #expect(
            message.contains("recipe:1: there is no setting “hiden”; did you mean “hidden”?") && message.contains("recipe:2: "))
    }

    @Test func optionsBecomeSettings() throws {
        let words = ["r", "--lr", "-1", "--tied", "--note", "--json", "--json", "--out=a=b", "--tied", "no", "--report", "--lr"]
        let setting = "--recipe-setting"
        #expect(
            try TrainCommand.prepared(words) == [
                "r", setting, "lr=-1", setting, "tied=yes", setting, "note=--json", "--json", setting, "out=a=b", setting,
                "tied=no", "--report", "--lr",
            ])
        let command = try TrainCommand.parse(
            try TrainCommand.prepared(["--data", "d", "--zero-state-share", "0.5", "--lr", "2"]))
        let recipe = try command.overridden(Recipe())
        #expect(recipe.corpus == "d" && recipe.validationShare == 0 && recipe.zeroStateShare == 0.5 && recipe.learningRate == 2)
    }

    @Test func helpListsEveryKeyUnderItsHeading() throws {
        let bench = try Self.bench()
        let (code, results) = bench.subcommand("train", "--help")
        #expect(code == 0)
        let lines = results.split(separator: "\n")
        for key in RecipeKey.all { #expect(lines.filter { $0.hasPrefix("  --\(key.name) ") }.count == 1, "\(key.name)") }
        for group in RecipeKey.groups { #expect(lines.contains("\(group.title):")) }
        #expect(!results.contains("recipe-setting"))
        #expect(bench.shell.completion(of: "/train --optim").words == ["--optimizer"])
        #expect(bench.shell.completion(of: "/train --optimizer a").words == ["adam", "adamw"])
    }

    @Test func atThePromptAndInScripts() throws {
        let bench = try Self.bench()
        let line = "/train --corpus \(bench.path("text.txt")) --out \(bench.path("m.rnnz")) " + Self.small.joined(separator: " ")
        let seen = bench.type(line, "/load \(bench.path("m.rnnz"))", "/inspect")
        #expect(seen.contains("architecture  gru"))
        let script = try bench.file("script", line + " --steps $1 --json\n")
        let results = bench.subcommand("run", script, "2").results
        #expect(results.split(separator: "\n").filter { $0.hasPrefix(#"{"step":"#) }.count == 2)
        #expect(bench.subcommand("run", script, "none").code == 2)
    }
}
