import Archive
import Generation

/// A source and the target that it should become, in ids, without tokens for beginning and end.
public struct TokenPair: Sendable, Equatable {
    public var source: [Int]
    public var target: [Int]

    public init(source: [Int], target: [Int]) {
        self.source = source
        self.target = target
    }
}

/// Reads pairs of sentences, for back-propagation through all of their steps: fed are the token for the beginning and the target,
/// foretold are the target and the token for the end. Every pair is read once in an epoch. Pairs of about the same length stand in one
/// batch, which is no longer than it has to be; which ones, and in which order batches come, is drawn anew for each epoch.
public struct PairBatches: BatchSource {
    public let pairs: [TokenPair]
    /// Of the target's vocabulary.
    public let start: Int
    public let end: Int
    public let batchSize: Int
    /// Steps of the longest target with its end, and of the longest source.
    public let window: Int
    public let sourceWindow: Int
    public let tokensPerCharacter: Double
    public let digest: String
    /// What the order of the current epoch was drawn from; nil before the first batch.
    private var seed: UInt64?
    /// The next batch of the epoch.
    private var nextBatch = 0
    /// Of pairs, by batches; made from the seed.
    private var order: [[Int]] = []

    /// - Parameters:
    ///   - tokensPerCharacter: of the targets, their ends counted.
    ///   - path: as errors name the text.
    /// - Throws: `TrainingError.emptyCorpus`, `.option`.
    public init(
        _ pairs: [TokenPair], start: Int, end: Int, batchSize: Int, tokensPerCharacter: Double = 1, path: String
    ) throws(TrainingError) {
        guard batchSize >= 1 else {
            throw .option(name: "batch", value: "\(batchSize)", expected: "a whole number, at least 1")
        }
        guard !pairs.isEmpty else { throw .emptyCorpus(path: path) }
        self.pairs = pairs
        self.start = start
        self.end = end
        self.batchSize = batchSize
        self.tokensPerCharacter = tokensPerCharacter
        window = (pairs.map(\.target.count).max() ?? 0) + 1
        sourceWindow = pairs.map(\.source.count).max() ?? 0
        var digest = SHA256()
        for pair in pairs {
            for ids in [pair.source, pair.target] {
                ([ids.count] + ids).map(Int64.init).withUnsafeBytes { digest.update($0) }
            }
        }
        self.digest = digest.hexadecimal()
    }

    public var stepsPerEpoch: Int { (pairs.count + batchSize - 1) / batchSize }

    public mutating func next(using generator: inout RandomGenerator) -> Batch {
        if seed == nil || nextBatch == order.count { begin(generator.next()) }
        defer { nextBatch += 1 }
        return batch(order[nextBatch])
    }

    private mutating func begin(_ seed: UInt64) {
        var generator = RandomGenerator(seed: seed)
        self.seed = seed
        nextBatch = 0
        order = Self.batches(of: pairs.indices.shuffled(using: &generator), pairs, batchSize).shuffled(using: &generator)
    }

    /// By length, which leaves pairs of one length in the order that they came in.
    fileprivate static func batches(of indices: [Int], _ pairs: [TokenPair], _ size: Int) -> [[Int]] {
        func lengths(_ index: Int) -> (Int, Int) { (pairs[index].target.count, pairs[index].source.count) }
        let places = indices.enumerated().sorted { a, b in
            let (x, y) = (lengths(a.element), lengths(b.element))
            return x == y ? a.offset < b.offset : x < y
        }
        let sorted = places.map(\.element)
        return stride(from: 0, to: sorted.count, by: size).map { Array(sorted[$0..<min($0 + size, sorted.count)]) }
    }

    /// Filled up, where pairs do not suffice, with the last one again, of which no loss is taken.
    fileprivate func batch(_ indices: [Int]) -> Batch {
        var batch = Batch(inputs: [], targets: [], begins: [])
        for index in indices {
            batch.sources.append(pairs[index].source)
            batch.inputs.append([start] + pairs[index].target)
            batch.targets.append(pairs[index].target + [end])
            batch.begins.append(true)
        }
        for _ in indices.count..<max(indices.count, batchSize) {
            let last = batch.inputs.count - 1
            batch.sources.append(batch.sources[last])
            batch.inputs.append(batch.inputs[last])
            batch.targets.append([Int](repeating: Batch.noTarget, count: batch.targets[last].count))
            batch.begins.append(true)
        }
        return batch
    }

    public var position: [Int] { seed.map { [Int(bitPattern: UInt($0)), nextBatch] } ?? [] }

    public mutating func move(to position: [Int]) -> Bool {
        if position.isEmpty {
            seed = nil
            return true
        }
        guard position.count == 2, (0...stepsPerEpoch).contains(position[1]) else { return false }
        begin(UInt64(UInt(bitPattern: position[0])))
        nextBatch = position[1]
        return true
    }
}

/// Measures every target of some pairs once.
public struct PairEvaluation: EvaluationSource {
    private let batches: PairBatches

    /// - Parameter batches: pairs that are not learned from.
    public init(_ batches: PairBatches) { self.batches = batches }

    public var tokensPerCharacter: Double { batches.tokensPerCharacter }

    public func forEachBatch(_ body: (Batch) throws -> Bool) rethrows {
        for indices in PairBatches.batches(of: Array(batches.pairs.indices), batches.pairs, batches.batchSize) {
            if try !body(batches.batch(indices)) { return }
        }
    }
}
