import Network
import Tokenization
import Zoo

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How well a model foretells a text. Ratios are NaN where there is nothing to divide by.
public struct Score: Sendable, Equatable {
    /// Those scored: one less than the text's.
    public var tokens = 0
    /// Code points of the whole text.
    public var characters = 0
    /// UTF-8 bytes of the whole text.
    public var bytes = 0
    /// Total surprisal of the scored tokens.
    public var nats = 0.0
    /// What the vocabulary lacks, with how often it appears.
    public var unknown: [UnknownCharacter] = []

    public init() {}

    public var natsPerToken: Double { nats / Double(tokens) }
    public var perplexity: Double { exp(natsPerToken) }
    public var bitsPerCharacter: Double { nats / log(2) / Double(characters) }
    public var bitsPerByte: Double { nats / log(2) / Double(bytes) }
}

/// A token of a scored text.
public struct ScoredToken: Sendable, Equatable {
    /// Its place among the text's tokens; the first scored one has 1.
    public var index: Int
    public var id: Int
    /// The bytes of the text that it stands for.
    public var span: Range<Int>
    /// Its surprisal: minus the logarithm of the probability that the model gave it.
    public var nats: Double
}

/// Scores every token of a text after the first, from the initial state, in constant memory: the state is carried through.
///
/// - Parameters:
///   - each: gets every scored token's place among the text's tokens (from 1) and its surprisal in nats.
///   - progress: gets the number of bytes of the text that are done, and of all.
///   - isInterrupted: asked once for each token.
/// - Throws: `GenerationError.noNetwork`, `.noTokenizer`, `.tokenOutOfRange`, `.interrupted`.
public func score(
    _ model: Model, text: String, each: ((Int, Double) -> Void)? = nil,
    progress: ((_ bytesDone: Int, _ bytes: Int) -> Void)? = nil, isInterrupted: () -> Bool = { false }
) throws -> Score {
    try scoreTokens(
        model, text: text, each: { each?($0.index, $0.nats) }, progress: progress, isInterrupted: isInterrupted)
}

/// The same, with each token's id and place in the text.
public func scoreTokens(
    _ model: Model, text: String, each: (ScoredToken) throws -> Void,
    progress: ((_ bytesDone: Int, _ bytes: Int) -> Void)? = nil, isInterrupted: () -> Bool = { false }
) throws -> Score {
    guard let network = model.network else { throw GenerationError.noNetwork(model: model.header.name) }
    guard let tokenizer = model.tokenizer else { throw GenerationError.noTokenizer(model: model.header.name) }
    var scorer = Scorer(runner: try LanguageRunner(network), inputLimit: network.inputVocabulary ?? .max)
    scorer.score.bytes = text.utf8.count
    scorer.score.characters = text.unicodeScalars.count
    try tokenizer.encode(text) { piece in
        scorer.count(piece.unknown)
        for start in stride(from: 0, to: piece.ids.count, by: Session.blockLength) {
            let range = start..<min(start + Session.blockLength, piece.ids.count)
            try scorer.add(piece.ids[range], piece.spans[range], each, isInterrupted)
            progress?(piece.spans[range.upperBound - 1].upperBound, scorer.score.bytes)
        }
    }
    return scorer.score
}

/// Feeds blocks of tokens. The last token of a block waits for the next block, whose first token it foretells.
private struct Scorer {
    let runner: LanguageRunner
    let inputLimit: Int
    var score = Score()
    private var last: Int?
    private var unknownPlaces: [[UInt8]: Int] = [:]

    init(runner: LanguageRunner, inputLimit: Int) {
        self.runner = runner
        self.inputLimit = inputLimit
    }

    mutating func add(
        _ ids: ArraySlice<Int>, _ spans: ArraySlice<Range<Int>>, _ each: (ScoredToken) throws -> Void, _ isInterrupted: () -> Bool
    ) throws {
        if let id = ids.first(where: { !(0..<inputLimit ~= $0) }) {
            throw GenerationError.tokenOutOfRange(id: id, limit: inputLimit)
        }
        let isFirst = last == nil
        let targets = isFirst ? ids.dropFirst() : ids
        let targetSpans = isFirst ? spans.dropFirst() : spans
        let inputs = (last.map { [$0] } ?? []) + ids.dropLast()
        last = ids.last
        if inputs.isEmpty { return }
        var score = self.score
        do {
            try runner.feed(inputs) { index, logits in
                if isInterrupted() { throw GenerationError.interrupted }
                let id = targets[targets.startIndex + index]
                guard logits.indices.contains(id) else {
                    throw GenerationError.tokenOutOfRange(id: id, limit: logits.count)
                }
                let nats = surprisal(of: id, logits)
                score.tokens += 1
                score.nats += nats
                try each(
                    ScoredToken(index: score.tokens, id: id, span: targetSpans[targetSpans.startIndex + index], nats: nats))
            }
        } catch let error as NetworkError {
            // Every token that was fed before this block has foretold one.
            throw error.after(self.score.tokens)
        }
        self.score = score
    }

    mutating func count(_ unknown: [UnknownCharacter]) {
        for found in unknown {
            let key = Array(found.text.utf8)
            if let place = unknownPlaces[key] {
                score.unknown[place].count += found.count
            } else {
                unknownPlaces[key] = score.unknown.count
                score.unknown.append(found)
            }
        }
    }
}

/// Minus the logarithm of the softmax at one id, in double precision. NaN where a logit is NaN.
func surprisal(of id: Int, _ logits: UnsafeBufferPointer<Float>) -> Double {
    var largest = -Float.infinity
    for logit in logits { largest = max(largest, logit) }
    var sum = 0.0
    for logit in logits { sum += exp(Double(logit) - Double(largest)) }
    return log(sum) + Double(largest) - Double(logits[id])
}
