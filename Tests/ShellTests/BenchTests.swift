import Foundation
import TestModels
import Testing

@testable import Shell

/// `bench`, by the contract of the command line. The clock goes on by a quarter of a second each time that it is asked: what is
/// measured is known.
struct BenchTests {
    private static func bench(change: (Bench) throws -> Void = { _ in }) throws -> Bench {
        let bench = try Bench()
        var now = 0.0
        bench.shell.host.seconds = {
            now += 0.25
            return now
        }
        try change(bench)
        return bench
    }

    @Test(arguments: [("decode", 4 * 10), ("batch", 4 * 10 * 64)])
    func aResultAsJSON(work: String, tokensPerSecond: Int) throws {
        let bench = try Self.bench()
        let (code, results) = bench.subcommand(
            "bench", "shakespeare", "--work", work, "--steps", "10", "--repeats", "3", "--threads", "1", "--json")
        #expect(code == 0)
        #expect(
            results
                == #"{"work":"\#(work)","dtype":"f32","threads":1,"tokens_per_s":\#(tokensPerSecond),"max":\#(tokensPerSecond)}"#
                + "\n")
        #expect(bench.output.notes.isEmpty)
    }

    /// A step and a forward pass take a quarter of a second by this clock, so that one is enough.
    @Test(arguments: [
        ("decode", "4, the median of 7 repeats of 1 step"), ("batch", "32,768, the median of 4 repeats of 64 × 128 steps"),
    ])
    func withoutNumbersTheStepsAreChosen(work: String, shown: String) throws {
        let bench = try Self.bench()
        let (code, results) = bench.subcommand("bench", "shakespeare", "--work", work, "--threads", "2")
        #expect(code == 0)
        let expected = """
            work      \(work)
            weights   f32
            threads   2
            tokens/s  \(shown); at most
            """
        #expect(results.hasPrefix(expected))
    }

    @Test func aClockThatStandsStillGivesNoNumber() throws {
        let bench = try Bench()
        let words = ["bench", "shakespeare", "--work", "decode", "--steps", "3"]
        let json = try parsed(bench.subcommand(words[0], words[1], words[2], words[3], words[4], words[5], "--json").results)
        #expect(json["tokens_per_s"] is NSNull)
        #expect(Set(json.keys) == ["work", "dtype", "threads", "tokens_per_s", "max"])
        #expect(bench.subcommand(words[0], words[1], words[2], words[3], words[4], words[5]).results.contains("tokens/s  -,"))
    }

    @Test func theThreadsThatWereChosenAreShown() throws {
        let bench = try Self.bench()
        for threads in [1, 2, 5] {
            let json = try parsed(
                bench.subcommand(
                    "bench", "shakespeare", "--work", "decode", "--steps", "2", "--threads", String(threads), "--json"
                ).results)
            #expect(json["threads"] as? Int == threads)
        }
    }

    /// The session is as if nothing had happened in between.
    @Test func atThePromptTheSessionGoesOn() throws {
        let bench = try Self.bench()
        let seen = bench.type(
            "/set temperature 0", "/set n 3", "ab", "/bench --work decode --steps 4 --repeats 2 --json", "/generate")
        #expect(
            seen == """
                cde
                {"work":"decode","dtype":"f32","threads":1,"tokens_per_s":16,"max":16}
                fgh

                """)
    }

    @Test func inAScript() throws {
        let bench = try Self.bench()
        let script = try bench.file("script", "/load shakespeare\n/bench --work $1 --steps 1 --json\n")
        let (code, results) = bench.subcommand("run", script, "batch")
        #expect(code == 0)
        #expect(results.hasPrefix(#"{"work":"batch","dtype":"f32","threads":1,"tokens_per_s":256,"#))
        #expect(bench.subcommand("run", script, "training").code == 2)
        #expect(bench.output.notes.last?.hasSuffix("error: work is “training”; it should be decode, batch or train") == true)
    }

    @Test(arguments: [
        ["shakespeare"], ["shakespeare", "--work"], ["shakespeare", "--work", "training"], ["shakespeare", "--work", ""],
        ["shakespeare", "--work", "Decode"], ["--work", "decode"], ["nothere", "--work", "decode"],
        ["shakespeare", "--work", "decode", "--threads", "0"], ["shakespeare", "--work", "decode", "--threads", "-1"],
        ["shakespeare", "--work", "decode", "--threads", "1025"], ["shakespeare", "--work", "decode", "--threads", "two"],
        ["shakespeare", "--work", "decode", "--steps", "0"], ["shakespeare", "--work", "decode", "--steps", "-5"],
        ["shakespeare", "--work", "decode", "--steps", "1000001"], ["shakespeare", "--work", "decode", "--repeats", "0"],
        ["shakespeare", "--work", "batch", "--repeats", "99999999999999999999"], ["shakespeare", "--work", "batch", "more"],
    ])
    func wrongWordsExitWith2(words: [String]) throws {
        let bench = try Self.bench()
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("bench", words) == .usage)
        #expect(bench.output.notes.count == 1)
        #expect(bench.output.notes.first?.hasPrefix("error: ") == true)
        #expect(bench.output.results == "")
    }

    @Test(arguments: ["decode", "batch"])
    func ctrlCEndsIt(work: String) throws {
        let bench = try Self.bench()
        bench.interrupts.remaining = 5
        #expect(bench.subcommand("bench", "shakespeare", "--work", work, "--steps", "100", "--json").code == 130)
        #expect(bench.output.results == "")
    }

    @Test func aModelThatCannotBeTimedSaysWhy() throws {
        let bench = try Self.bench()
        try Alphabet.write(to: bench.path("tokenizer.rnnz")) { $0.program = nil }
        #expect(bench.subcommand("bench", bench.path("tokenizer.rnnz"), "--work", "decode").code == 1)
        #expect(bench.output.notes.last == "error: alphabet holds a tokenizer but no network; it cannot generate or score")
        #expect(bench.subcommand("bench", "./nothere.rnnz", "--work", "decode").code == 66)
    }
}
