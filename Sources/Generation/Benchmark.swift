import Archive
import Kernels
import Network
import Zoo

/// How fast a model does one kind of work, done several times.
public struct Benchmark: Sendable, Equatable {
    public enum Work: String, Sendable, CaseIterable {
        /// One sequence, greedy: each token is fed back.
        case decode
        /// Many sequences of known tokens side by side, with the logits of every step.
        case batch
        /// The same, and backward: a step of training, with clipping and Adam.
        case train

        public var sequences: Int { self == .decode ? 1 : 64 }

        /// Steps that belong together: of `batch`, those of one forward pass, which begins with the initial state.
        public var unit: Int { self == .decode ? 1 : 128 }

        /// As often as a figure needs to be steady.
        public var usualRepeats: Int { self == .decode ? 7 : 4 }
    }

    public var work: Work
    /// What most bytes of the weights are stored as.
    public var elementType: ElementType
    public var threads: Int
    /// Steps of each sequence in one repeat.
    public var steps: Int
    /// Tokens a second of each repeat, all sequences together, in the order in which they were done. Infinite where the clock stood
    /// still.
    public var rates: [Double]

    /// The median: of an even number the mean of the two in the middle.
    public var tokensPerSecond: Double {
        let sorted = rates.sorted()
        return sorted.isEmpty ? .nan : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    public var largest: Double { rates.max() ?? .nan }
}

public struct BenchmarkOptions: Sendable {
    public static let stepRange = 1...1_000_000
    public static let repeatRange = 1...1000
    /// Where the number of steps is given: enough to touch every weight and all memory that is made when first needed.
    static let warmUpSteps = 2
    /// How long one repeat should last.
    static let repeatSeconds = 0.25
    /// Tokens that are enough on any machine, for a clock that is too coarse or stands still.
    static let tokenLimit = 1 << 21

    public var work: Benchmark.Work
    /// Steps of each sequence in one repeat; nil takes as many as last for `repeatSeconds`. With a number, everything that is done is
    /// known beforehand, the warm-up included.
    public var steps: Int?
    /// nil: as the work is usually repeated.
    public var repeats: Int?

    public init(work: Benchmark.Work, steps: Int? = nil, repeats: Int? = nil) {
        self.work = work
        self.steps = steps
        self.repeats = repeats
    }
}

extension Benchmark {
    /// Times work after a warm-up.
    ///
    /// - Parameters:
    ///   - secondsNow: a clock that only moves forward.
    ///   - run: does so many steps.
    public static func time(
        _ options: BenchmarkOptions, elementType: ElementType, threads: Int, secondsNow: () -> Double,
        run: (_ steps: Int) throws -> Void
    ) throws -> Benchmark {
        /// How long so many steps take.
        func seconds(_ steps: Int) throws -> Double {
            let start = secondsNow()
            try run(steps)
            return secondsNow() - start
        }
        let steps: Int
        if let exact = options.steps {
            try run(BenchmarkOptions.warmUpSteps)
            steps = exact
        } else {
            steps = try options.usualSteps(seconds)
        }
        var rates: [Double] = []
        for _ in 0..<(options.repeats ?? options.work.usualRepeats) {
            rates.append(Double(steps * options.work.sequences) / (try seconds(steps)))
        }
        return Benchmark(work: options.work, elementType: elementType, threads: threads, steps: steps, rates: rates)
    }
}

extension BenchmarkOptions {
    /// As many as last for `repeatSeconds`, in whole units. Finding out is the warm-up.
    fileprivate func usualSteps(_ seconds: (_ steps: Int) throws -> Double) throws -> Int {
        var steps = work.unit
        var elapsed = try seconds(steps)
        while elapsed < Self.repeatSeconds / 4 && steps * work.sequences < Self.tokenLimit {
            steps *= 2
            elapsed = try seconds(steps)
        }
        let units = Double(steps / work.unit) * Self.repeatSeconds / elapsed
        return units.isFinite ? max(1, Int(units.rounded())) * work.unit : steps
    }
}

/// Times a model that decodes, or reads batches, after a warm-up.
///
/// - Parameters:
///   - secondsNow: a clock that only moves forward.
///   - isInterrupted: asked once a step.
/// - Throws: `GenerationError.noNetwork`, `.cannotBeTimed`, `.nothingToDraw`, `.interrupted`, and what `LanguageRunner` throws for a
///   program that cannot generate.
public func benchmark(
    _ model: Model, _ options: BenchmarkOptions, secondsNow: () -> Double, isInterrupted: () -> Bool = { false }
) throws -> Benchmark {
    guard let network = model.network else { throw GenerationError.noNetwork(model: model.header.name) }
    let workload = try Workload(model, network, options.work)
    return try Benchmark.time(
        options, elementType: model.header.mainElementType, threads: network.threads, secondsNow: secondsNow
    ) { steps in try workload.run(steps: steps, isInterrupted: isInterrupted) }
}

/// The work itself, so that it can be done again and again.
private struct Workload {
    let work: Benchmark.Work
    let runner: LanguageRunner
    /// Of `decode`.
    let start: Int
    /// One past the largest id that can be fed.
    let inputLimit: Int
    /// Of `batch`. [sequence][step of a unit]
    let tokens: [[Int]]

    init(_ model: Model, _ network: Network, _ work: Benchmark.Work) throws {
        if case .window(let window) = network.kind {
            throw GenerationError.cannotBeTimed(
                reason: "\(model.header.name) reads a window of \(window) tokens again for each one: it has no step to be timed")
        }
        self.work = work
        runner = try LanguageRunner(network, batch: work.sequences)
        start = model.header.special.start ?? 0
        inputLimit = network.inputVocabulary ?? network.vocabulary ?? 1
        var generator = RandomGenerator(seed: 0)
        let range = 0..<inputLimit
        tokens = (0..<(work == .decode ? 0 : work.sequences)).map { _ in
            (0..<work.unit).map { _ in Int.random(in: range, using: &generator) }
        }
    }

    func run(steps: Int, isInterrupted: () -> Bool) throws {
        switch work {
        case .decode: try decode(steps, isInterrupted)
        case .batch, .train:
            for begin in stride(from: 0, to: steps, by: work.unit) {
                try forward(min(work.unit, steps - begin), isInterrupted)
            }
        }
    }

    private func decode(_ steps: Int, _ isInterrupted: () -> Bool) throws {
        runner.reset()
        var token = start
        for step in 1...steps {
            if isInterrupted() { throw GenerationError.interrupted }
            let next = try runner.step([token]) { logits in
                Sampler.largest(of: UnsafeBufferPointer(rebasing: logits.prefix(inputLimit)))
            }
            guard let next else { throw GenerationError.nothingToDraw(afterTokens: step) }
            token = next
        }
    }

    private func forward(_ steps: Int, _ isInterrupted: () -> Bool) throws {
        runner.reset()
        let tokens = steps == work.unit ? self.tokens : self.tokens.map { Array($0.prefix(steps)) }
        try runner.feed(tokens) { sequence, _, _ in
            if sequence == 0 && isInterrupted() { throw GenerationError.interrupted }
        }
    }
}

extension ArchiveHeader {
    /// What most bytes of the tensors are stored as; of equal shares the wider type.
    public var mainElementType: ElementType {
        var bytes: [ElementType: Int] = [:]
        for tensor in tensors { bytes[tensor.dtype, default: 0] += tensor.byteCount }
        var main = ElementType.f32
        for type in ElementType.allCases where bytes[type, default: 0] > bytes[main, default: 0] { main = type }
        return main
    }
}
