import Foundation
import TestModels
import Testing

@testable import Shell

/// `--check`: which value is the first to be NaN or infinite.
struct CheckTests {
    /// One element of c is exp(exp(…)) of as many 1 as its letter stands in a row: the fourth letter a after another one is too many.
    private static func overflowing(_ bench: Bench) throws -> String {
        let path = bench.path("overflowing.rnnz")
        try Alphabet.write(to: path) {
            $0.program = """
                step(token) {
                  x = embedding[token]
                  c = exp(prev(c) * x)
                  return follow.weight @ c
                }
                """
        }
        return path
    }

    private static let sentence = "error: c is infinite at step 6, element 0, counted from 0"

    @Test(arguments: [
        ["logits", "--ids", "1,1,1,0,0,0,0", "--json"], ["logits", "--text", "bbbaaaa", "--all"],
        ["logits", "--text", "bbbaaaa", "--threads", "2"], ["score", "--text", "bbbaaaab", "--json"],
        ["score", "--text", "bbbaaaab", "--per-token"], ["generate", "--prompt", "bbbaaaa", "-n", "1"],
        ["generate", "--prompt", "bbbaaaa", "-n", "1", "--json"],
    ])
    func theFirstIsNamedAndTheWorkHasFailed(words: [String]) throws {
        let bench = try Bench()
        let path = try Self.overflowing(bench)
        let code = Shell(host: bench.shell.host, isSubcommand: true)
            .runSubcommand(words[0], [path] + words.dropFirst() + ["--check"])
        #expect(code == .failed)
        #expect(bench.output.notes.last == Self.sentence)
        #expect(bench.output.results == "", "nothing is written before the error")
    }

    @Test func withoutItNumbersAreNull() throws {
        let bench = try Bench()
        let path = try Self.overflowing(bench)
        let (code, results) = bench.subcommand("logits", path, "--text", "bbbaaaa", "--json")
        #expect(code == 0)
        #expect(results.contains("null"))
        #expect(bench.output.notes.isEmpty)
    }

    @Test func aModelThatDoesNotOverflowSaysTheSame() throws {
        let bench = try Bench()
        let words = ["generate", "shakespeare", "--prompt", "xyz", "-n", "5", "--temperature", "0"]
        let (code, results) = bench.subcommand(
            words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7], "--check")
        #expect(code == 0)
        #expect(results == " abcd\n")
    }

    /// Steps count from the beginning of the session, which is as it was before what failed.
    @Test func aSessionIsCheckedAndStaysAsItWas() throws {
        let bench = try Bench()
        _ = bench.type("/load \(try Self.overflowing(bench))", "/set n 0", "bbbaa", "/set check on")
        let state = try bench.shell.session().state
        #expect(bench.type("aab") == Self.sentence + "\n")
        #expect(try bench.shell.session().state == state)
        #expect(bench.type("/show history") == "bbbaa\n")
        #expect(bench.type("/show settings").contains("check              on"))
        _ = bench.type("/set check off", "aab", "/reset")
        #expect(bench.type("/logits --text bbbaaaa --check") == Self.sentence + "\n", "as an option of a command")
        #expect(bench.failure(of: "set check maybe")?.code == .usage)
    }

    /// Texts are fed in blocks; the step is that of the whole text.
    @Test func aLongTextIsCounted() throws {
        let bench = try Bench()
        let path = try Self.overflowing(bench)
        let text = try bench.file("long.txt", String(repeating: "bc", count: 1500) + "aaaaab")
        _ = bench.subcommand("score", path, text, "--check")
        #expect(bench.output.notes.last == "error: c is infinite at step 3003, element 0, counted from 0")
        _ = bench.subcommand("generate", path, "--prompt-file", text, "--check")
        #expect(bench.output.notes.last == "error: c is infinite at step 3003, element 0, counted from 0")
    }
}
