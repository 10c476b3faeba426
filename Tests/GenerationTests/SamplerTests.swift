import Foundation
import Testing

@testable import Generation

@Suite struct RandomGeneratorTests {
    struct File: Decodable {
        struct Case: Decodable {
            var seed: String
            var numbers: [String]
            var units: [Double]
        }
        var first: [String]
        var cases: [Case]
    }

    @Test func numbersAreThoseOfThePublishedAlgorithms() throws {
        let file = try JSONDecoder().decode(File.self, from: fixture("random.json"))
        var generator = RandomGenerator(state: (1, 2, 3, 4))
        #expect(file.first.map { _ in String(generator.next()) } == file.first)
        #expect(file.cases.count == 5)
        for sample in file.cases {
            let seed = try #require(UInt64(sample.seed))
            var numbers = RandomGenerator(seed: seed)
            var units = numbers
            #expect(sample.numbers.map { _ in String(numbers.next()) } == sample.numbers)
            #expect(sample.units.map { _ in units.nextUnit() } == sample.units)
        }
    }

    @Test func stateSurvivesCoding() throws {
        var generator = RandomGenerator(seed: 7)
        _ = generator.next()
        var again = try JSONDecoder().decode(RandomGenerator.self, from: JSONEncoder().encode(generator))
        #expect(again == generator)
        #expect(again.next() == generator.next())
    }
}

@Suite struct SamplingReferenceTests {
    struct File: Decodable {
        struct Case: Decodable {
            var kind: String
            var logits: [Float?]
            var history: [Int]
            var settings: [Setting]
            var kept: Int
            var probs: [Double]
        }
        struct Setting: Decodable {
            var name: String
            var value: Double
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                name = try container.decode(String.self)
                value = try container.decode(Double.self)
            }
        }
        var cases: [Case]
    }

    /// The processors that are not samplers here yet.
    static let notCovered: Set = ["epsilon_cutoff", "eta_cutoff", "no_repeat_ngram_size"]

    static func options(_ settings: [File.Setting]) -> SamplingOptions? {
        var options = SamplingOptions()
        options.repeatLastN = -1
        options.stages = []
        for setting in settings {
            switch setting.name {
            case "temperature": (options.temperature, options.stages) = (setting.value, options.stages + [.temperature])
            case "top_k": (options.topK, options.stages) = (Int(setting.value), options.stages + [.topK])
            case "top_p": (options.topP, options.stages) = (setting.value, options.stages + [.topP])
            case "min_p": (options.minP, options.stages) = (setting.value, options.stages + [.minP])
            case "typical_p": (options.typical, options.stages) = (setting.value, options.stages + [.typical])
            case "repetition_penalty":
                (options.repeatPenalty, options.stages) = (setting.value, options.stages + [.penalties])
            default: return nil
            }
        }
        return options
    }

    @Test func everyCaseWhoseStagesExistHere() throws {
        let file = try JSONDecoder().decode(File.self, from: fixture("sampling.json"))
        #expect(file.cases.count == 238)
        var compared = 0
        var largestError = 0.0
        var left: [String: Int] = [:]
        for (index, sample) in file.cases.enumerated() {
            guard let options = Self.options(sample.settings) else {
                for setting in sample.settings where Self.notCovered.contains(setting.name) {
                    left[setting.name, default: 0] += 1
                }
                continue
            }
            compared += 1
            let logits = sample.logits.map { $0 ?? -.infinity }
            let found = logits.withUnsafeBufferPointer { Sampler(options).probabilities($0, history: sample.history) }
            #expect(abs(found.reduce(0, +) - 1) < 1e-12)
            let name = "case \(index): \(sample.kind) \(sample.settings.map { "\($0.name) \($0.value)" })"
            if sample.kind == "ties" {
                expectTies(found, sample, name)
            } else {
                let error = zip(found, sample.probs).map { abs($0 - $1) }.max() ?? .infinity
                largestError = max(largestError, error)
                #expect(error <= 1e-6, "\(name)")
                #expect(found.filter { $0 > 0 }.count == sample.kept, "\(name)")
            }
        }
        #expect(compared == 210)
        #expect(left == ["epsilon_cutoff": 7, "eta_cutoff": 7, "no_repeat_ngram_size": 14])
        #expect(largestError < 1e-9)
    }

    /// Tokens that nothing tells apart but their ids.
    private struct Kind: Hashable {
        var logit: Float?
        var isPenalised: Bool
    }

    /// Where a cut falls among equals, which of them stay depends on the order of sorting; the reference's top-k and typical keep all
    /// of them where llama.cpp's, and ours, keep what is asked for. What must agree: every other token stays or goes, and those that
    /// stay do so in the same ratio.
    private func expectTies(_ found: [Double], _ sample: File.Case, _ name: String) {
        let hasPenalty = sample.settings.contains { $0.name == "repetition_penalty" }
        let kinds = Dictionary(grouping: sample.logits.indices) {
            Kind(logit: sample.logits[$0], isPenalised: hasPenalty && sample.history.contains($0))
        }
        let keepsAllEquals = sample.settings.contains { $0.name == "top_k" || $0.name == "typical_p" }
        var cuts = 0
        var ratios: [Double] = []
        for ids in kinds.values {
            let ours = ids.map { found[$0] }.filter { $0 > 0 }
            let theirs = ids.map { sample.probs[$0] }.filter { $0 > 0 }
            if ours.count != theirs.count {
                cuts += 1
                #expect(keepsAllEquals && !ours.isEmpty && ours.count < theirs.count, "\(name)")
            }
            if let own = ours.first, let other = theirs.first { ratios.append(own / other) }
            #expect(ours.allSatisfy { $0 == ours.first }, "\(name)")
        }
        #expect(cuts <= 1, "\(name)")
        for ratio in ratios { #expect(abs(ratio / ratios[0] - 1) < 1e-6, "\(name)") }
        if cuts == 0 { for ratio in ratios { #expect(abs(ratio - 1) < 1e-6, "\(name)") } }
    }
}

@Suite struct SamplerTests {
    static let logits: [Float] = (0..<40).map { Float(sin(Double($0) * 1.7) * 3) }

    static func probabilities(_ logits: [Float], _ options: SamplingOptions, history: [Int] = []) -> [Double] {
        logits.withUnsafeBufferPointer { Sampler(options).probabilities($0, history: history) }
    }

    static func chain(_ stages: [SamplerStage], _ change: (inout SamplingOptions) -> Void) -> SamplingOptions {
        var options = SamplingOptions()
        options.stages = stages
        change(&options)
        return options
    }

    /// Pearson's statistic against its 99.9 % point (Wilson and Hilferty's approximation).
    @Test(arguments: SamplingOptions.presetNames.filter { $0 != "greedy" } + ["penalties", "softmax"])
    func drawsFollowTheProbabilities(_ name: String) {
        var options = SamplingOptions.preset(name) ?? SamplingOptions()
        if name == "softmax" { options.stages = [] }
        if name == "penalties" { (options.repeatPenalty, options.presencePenalty, options.typical) = (1.3, 0.2, 0.9) }
        let history = TokenHistory([1, 2, 3, 3, 7])
        let expected = Self.logits.withUnsafeBufferPointer { Sampler(options).probabilities($0, history: history) }
        var sampler = Sampler(options)
        var generator = RandomGenerator(seed: 20_240_601)
        let draws = 100_000
        var counts = [Int](repeating: 0, count: expected.count)
        Self.logits.withUnsafeBufferPointer { logits in
            for _ in 0..<draws { counts[sampler.sample(logits, history: history, using: &generator)] += 1 }
        }
        var statistic = 0.0
        var cells = 0
        var rest = (expected: 0.0, count: 0)
        for (probability, count) in zip(expected, counts) {
            if probability == 0 { #expect(count == 0) }
            let mean = probability * Double(draws)
            if mean < 5 {
                rest = (rest.expected + mean, rest.count + count)
            } else {
                statistic += (Double(count) - mean) * (Double(count) - mean) / mean
                cells += 1
            }
        }
        if rest.expected >= 5 {
            statistic += (Double(rest.count) - rest.expected) * (Double(rest.count) - rest.expected) / rest.expected
            cells += 1
        }
        let freedom = Double(cells - 1)
        let limit = freedom * pow(1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)).squareRoot(), 3)
        #expect(cells > 5)
        #expect(statistic < limit, "\(statistic) with \(freedom) degrees of freedom")
    }

    @Test func sameSeedSameDraws() {
        func draws(_ seed: UInt64) -> [Int] {
            var sampler = Sampler(SamplingOptions())
            var generator = RandomGenerator(seed: seed)
            return Self.logits.withUnsafeBufferPointer { logits in
                (0..<200).map { _ in sampler.sample(logits, history: [1, 2], using: &generator) }
            }
        }
        #expect(draws(1) == draws(1))
        #expect(draws(1) != draws(2))
    }

    @Test func zeroTemperatureTakesTheLargestLogitAndOfEqualOnesTheLowestId() {
        for temperature: Double in [0, -1, -1e-300, 1e-300] {
            for stages in [SamplingOptions.defaultStages, SamplingOptions.defaultStages.reversed(), [.temperature]] {
                let options = Self.chain(stages) { $0.temperature = temperature }
                #expect(Self.probabilities([1, 3, 3, 2], options) == [0, 1, 0, 0])
            }
        }
        // Not named, the stage is off: the softmax is drawn from.
        let unnamed = Self.probabilities([0, 0], Self.chain([]) { $0.temperature = 0 })
        #expect(unnamed == [0.5, 0.5])
        // Penalties come first.
        let penalised = Self.chain([.penalties, .temperature]) { ($0.temperature, $0.presencePenalty) = (0, 2) }
        #expect(Self.probabilities([1, 2, 0], penalised, history: [1]) == [1, 0, 0])
    }

    @Test func penaltiesAreLlamaCppsByHand() {
        let options = Self.chain([.penalties]) {
            ($0.repeatPenalty, $0.presencePenalty, $0.frequencyPenalty, $0.repeatLastN) = (2, 0.5, 0.25, 4)
        }
        // 4 is out of the window; 0 twice, 1 once, 2 once: 3/2-0.5-0.5, -1*2-0.5-0.25, 0*2-0.75, 1, 2
        let expected: [Float] = [0.5, -2.75, -0.75, 1, 2]
        let found = Self.probabilities([3, -1, 0, 1, 2], options, history: [4, 4, 0, 1, 2, 0])
        let plain = Self.probabilities(expected, Self.chain([]) { _ in })
        for (own, other) in zip(found, plain) { #expect(abs(own - other) < 1e-12) }
    }

    @Test func windowOfThePenalties() {
        func isPenalised(_ lastN: Int, _ history: [Int]) -> Bool {
            let options = Self.chain([.penalties]) { ($0.repeatPenalty, $0.repeatLastN) = (2, lastN) }
            return Self.probabilities([1, 1], options, history: history)[0] < 0.5
        }
        #expect(isPenalised(1, [0]) && !isPenalised(1, [0, 1]) && isPenalised(2, [0, 5]))
        #expect(!isPenalised(0, [0, 0, 0]))
        #expect(isPenalised(-1, [0] + [Int](repeating: 9, count: 100_000)))
        #expect(isPenalised(5, [0, -7, 1 << 40, .max]))  // ids that no logit has are nobody's
    }

    @Test func orderOfStagesMatters() {
        let logits: [Float] = [2, 1, 0]
        let first = Self.probabilities(logits, Self.chain([.topP, .temperature]) { ($0.topP, $0.temperature) = (0.8, 10) })
        let second = Self.probabilities(logits, Self.chain([.temperature, .topP]) { ($0.topP, $0.temperature) = (0.8, 10) })
        #expect(first[2] == 0 && second[2] > 0)
    }

    @Test func topKKeepsExactlyKLowestIdsFirst() {
        let found = Self.probabilities([1, 1, 1, 1], Self.chain([.topK]) { $0.topK = 2 })
        #expect(found == [0.5, 0.5, 0, 0])
        #expect(Self.probabilities([1, 1], Self.chain([.topK]) { $0.topK = 0 }) == [0.5, 0.5])
        #expect(Self.probabilities([1, 1], Self.chain([.topK]) { $0.topK = .max }) == [0.5, 0.5])
    }

    static let strange: [[Float]] = {
        let infinity = Float.infinity
        let nan = Float.nan
        let largest = Float.greatestFiniteMagnitude
        return [
            [nan, 1, 2], [infinity, 0, infinity], [-infinity, -infinity, 0], [nan, nan, nan], [-infinity, -infinity], [],
            [infinity, -infinity, nan], [largest, -largest, 0],
        ]
    }()

    @Test(arguments: strange) func strangeLogitsAreNeverDrawnAndNeverCrash(_ logits: [Float]) {
        var all = SamplingOptions()
        (all.typical, all.repeatPenalty, all.presencePenalty) = (0.5, 1e300, -1e308)
        for temperature: Double in [0, 1e-20, 0.8, 1e300] {
            for stages in [SamplingOptions.defaultStages, SamplingOptions.defaultStages.reversed(), []] {
                (all.temperature, all.stages) = (temperature, stages)
                let probabilities = Self.probabilities(logits, all, history: [0, 1, 2, 99])
                if !logits.isEmpty { #expect(abs(probabilities.reduce(0, +) - 1) < 1e-9) }
                var generator = RandomGenerator(seed: 1)
                var sampler = Sampler(all)
                for _ in 0..<50 {
                    let id = logits.withUnsafeBufferPointer { sampler.sample($0, history: [0, 1], using: &generator) }
                    #expect(logits.isEmpty ? id == 0 : logits.indices.contains(id))
                    if logits.contains(where: { $0 > -.infinity }) { #expect(logits[id] > -.infinity) }
                }
            }
        }
    }

    @Test func infiniteLogitsShareEverything() {
        #expect(Self.probabilities([.infinity, 5, .infinity], Self.chain([]) { _ in }) == [0.5, 0, 0.5])
    }

    @Test func optionsThatWereNotValidatedDoNotCrash() {
        var options = SamplingOptions()
        (options.temperature, options.topK, options.topP, options.minP) = (.nan, -5, -.infinity, 9)
        (options.typical, options.repeatPenalty, options.repeatLastN) = (.nan, 0, -99)
        var sampler = Sampler(options)
        var generator = RandomGenerator(seed: 1)
        for _ in 0..<100 {
            let id = Self.logits.withUnsafeBufferPointer { sampler.sample($0, history: [1], using: &generator) }
            #expect(Self.logits.indices.contains(id))
        }
    }
}

@Suite struct TokenHistoryTests {
    @Test func memoryIsBoundedAndCountsAreExact() {
        let tokens = (0..<100_000).map { $0 * 7919 % 101 }
        let history = TokenHistory(tokens)
        #expect(history.count == 100_000)
        #expect(history.recent.count < 2 * TokenHistory.limit && history.recent.count >= TokenHistory.limit)
        func counts(last: Int) -> [Int: Int] {
            var counts: [Int: Int] = [:]
            history.forEach(last: last) { counts[$0, default: 0] += $1 }
            return counts
        }
        func expected(_ tokens: some Sequence<Int>) -> [Int: Int] { tokens.reduce(into: [:]) { $0[$1, default: 0] += 1 } }
        #expect(counts(last: -1) == expected(tokens))
        #expect(counts(last: 64) == expected(tokens.suffix(64)))
        #expect(counts(last: TokenHistory.limit) == expected(tokens.suffix(TokenHistory.limit)))
        #expect(counts(last: 0).isEmpty)
    }
}
