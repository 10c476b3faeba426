import Generation
import Kernels
import Network
import Testing

@testable import Training

/// Pairs of sentences: what is read, and that a network learns from it.
@Suite struct PairTests {
    private static let (start, end) = (0, 1)

    /// Words of two to five letters, and the same backwards.
    private static func reversals(_ count: Int, seed: UInt64) -> [TokenPair] {
        var generator = RandomGenerator(seed: seed)
        return (0..<count).map { _ in
            let source = (0..<Int.random(in: 2...5, using: &generator)).map { _ in Int.random(in: 2..<8, using: &generator) }
            return TokenPair(source: source, target: source.reversed())
        }
    }

    private static func batches(_ pairs: [TokenPair], size: Int) throws -> PairBatches {
        try PairBatches(pairs, start: start, end: end, batchSize: size, path: "pairs")
    }

    @Test func everyPairIsReadOnceInAnEpoch() throws {
        let pairs = Self.reversals(23, seed: 1)
        var source = try Self.batches(pairs, size: 4)
        #expect(source.stepsPerEpoch == 6 && source.window == 6 && source.sourceWindow == 5)
        var generator = RandomGenerator(seed: 2)
        var epochs: [[Batch]] = []
        for _ in 0..<2 {
            epochs.append((0..<6).map { _ in source.next(using: &generator) })
            var seen: [TokenPair] = []
            for batch in epochs[epochs.count - 1] {
                #expect(batch.sources.count == 4 && batch.inputs.count == 4 && batch.begins == [true, true, true, true])
                for i in 0..<4 where batch.targets[i].contains(where: { $0 >= 0 }) {
                    #expect(batch.inputs[i] == [Self.start] + batch.targets[i].dropLast() && batch.targets[i].last == Self.end)
                    seen.append(TokenPair(source: batch.sources[i], target: Array(batch.targets[i].dropLast())))
                }
            }
            func sorted(_ pairs: [TokenPair]) -> [[Int]] { pairs.map { $0.source }.sorted { $0.lexicographicallyPrecedes($1) } }
            #expect(sorted(seen) == sorted(pairs))
        }
        #expect(epochs[0] != epochs[1])
        // Of about the same length: few batches mix lengths.
        #expect(epochs[0].count { Set($0.inputs.map(\.count)).count > 1 } <= 3)
    }

    @Test func readingGoesOnWhereItWas() throws {
        var source = try Self.batches(Self.reversals(23, seed: 1), size: 4)
        var generator = RandomGenerator(seed: 2)
        for _ in 0..<8 { _ = source.next(using: &generator) }
        var other = try Self.batches(Self.reversals(23, seed: 1), size: 4)
        let moves = other.move(to: source.position)
        #expect(moves && other.position == source.position)
        var same = generator
        for _ in 0..<9 { #expect(source.next(using: &generator) == other.next(using: &same)) }
        for position in [[1], [1, -1], [1, 7], [1, 2, 3]] {
            let moves = other.move(to: position)
            #expect(!moves)
        }
        #expect(throws: TrainingError.emptyCorpus(path: "pairs")) { try Self.batches([], size: 4) }
    }

    /// An attention network (Bahdanau's) reverses words that it has not seen: from a loss of a guess to nearly none.
    @Test func aTranslatorLearns() throws {
        let (vocabulary, m, n) = (8, 12, 24)
        let program = """
            cell gru(x, start, p) {
              h1 = prev(h, start: start)
              xr, xz, xn = split(p.W @ x + p.b)
              hr, hz, hn = split(p.U @ h1 + p.c)
              r = sigmoid(xr + hr)
              z = sigmoid(xz + hz)
              h = (1 - z) * tanh(xn + r * hn) + z * h1
              return h
            }

            encode(token) {
              x = source[token]
              h = [gru(x, 0, forward), backward gru(x, 0, reverse)]
              keys = K @ h
              start = tanh(bridge @ last(h))
              return h, keys, start
            }

            decode(token) {
              e = target[token]
              h1 = prev(h, start: encode.start)
              weights = softmax(tanh(Q @ h1 + encode.keys) @ v)
              h = gru([e, weights @ encode.h], encode.start, decoder)
              return out @ h + bias
            }
            """
        var shapes = ["source": [vocabulary, m], "target": [vocabulary, m], "K": [n, 2 * n], "Q": [n, n], "v": [n]]
        shapes["bridge"] = [n, 2 * n]
        shapes["out"] = [vocabulary, n]
        shapes["bias"] = [vocabulary]
        for (name, inputs) in [("forward", m), ("reverse", m), ("decoder", m + 2 * n)] {
            shapes["\(name).W"] = [3 * n, inputs]
            shapes["\(name).U"] = [3 * n, n]
            shapes["\(name).b"] = [3 * n]
            shapes["\(name).c"] = [3 * n]
        }
        let definitions = shapes.sorted { $0.key < $1.key }.map { TensorDefinition($0.key, $0.value) }
        let rules = Initialization([
            .init("source", .normal(deviation: 1)), .init("target", .normal(deviation: 1)), .init("v", .uniform(bound: 0.2)),
        ])
        let tensors = try rules.tensors(definitions, seed: 5)
        let batches = try Self.batches(Self.reversals(600, seed: 3), size: 16)
        let learner = try NetworkLearner(
            program: program, tensors: tensors,
            size: .init(batch: 16, steps: batches.window, sourceSteps: batches.sourceWindow), threads: 2)
        let unseen = PairEvaluation(try Self.batches(Self.reversals(90, seed: 4), size: 16))
        var optimizer = OptimizerOptions(.adam)
        optimizer.learningRate = 5e-3
        var options = TrainerOptions(optimizer: optimizer, seed: 1)
        options.clipping = Clipping(norm: 1)
        options.epochs = 12
        options.evaluateEvery = 38
        var losses: [Double] = []
        let trainer = try Trainer(
            learner: learner, batches: batches, validation: unseen, outline: ModelOutline(header: .init(name: "reverse")),
            options: options, clock: { 0 })
        try trainer.run(event: { event in if case .evaluated(let evaluation) = event { losses.append(evaluation.loss) } })
        #expect(losses.count == 12 && losses[0] > 1)
        #expect((losses.last ?? 9) < 0.1, "\(losses)")
    }
}
