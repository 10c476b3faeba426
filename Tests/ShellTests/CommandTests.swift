import Foundation
import TestModels
import Testing

@testable import Shell

/// What subcommands print, by the contract of the command line.
struct CommandTests {
    @Test func generateGoesOnWithThePrompt() throws {
        let bench = try Bench()
        let (code, results) = bench.subcommand("generate", "shakespeare", "--prompt", "xyz", "-n", "5", "--temperature", "-1")
        #expect(code == 0)
        #expect(results == " abcd\n")
    }

    @Test(arguments: [
        ["shakespeare", "-n5"], ["-n", "5", "shakespeare"], ["--seed", "-1", "shakespeare", "-n", "5"],
        ["--top-k", "0", "--json", "shakespeare", "-n", "5"],
    ])
    func theModelMayStandAmongTheOptions(words: [String]) throws {
        let bench = try Bench()
        let all = words + ["--prompt", "a", "--temperature", "-0.5"]
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("generate", all) == .done)
        #expect(bench.output.results.contains("bcdef"))
    }

    @Test func generateAsJSON() throws {
        let bench = try Bench()
        let (code, results) = bench.subcommand(
            "generate", "shakespeare", "--prompt", "ab", "-n", "3", "--temperature", "0", "--json")
        #expect(code == 0)
        let order = ["prompt_ids", "ids", "text", "seed", "stop_reason", "tokens_per_second"].map {
            results.range(of: "\"\($0)\":")
        }
        #expect(order.allSatisfy { $0 != nil })
        #expect(
            results.hasPrefix(
                #"{"prompt_ids":[0,1],"ids":[2,3,4],"text":"cde","seed":4242,"stop_reason":"length","tokens_per_second":"#))
        _ = try parsed(results)
    }

    @Test func anEmptyPromptBeginsWithTheStartToken() throws {
        let bench = try Bench()
        #expect(bench.subcommand("generate", "shakespeare", "-n", "3", "--temperature", "0").results == "abc\n")
        #expect(bench.subcommand("generate", "shakespeare", "--prompt", "", "-n", "3", "--temperature", "0").results == "abc\n")
    }

    @Test func withoutAStartAnEmptyPromptIsWrong() throws {
        let bench = try Bench()
        try Alphabet.write(to: bench.path("nostart.rnnz")) { $0.special.start = nil }
        #expect(bench.subcommand("generate", bench.path("nostart.rnnz")).code == 2)
    }

    @Test func theArchivesDefaultsHoldUntilSaidOtherwise() throws {
        let bench = try Bench()
        try Alphabet.write(to: bench.path("greedy.rnnz")) { $0.generation = ["temperature": .number(0), "n": .number(4)] }
        #expect(bench.subcommand("generate", bench.path("greedy.rnnz"), "--prompt", "a").results == "bcde\n")
        #expect(bench.subcommand("generate", bench.path("greedy.rnnz"), "--prompt", "a", "-n", "2").results == "bc\n")
    }

    @Test func stopsEndTheText() throws {
        let bench = try Bench()
        let (_, results) = bench.subcommand(
            "generate", "shakespeare", "--prompt", "a", "--stop", "zz", "--stop", "fg", "--temperature", "0", "--json")
        #expect(results.contains(#""text":"bcde","#))
        #expect(results.contains(#""stop_reason":"stop""#))
    }

    @Test func interruptedGenerationStillPrintsWholeJSON() throws {
        let bench = try Bench()
        bench.interrupts.remaining = 3
        let (code, results) = bench.subcommand(
            "generate", "shakespeare", "--prompt", "a", "-n", "-1", "--temperature", "0", "--json")
        #expect(code == 130)
        #expect(try parsed(results)["stop_reason"] as? String == "interrupt")
    }

    @Test func aRandomSeedIsShownAndAChosenOneIsUsed() throws {
        let bench = try Bench()
        _ = bench.subcommand("generate", "shakespeare", "--prompt", "a", "-n", "3", "--seed", "-1")
        #expect(bench.output.notes == ["seed 4242"])
        let random = bench.subcommand("generate", "shakespeare", "--prompt", "a", "-n", "50", "--preset", "char-rnn").results
        let chosen = bench.subcommand(
            "generate", "shakespeare", "--prompt", "a", "-n", "50", "--preset", "char-rnn", "--seed", "4242"
        ).results
        #expect(random == chosen)
        #expect(bench.output.notes.count == 2)
    }

    @Test func tokensThereAndBack() throws {
        let bench = try Bench(input: "ab\nc ")
        #expect(bench.subcommand("tokenize", "shakespeare").results == "0 1 27 2 26\n")
        #expect(bench.subcommand("tokenize", "shakespeare", "a", "b").results == "0 26 1\n")
        #expect(
            bench.subcommand("tokenize", "shakespeare", "--json", "b").results == #"[{"id":1,"text":"b","bytes":[98]}]"# + "\n")
        #expect(bench.subcommand("detokenize", "shakespeare", "0", "1", "27", "2").results == "ab\nc\n")
        #expect(bench.subcommand("detokenize", "shakespeare", "28").code == 2)
        #expect(bench.subcommand("detokenize", "shakespeare", "x").code == 2)
    }

    /// After "ab": 8 for c, and 8/10 for b, which is what follows the a before.
    @Test func logitsAreTheModels() throws {
        let bench = try Bench()
        let last = try parsed(bench.subcommand("logits", "shakespeare", "--text", "ab", "--json").results)
        let logits = try #require(last["logits"] as? [Double])
        #expect(last["ids"] as? [Int] == [0, 1])
        try #require(logits.count == 28)
        #expect(logits[2] == 8)
        #expect(abs(logits[1] - 0.8) < 1e-6)
        #expect(logits.filter { $0 != 0 }.count == 2)

        let all = try parsed(bench.subcommand("logits", "shakespeare", "--ids", "0,1", "--all", "--json").results)
        let rows = try #require(all["logits"] as? [[Double]])
        try #require(rows.count == 2)
        #expect(rows[0].firstIndex(of: 8) == 1)
        #expect(rows[1] == logits)
    }

    @Test func probabilitiesAreThoseOfTheWholeChain() throws {
        let bench = try Bench()
        let words = ["logits", "shakespeare", "--text", "a", "--probabilities", "--json"]
        let greedy = try parsed(
            bench.subcommand(words[0], words[1], words[2], words[3], words[4], words[5], "--temperature", "0").results)
        #expect((greedy["probabilities"] as? [Double])?.firstIndex(of: 1) == 1)
        let plain = try parsed(
            bench.subcommand(words[0], words[1], words[2], words[3], words[4], words[5], "--samplers", "").results)
        let softmax = try #require(plain["probabilities"] as? [Double])
        #expect(abs(softmax[1] - exp(8) / (exp(8) + 27)) < 1e-8)
    }

    @Test func logitsOfWrongWords() throws {
        let bench = try Bench()
        #expect(bench.subcommand("logits", "shakespeare", "--json").code == 2)
        #expect(bench.subcommand("logits", "shakespeare", "--ids", "0", "--text", "a").code == 2)
        let (code, results) = bench.subcommand("logits", "shakespeare", "--ids", "0,28", "--json")
        #expect(code == 2)
        #expect(results == "", "nothing is written before an error")
    }

    /// b after a: softmax of 8 among 27 zeros. c after ab: 8 against 0.8 and 26 zeros.
    @Test func scoreIsTheSurprisal() throws {
        let bench = try Bench(input: "abc")
        let score = try parsed(bench.subcommand("score", "shakespeare", "--json").results)
        let nats = log(exp(8.0) + 27) - 8 + log(exp(8.0) + exp(0.8) + 26) - 8
        #expect(score["tokens"] as? Int == 2)
        #expect(score["characters"] as? Int == 3)
        #expect(score["bytes"] as? Int == 3)
        #expect(abs(try #require(score["nats_per_token"] as? Double) - nats / 2) < 1e-8)
        #expect(abs(try #require(score["bits_per_character"] as? Double) - nats / log(2) / 3) < 1e-8)
        #expect(abs(try #require(score["bits_per_byte"] as? Double) - nats / log(2) / 3) < 1e-8)
        #expect(abs(try #require(score["perplexity"] as? Double) - exp(nats / 2)) < 1e-8)
        #expect(score["file"] == nil)
    }

    @Test func severalFilesAreScoredWithTheirNames() throws {
        let bench = try Bench()
        let a = try bench.file("a.txt", "abc")
        let b = try bench.file("b.txt", "a")
        let lines = bench.subcommand("score", "shakespeare", a, b, "--json").results.split(separator: "\n")
        try #require(lines.count == 2)
        #expect(try parsed(String(lines[0]))["file"] as? String == a)
        #expect(lines[1].contains(#""tokens":0"#))
        #expect(lines[1].contains(#""nats_per_token":null"#), "non-finite numbers are null")
    }

    @Test func inspectTellsWhatIsThere() throws {
        let bench = try Bench()
        let json = bench.subcommand("inspect", "shakespeare", "--json").results
        #expect(
            json.hasPrefix(
                #"{"name":"alphabet","version":1,"parameters":1568,"architecture":"trace","vocabulary":28,"state_bytes":112,"tensors":[{"name":"#
            ))
        let tensors = try #require(parsed(json)["tensors"] as? [[String: Any]])
        #expect(tensors.map { $0["name"] as? String } == ["embedding", "follow.weight"])
        #expect(tensors[0]["shape"] as? [Int] == [28, 28])
        #expect(bench.subcommand("inspect", "shakespeare", "--program").results == Alphabet.program)
    }

    @Test func verifyFindsDamage() throws {
        let bench = try Bench()
        #expect(bench.subcommand("verify", "shakespeare").code == 0)
        let path = bench.path("damaged.rnnz")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: bench.path("shakespeare.rnnz")))
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(bench.subcommand("verify", path).code == 65)
        #expect(bench.subcommand("verify", path, "shakespeare").results.contains("ok  structure"), "the others are checked too")
        #expect(bench.subcommand("verify").code == 2)
        #expect(bench.subcommand("verify", "./missing.rnnz").code == 66)
    }

    @Test func theZooListsItsModels() throws {
        let bench = try Bench()
        #expect(bench.subcommand("zoo", "list").results.contains("shakespeare  \(bench.folder)/shakespeare.rnnz"))
        #expect(bench.subcommand("zoo", "path", "shakespeare").results == bench.path("shakespeare.rnnz") + "\n")
        #expect(bench.subcommand("zoo", "verify", "shakespeare").code == 0)
        #expect(bench.subcommand("zoo", "lst").code == 2)
    }

    @Test func anArchiveLeavesAsSafetensorsAndComesBack() throws {
        let bench = try Bench()
        #expect(bench.subcommand("convert", bench.path("shakespeare.rnnz"), bench.path("out.safetensors")).code == 0)
        #expect(bench.subcommand("convert", bench.path("shakespeare.rnnz"), bench.path("out.txt")).code == 2)
        #expect(bench.subcommand("convert", bench.path("missing"), bench.path("out.rnnz")).code == 66)
        #expect(bench.subcommand("convert", try bench.file("x", "junk"), bench.path("out.rnnz")).code == 65)
        #expect(bench.subcommand("convert", "a", "b.rnnz", "--set", "window").code == 2)
        // What is wrong with a program is told by the lines of its own file.
        let program = try bench.file("p.rnn", "step(token) {\n  return embedding[token] + nxt(h)\n}\n")
        let refused = bench.subcommand("convert", bench.path("out.safetensors"), bench.path("new.rnnz"), "--program", program)
        #expect(refused.code == 65)
        #expect(bench.output.notes.contains { $0.contains("\(program): line 2, column ") })
    }

    @Test(arguments: [
        ["generate", "nothere"], ["generate"], ["generate", "shakespeare", "--top-p", "3"],
        ["generate", "shakespeare", "-n", "-2"],
        ["generate", "shakespeare", "--seed", "x"], ["generate", "shakespeare", "--preset", "x"],
        ["generate", "shakespeare", "--stop", ""], ["generate", "shakespeare", "--bogus"],
        ["generate", "shakespeare", "--prompt", "a", "--prompt-file", "b"], ["generate", "shakespeare", "--threads", "0"],
    ])
    func wrongWordsExitWith2(words: [String]) throws {
        let bench = try Bench()
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand(words[0], Array(words.dropFirst())) == .usage)
        #expect(bench.output.notes.count == 1)
        #expect(bench.output.notes.first?.hasPrefix("error: ") == true)
        #expect(bench.output.results == "")
    }

    @Test func missingFilesExitWith66AndBadOnesWith65() throws {
        let bench = try Bench()
        #expect(bench.subcommand("generate", "./nothere.rnnz").code == 66)
        #expect(bench.subcommand("generate", "shakespeare", "--prompt-file", "./nothere").code == 66)
        #expect(bench.subcommand("score", "shakespeare", "./nothere").code == 66)
        #expect(bench.subcommand("run", "./nothere").code == 66)
        #expect(bench.subcommand("inspect", try bench.file("junk.rnnz", "junk")).code == 65)
        try Data([0x61, 0xff]).write(to: URL(fileURLWithPath: bench.path("latin1.txt")))
        #expect(bench.subcommand("score", "shakespeare", bench.path("latin1.txt")).code == 65)
    }

    /// A device without an end is not read for ever, and a pipe is left when someone asks for it.
    @Test func readingEndsAtTheLimitAndWhenInterrupted() throws {
        #expect(throws: FileError.tooLarge(path: "/dev/zero")) {
            try Files.bytes(at: "/dev/zero", limit: 1 << 20, isInterrupted: { false })
        }
        #expect(throws: Failure.interrupted) { try Files.bytes(at: "/dev/zero", isInterrupted: { true }) }
        #expect(try Files.bytes(at: "/dev/null", isInterrupted: { false }).isEmpty)
    }

    @Test func unknownNamesInHelpAreToldAsTheyWereTyped() throws {
        let bench = try Bench()
        #expect(bench.subcommand("help", "generte").code == 2)
        #expect(bench.output.notes.last == "error: there is no command “generte”; did you mean “generate”?")
        #expect(bench.failure(of: "help generte")?.message == "there is no command “/generte”; did you mean “/generate”?")
        #expect(bench.subcommand("help", "load").results.hasPrefix("Usage: /load"))
    }

    @Test func matricesAreStoredSmaller() throws {
        let bench = try Bench()
        for (type, bytes) in [("f16", "3,136"), ("bf16", "3,136"), ("q8", "1,904"), ("q4", "1,008")] {
            // Two matrices of 28 lines of 28 numbers.
            let (code, results) = bench.subcommand(
                "convert", bench.path("shakespeare.rnnz"), bench.path("small.rnnz"), "--quantize", type)
            #expect(code == 0)
            #expect(results.contains("2 of 2 tensors stored as \(type): 6,272 bytes in memory became \(bytes)\n"))
            #expect(bench.subcommand("inspect", bench.path("small.rnnz"), "--tensors").results.contains(type))
            #expect(bench.subcommand("verify", bench.path("small.rnnz")).code == 0)
            let json = try parsed(bench.subcommand("inspect", bench.path("small.rnnz"), "--json").results)
            #expect(json["version"] as? Int == (type.hasPrefix("q") ? 2 : 1))
            let text = bench.subcommand("generate", bench.path("small.rnnz"), "--prompt", "a", "-n", "25", "--temperature", "0")
            #expect(text.results.hasPrefix("bcdefghijklmnopqrstuvwxyz"))
        }
        #expect(bench.subcommand("convert", bench.path("shakespeare.rnnz"), bench.path("c.rnnz"), "--quantize", "q5").code == 2)
        #expect(bench.output.notes.last?.contains("--quantize takes f16, bf16, q8, q4") == true)
        #expect(!FileManager.default.fileExists(atPath: bench.path("c.rnnz")))
        let left = bench.subcommand(
            "convert", bench.path("shakespeare.rnnz"), bench.path("out.safetensors"), "--quantize", "q8")
        #expect(left.code == 2)
    }

    @Test func aModelHasAName() throws {
        let bench = try Bench()
        let (code, _) = bench.subcommand("convert", bench.path("shakespeare.rnnz"), bench.path("b.rnnz"), "--name", "")
        #expect(code == 2)
        #expect(!FileManager.default.fileExists(atPath: bench.path("b.rnnz")))
    }

    @Test func helpIsNoError() throws {
        let bench = try Bench()
        let (code, results) = bench.subcommand("generate", "--help")
        #expect(code == 0)
        #expect(results.hasPrefix("Usage: rnnz generate MODEL"))
    }

    @Test func charactersThatTheModelLacksAreReported() throws {
        let bench = try Bench()
        _ = bench.subcommand("tokenize", "shakespeare", "aßß!")
        #expect(bench.output.notes == ["warning: the model does not know “ß” 2 times, “!”: they were replaced or skipped"])
    }
}
