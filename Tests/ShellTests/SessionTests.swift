import Foundation
import TestModels
import Testing

@testable import Shell

/// What a session does with lines, as a person sees it.
struct SessionTests {
    private func greedy() throws -> Bench {
        let bench = try Bench()
        _ = bench.type("/set temperature 0", "/set n 4")
        return bench
    }

    @Test func textContinuesTheState() throws {
        let bench = try greedy()
        #expect(bench.type("ab") == "cdef\n")
        #expect(bench.type("/generate") == "ghij\n")
        #expect(bench.type("x", "/show history") == "yz a\nabcdefghijxyz a\n")
    }

    @Test func aPromptOfItsOwnLeavesTheSessionAsItWas() throws {
        let bench = try greedy()
        #expect(bench.type("ab") == "cdef\n")
        let before = try bench.shell.session().snapshot
        #expect(
            bench.type("/generate --prompt xy -n 2", "/logits --text a --json", "/score --text abc").hasPrefix("z \n{\"ids\":[0]")
        )
        #expect(try bench.shell.session().snapshot == before)
    }

    @Test func undoRestoresWhatWasBefore() throws {
        let bench = try greedy()
        #expect(bench.type("ab") == "cdef\n")
        let before = try bench.shell.session().snapshot
        #expect(bench.type("xyz", "/generate", "/undo 2") == " abc\ndefg\n")
        #expect(try bench.shell.session().snapshot == before)
        #expect(bench.type("/undo", "/undo") == "error: there is nothing to undo\n")
    }

    @Test func resetBeginsAnewAndCanBeUndone() throws {
        let bench = try greedy()
        _ = bench.type("ab")
        let before = try bench.shell.session().snapshot
        _ = bench.type("/reset")
        #expect(try !bench.shell.session().hasBegun)
        _ = bench.type("/undo")
        #expect(try bench.shell.session().snapshot == before)
    }

    /// The same bits before and after, with random numbers.
    @Test func aSavedSessionGoesOnAsItWould() throws {
        let bench = try Bench()
        let file = bench.path("my session")
        _ = bench.type("/set preset char-rnn", "/set temperature 9", "/set n 60", "/set seed 7", "ab", "/save '\(file)'")
        let onward = bench.type("/generate")
        #expect(bench.type("/restore '\(file)'", "/generate") == onward)
        bench.shell = Shell(host: bench.shell.host)
        let later = bench.type("/set preset char-rnn", "/set temperature 9", "/set n 60", "/restore '\(file)'", "/generate")
        #expect(later == "seed 7\n" + onward)
    }

    @Test func whatIsNoSessionIsNotRestored() throws {
        let bench = try greedy()
        _ = bench.type("ab")
        let before = try bench.shell.session().snapshot
        #expect(bench.failure(of: "restore \(try bench.file("junk", "junk"))")?.code == .badData)
        #expect(bench.failure(of: "restore ./nothere")?.code == .notFound)
        #expect(bench.failure(of: "save /nowhere/at/all")?.code == .failed)
        #expect(try bench.shell.session().snapshot == before)
    }

    @Test func aFailedLoadLeavesTheSession() throws {
        let bench = try greedy()
        _ = bench.type("ab")
        #expect(bench.type("/load nothing").hasPrefix("error: “nothing” is no file and no model"))
        #expect(bench.type("/generate") == "ghij\n")
    }

    @Test func settingsAreCheckedAndShown() throws {
        let bench = try Bench()
        #expect(bench.type("/set top-p 3").hasPrefix("error: top-p is 3.0"))
        #expect(bench.type("/set topp 3").contains("did you mean “top-p”?"))
        #expect(bench.type("/set temperature") == "")
        #expect(bench.type("/set temperature 1 2").hasPrefix("error: temperature takes one value"))
        #expect(bench.type("/set stop a 'b c'", "/set n -1", "/show settings").contains("stop               a 'b c'"))
        #expect(bench.type("/set preset greedy", "/show settings").contains("temperature        0"))
        #expect(bench.type("/set seed 7", "/show settings").contains("seed               7"))
        #expect(bench.type("/set errors sometimes").hasPrefix("error: errors is"))
    }

    @Test func theSameSeedSaysTheSame() throws {
        let bench = try Bench()
        _ = bench.type("/set preset char-rnn", "/set temperature 9", "/set seed 3", "/set n 40")
        let first = bench.type("ab")
        #expect(bench.type("/reset", "/set seed 3", "ab") == first)
        #expect(bench.type("/reset", "/set seed 4", "ab") != first)
    }

    @Test func interruptedTextStaysAndCanBeUndone() throws {
        let bench = try greedy()
        _ = bench.type("/set n -1")
        bench.interrupts.remaining = 6  // one for the text, five tokens
        #expect(bench.type("ab") == "cdefg\n")
        bench.interrupts.clear()
        #expect(bench.type("/show history", "/undo", "/generate -n 2") == "abcdefg\nab\n")
    }

    @Test func blocksAndSlashes() throws {
        let bench = try greedy()
        #expect(bench.type("\"\"\"", "a", "b", "\"\"\"", "/show history") == "cdef\na\nbcdef\n")
        #expect(bench.type("/reset", "//a").hasSuffix("bcde\n"), "the slash is not in the vocabulary, the a is")
    }

    @Test func pastedTextIsOneText() throws {
        let bench = try greedy()
        Conversation(bench.shell).take(piece: "a\nb\n")
        #expect(bench.output.takeText() == "cdef\n")
        Conversation(bench.shell).take(piece: "/reset\n/set n 2\nab")
        #expect(bench.output.takeText() == "cd\n")
    }

    @Test func standardInputBelongsToTheSession() throws {
        let bench = try Bench()
        #expect(bench.failure(of: "tokenize")?.code == .usage)
        #expect(bench.failure(of: "score")?.code == .usage)
        #expect(bench.failure(of: "run -")?.code == .usage)
    }

    @Test func anotherNumberOfThreadsKeepsTheSession() throws {
        let bench = try greedy()
        _ = bench.type("ab")
        let state = try bench.shell.session().state
        _ = bench.type("/set threads 1")
        #expect(try bench.shell.session().state == state)
        #expect(bench.type("/generate --threads 2") == "ghij\n")
    }

    @Test func withoutADefaultModelTheSessionSaysSo() throws {
        let bench = try Bench()
        try FileManager.default.removeItem(atPath: bench.path("shakespeare.rnnz"))
        #expect(bench.failure(of: "generate")?.code == .notFound)
        try Alphabet.write(to: bench.path("abc.rnnz"))
        #expect(bench.type("/load abc").hasPrefix("alphabet: trace, 1,568 parameters, a vocabulary of 28, a state of 112 bytes"))
    }
}

struct ConversationTests {
    @Test func aPipeGoesOnAfterErrorsAndEndsWithTheFirst() throws {
        let bench = try Bench()
        let conversation = Conversation(bench.shell)
        for line in ["/restore ./nothere", "/bogus", "/set temperature 0", "/set n 2", "ab"] { conversation.take(line) }
        #expect(bench.output.results == "cd\n")
        #expect(conversation.firstFailure == .notFound)
        conversation.take("/quit")
        #expect(conversation.isFinished)
    }

    @Test func anOpenBlockAtTheEndIsAnError() throws {
        let bench = try Bench()
        let conversation = Conversation(bench.shell)
        conversation.take("\"\"\"")
        #expect(conversation.isInsideEntry)
        conversation.end()
        #expect(conversation.firstFailure == .usage)
    }

    /// Output that nobody reads any more ends the work, quietly.
    @Test func aReaderThatLeavesEndsIt() throws {
        let bench = try Bench()
        var host = bench.shell.host
        let output = LeavingOutput(after: 3)
        host.output = output
        let conversation = Conversation(Shell(host: host))
        for line in ["/set temperature 0", "/set n -1", "ab"] { conversation.take(line) }
        #expect(conversation.isFinished)
        #expect(conversation.firstFailure == .done)
        #expect(output.notes == [])
    }
}

/// A pipe whose reader leaves.
final class LeavingOutput: Output {
    private var remaining: Int
    private(set) var notes: [String] = []
    init(after count: Int) { remaining = count }
    let isTerminal = false
    let hasColour = false
    let isAtLineStart = true
    func write(_ text: String) throws(OutputError) {}
    func note(_ text: String) { notes.append(text) }
    func flush() throws(OutputError) {
        remaining -= 1
        if remaining < 0 { throw .readerLeft }
    }
}
