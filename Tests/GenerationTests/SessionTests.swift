import Foundation
import Testing
import Tokenization
import Zoo

@testable import Generation

@Suite struct SessionTests {
    static func greedy(_ limit: Int?, stops: [String] = []) -> GenerationOptions {
        var options = GenerationOptions()
        options.limit = limit
        options.stops = stops
        options.sampling.temperature = 0
        return options
    }

    @Test func greedyTextIsThatOfPlainArithmetic() throws {
        let elman = try TestModel.elman()
        let session = try Session(elman.model(), seed: 1)
        let encoding = try session.feed(elman.text)
        #expect(encoding.ids == elman.ids)
        for (found, expected) in zip(session.logits, elman.logits) { #expect(abs(Double(found) - expected) < 1e-4) }
        let result = try session.generate(Self.greedy(40))
        #expect(result.ids == elman.greedy)
        #expect(result.promptIDs == elman.ids)
        #expect(result.text == elman.greedy.map { elman.alphabet[$0] }.joined())
        #expect(result.stopReason == .length)
    }

    @Test func streamedTextIsTheResultsText() throws {
        let session = try Session(TestModel.elman().model(), seed: 9)
        try session.feed("abc")
        var options = GenerationOptions()
        options.limit = 500
        var streamed = ""
        let result = try session.generate(options) { streamed += $0 }
        #expect(streamed == result.text && result.ids.count == 500)
        #expect(session.seed == 9)
        let again = try Session(TestModel.elman().model(), seed: 9)
        try again.feed("abc")
        #expect(try again.generate(options).ids == result.ids)
        session.reset()
        try session.feed("abc")
        #expect(try session.generate(options).ids == result.ids)
        session.reset()
        session.reseed(10)
        try session.feed("abc")
        #expect(try session.generate(options).ids != result.ids)
    }

    @Test func inPartsOrAtOnceTheSame() throws {
        let elman = try TestModel.elman()
        var options = GenerationOptions()
        options.limit = 60
        let whole = try Session(elman.model(), seed: 5)
        try whole.feed("abcd")
        let expected = try whole.generate(options)
        let parts = try Session(elman.model(), seed: 5)
        try parts.feed("ab")
        try parts.feed(ids: try #require(elman.model().tokenizer).encode("cd").ids)
        options.limit = 25
        let first = try parts.generate(options)
        options.limit = 35
        let second = try parts.generate(options)
        #expect(first.ids + second.ids == expected.ids)
        #expect(first.promptIDs.count == 4 && second.promptIDs.isEmpty)
        #expect(parts.snapshot == whole.snapshot)
    }

    @Test func theModelsStartTokenBegins() throws {
        let session = try Session(TestModel.reciting("abc") { $0.special.start = 98 }, seed: 0)
        let result = try session.generate(Self.greedy(4))
        #expect(result.promptIDs == [98] && result.text == "cabc")
        #expect(session.history.recent == [98, 99, 97, 98, 99])
    }

    @Test func elseTheStartTextBegins() throws {
        let session = try Session(TestModel.reciting("abc") { $0.special.startText = "ab" }, seed: 0)
        let result = try session.generate(Self.greedy(2))
        #expect(result.promptIDs == [97, 98] && result.text == "ca")
    }

    @Test func elseNothingCanBegin() throws {
        for text in [nil, ""] {
            let session = try Session(TestModel.reciting("abc") { $0.special.startText = text }, seed: 0)
            #expect(throws: GenerationError.noStart(model: "test")) { try session.generate(Self.greedy(2)) }
            try session.feed("")
            #expect(throws: GenerationError.noStart(model: "test")) { try session.generate(Self.greedy(2)) }
        }
    }

    @Test func theEndTokenEndsAndIsNotText() throws {
        let session = try Session(TestModel.reciting("abcd") { $0.special.end = 99 }, seed: 0)
        try session.feed("d")
        let result = try session.generate(Self.greedy(nil, stops: ["bx"]))
        #expect(result.text == "ab" && result.ids == [97, 98] && result.stopReason == .eos)
        // It has been seen: what comes next is what follows it.
        #expect(try session.generate(Self.greedy(nil)).text == "dab")
    }

    @Test func aStopStringEndsWhereItBegins() throws {
        let session = try Session(TestModel.reciting("abcdef"), seed: 0)
        try session.feed("a")
        var streamed: [String] = []
        let result = try session.generate(Self.greedy(50, stops: ["def", "cx"])) { streamed.append($0) }
        #expect(result.text == "bc" && result.stopReason == .stop && streamed.joined() == "bc")
        #expect(result.ids == Array("bcdef".utf8).map(Int.init))
        #expect(session.snapshot.heldText.isEmpty)
    }

    @Test func heldBackTextComesWhenTheLimitIsReached() throws {
        let session = try Session(TestModel.reciting("abcdef"), seed: 0)
        try session.feed("a")
        let result = try session.generate(Self.greedy(4, stops: ["def"]))
        #expect(result.text == "bcde" && result.stopReason == .length)
    }

    @Test func charactersComeWhole() throws {
        // The bytes of a 😀 and a "b", one token each: never half a character.
        let session = try Session(TestModel.reciting("😀b"), seed: 0)
        try session.feed("b")
        var pieces: [String] = []
        let first = try session.generate(Self.greedy(7)) { pieces.append($0) }
        #expect(pieces == ["😀", "b"] && first.text == "😀b" && first.ids.count == 7)
        #expect(session.snapshot.pendingBytes == [0xF0, 0x9F])
        #expect(try session.generate(Self.greedy(3)).text == "😀b")
        // A new text ends what was unfinished.
        _ = try session.generate(Self.greedy(2))
        try session.feed("b")
        #expect(session.snapshot.pendingBytes.isEmpty)
    }

    @Test func interruptionIsAskedForOnceBeforeEachToken() throws {
        let session = try Session(TestModel.reciting("abc"), seed: 0)
        try session.feed("c")
        var asked = 0
        let result = try session.generate(
            Self.greedy(nil),
            isInterrupted: {
                asked += 1
                return asked > 5
            }, onText: { _ in })
        #expect(result.text == "abcab" && result.stopReason == .interrupt && asked == 6)
        #expect(try session.generate(Self.greedy(2)).text == "ca")
    }

    @Test func speedIsOfTheGeneratedTokens() throws {
        var time = 100.0
        let session = try Session(TestModel.reciting("abc"), seed: 0, secondsNow: { time })
        try session.feed("c")
        let result = try session.generate(Self.greedy(8)) { _ in time += 0.25 }
        #expect(result.tokensPerSecond == 4)
        #expect(try session.generate(Self.greedy(0)).tokensPerSecond == 0)
    }

    @Test func withoutOutputMemoryStaysConstant() throws {
        var options = Self.greedy(10)
        options.keepsOutput = false
        let session = try Session(TestModel.reciting("abc"), seed: 0)
        try session.feed("c")
        var text = ""
        let result = try session.generate(options) { text += $0 }
        #expect(result.ids.isEmpty && result.text.isEmpty && text == "abcabcabca")
    }

    @Test func wordsAreJoinedBySpaces() throws {
        let tokenizer = try WordTokenizer(vocabulary: [0: "je", 1: "suis", 2: "ici", 3: "</s>"], special: [3])
        let model = try TestModel.chain([0: 1, 1: 2, 2: 3, 3: 0], tokenizer: tokenizer)
        let session = try Session(model, seed: 0)
        try session.feed("je")
        #expect(try session.generate(Self.greedy(5)).text == "suis ici je suis")
    }

    @Test func tokensOutOfRangeLeaveTheSessionAsItWas() throws {
        let session = try Session(TestModel.reciting("abc"), seed: 0)
        try session.feed("ab")
        let before = session.snapshot
        for id in [256, -1, .max, .min] {
            #expect(throws: GenerationError.tokenOutOfRange(id: id, limit: 256)) { try session.feed(ids: [97, id]) }
        }
        #expect(session.snapshot == before)
    }

    @Test func aLongPromptMayBeInterrupted() throws {
        let session = try Session(TestModel.reciting("abc"), seed: 0)
        try session.feed("ab")
        let before = session.snapshot
        var asked = 0
        func isInterrupted() -> Bool {
            asked += 1
            return asked == 3
        }
        let ids = [Int](repeating: 97, count: 5000)
        #expect(throws: GenerationError.interrupted) { try session.feed(ids: ids, isInterrupted: isInterrupted) }
        #expect(session.snapshot == before)
        try session.feed(ids: ids, isInterrupted: isInterrupted)
        #expect(session.history.count == 5002)
    }

    @Test func logitsThatAreNoNumbersAreAnErrorAndUndoTheGeneration() throws {
        let model = try TestModel.make(
            tokenizer: nil, width: 1,
            tensors: ["embedding": [1, 1], "rnn.U": [0], "rnn.b": [0], "out.weight": [.nan, .nan], "out.bias": [0, 0]])
        let session = try Session(model, seed: 0)
        #expect(throws: GenerationError.noTokenizer(model: "test")) { try session.feed("a") }
        try session.feed(ids: [1])
        #expect(throws: GenerationError.nothingToDraw(afterTokens: 1)) { try session.generate() }
        #expect(session.history.count == 1)
    }

    @Test func withoutATokenizerIdsAreGenerated() throws {
        let model = try TestModel.make(
            tokenizer: nil, width: 2,
            tensors: [
                "embedding": [20, 0, 0, 20], "rnn.U": [0, 0, 0, 0], "rnn.b": [0, 0], "out.weight": [0, 9, 9, 0],
                "out.bias": [0, 0],
            ])
        let session = try Session(model, seed: 0)
        try session.feed(ids: [0])
        let result = try session.generate(Self.greedy(3))
        #expect(result.ids == [1, 0, 1] && result.text.isEmpty)
    }

    @Test func anArchiveWithATokenizerAloneHasNoSession() throws {
        let model = try TestModel.reciting("abc") { $0.program = nil }
        #expect(throws: GenerationError.noNetwork(model: "test")) { try Session(model, seed: 0) }
        #expect(throws: GenerationError.noNetwork(model: "test")) { try score(model, text: "ab") }
    }
}
