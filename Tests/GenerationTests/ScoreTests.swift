import Foundation
import Testing
import Tokenization

@testable import Generation

@Suite struct ScoreTests {
    @Test func surprisalsAreThoseOfPlainArithmetic() throws {
        let elman = try TestModel.elman()
        var each: [(Int, Double)] = []
        var progress: [(Int, Int)] = []
        let found = try score(
            elman.model(), text: elman.text, each: { each.append(($0, $1)) }, progress: { progress.append(($0, $1)) })
        #expect(found.tokens == 299 && found.characters == 300 && found.bytes == elman.text.utf8.count)
        #expect(each.map(\.0) == Array(1...299))
        for ((_, nats), expected) in zip(each, elman.nats) { #expect(abs(nats - expected) < 1e-4) }
        #expect(abs(found.bitsPerCharacter - elman.bitsPerCharacter) < 1e-5)
        #expect(abs(found.bitsPerByte - elman.bitsPerByte) < 1e-5)
        #expect(abs(found.perplexity / elman.perplexity - 1) < 1e-5)
        #expect(abs(found.natsPerToken - found.nats / 299) < 1e-12)
        #expect(progress.last.map { $0.0 == found.bytes && $0.1 == found.bytes } == true)
    }

    /// Longer than several blocks and a piece of the tokenizer: against one pass over all tokens.
    @Test func blocksCarryTheStateThrough() throws {
        let elman = try TestModel.elman()
        let text = String(repeating: elman.text, count: 230) + "abc"
        let model = try elman.model()
        let ids = try #require(model.tokenizer).encode(text).ids
        #expect(ids.count > 1 << 16)
        let session = try Session(model, seed: 0)
        var expected: [Double] = []
        try session.runner.feed(ids) { index, logits in
            if index + 1 < ids.count { expected.append(surprisal(of: ids[index + 1], logits)) }
        }
        var found: [ScoredToken] = []
        let score = try scoreTokens(model, text: text, each: { found.append($0) })
        #expect(found.map(\.nats) == expected)
        #expect(found.map(\.id) == Array(ids.dropFirst()))
        #expect(found.map(\.index) == Array(1..<ids.count))
        #expect(score.tokens == ids.count - 1)
        let bytes = Array(text.utf8)
        #expect(found.flatMap { bytes[$0.span] } == Array(bytes.dropFirst(text.unicodeScalars.first?.utf8.count ?? 0)))
    }

    @Test func unknownCharactersAreLeftOutAndCounted() throws {
        let elman = try TestModel.elman()
        let plain = try score(elman.model(), text: "abcabc")
        let found = try score(elman.model(), text: "aZbcaZb€c")
        #expect(found.nats == plain.nats && found.tokens == 5 && found.characters == 9 && found.bytes == 11)
        #expect(found.unknown.map(\.text) == ["Z", "€"] && found.unknown.map(\.count) == [2, 1])
    }

    @Test func textsWithNothingToScore() throws {
        let model = try TestModel.elman().model()
        for text in ["", "a", "Z"] {
            let found = try score(model, text: text)
            #expect(found.tokens == 0 && found.nats == 0 && found.natsPerToken.isNaN && found.perplexity.isNaN)
            #expect(found.characters == text.count)
        }
    }

    @Test func interruptionEndsIt() throws {
        let elman = try TestModel.elman()
        var asked = 0
        #expect(throws: GenerationError.interrupted) {
            try score(
                elman.model(), text: elman.text,
                isInterrupted: {
                    asked += 1
                    return asked == 100
                })
        }
        #expect(asked == 100)
    }

    @Test func surprisalOfExtremeLogits() {
        func nats(_ logits: [Float], _ id: Int) -> Double { logits.withUnsafeBufferPointer { surprisal(of: id, $0) } }
        #expect(nats([0, 0], 1) == log(2))
        #expect(nats([1000, 0], 1) == 1000)
        #expect(nats([0, -.infinity], 1) == .infinity && nats([0, -.infinity], 0) == 0)
        #expect(nats([.nan, 0], 1).isNaN)
    }
}
