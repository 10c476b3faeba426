#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Draws tokens from logits, as the options say: the stages in their order, each on what the one before left, then the draw
/// from the softmax of what is left. Every stage leaves at least one token.
///
/// Logits that are NaN or -∞ are never drawn; those that are +∞ share everything. Where no logit can be drawn, `sample` returns
/// 0, the lowest id.
public struct Sampler: Sendable {
    /// A temperature below this takes the largest logit: dividing by it would leave the range of numbers.
    private static let lowestTemperature = 1e-30

    public let options: SamplingOptions
    private var candidates = Candidates()
    private var occurrences: [Int] = []  // by id; zero between calls

    /// - Parameter options: as `SamplingOptions.validated()` accepts them. Others do not crash, but mean nothing.
    public init(_ options: SamplingOptions) { self.options = options }

    public mutating func sample(
        _ logits: UnsafeBufferPointer<Float>, history: TokenHistory, using generator: inout RandomGenerator
    ) -> Int {
        draw(logits, history: history, using: &generator) ?? 0
    }

    public mutating func sample(
        _ logits: UnsafeBufferPointer<Float>, history: [Int], using generator: inout RandomGenerator
    ) -> Int {
        sample(logits, history: TokenHistory(history), using: &generator)
    }

    /// What would be drawn from after the whole chain, by id. [vocabulary]
    public func probabilities(_ logits: UnsafeBufferPointer<Float>, history: TokenHistory) -> [Double] {
        var copy = self
        copy.apply(to: logits, history: history)
        var result = [Double](repeating: 0, count: logits.count)
        for index in 0..<copy.candidates.count {
            result[Int(copy.candidates[index].id)] = copy.candidates[index].probability
        }
        if copy.candidates.count == 0, !result.isEmpty { result[0] = 1 }
        return result
    }

    public func probabilities(_ logits: UnsafeBufferPointer<Float>, history: [Int]) -> [Double] {
        probabilities(logits, history: TokenHistory(history))
    }

    /// Nil where no logit can be drawn. A draw among several takes one random number.
    mutating func draw(
        _ logits: UnsafeBufferPointer<Float>, history: TokenHistory, using generator: inout RandomGenerator
    ) -> Int? {
        if takesLargest { return Self.largest(of: logits) }
        apply(to: logits, history: history)
        if candidates.count <= 1 { return candidates.count == 1 ? Int(candidates[0].id) : nil }
        var remaining = generator.nextUnit()
        var last: Int?
        for index in 0..<candidates.count where candidates[index].probability > 0 {
            last = Int(candidates[index].id)
            remaining -= candidates[index].probability
            if remaining < 0 { break }
        }
        return last  // rounding may leave a little of the unit: it is the last one's
    }

    // MARK: Stages

    private var isGreedy: Bool { options.temperature < Self.lowestTemperature }

    private var hasPenalties: Bool {
        options.stages.contains(.penalties) && options.repeatLastN != 0
            && (options.repeatPenalty != 1 || options.presencePenalty != 0 || options.frequencyPenalty != 0)
    }

    /// Whether the outcome is the largest logit as it came: top-k, top-p and min-p never remove it.
    private var takesLargest: Bool {
        isGreedy && options.stages.contains(.temperature) && !hasPenalties
            && !(options.stages.contains(.typical) && options.typical < 1)
    }

    static func largest(of logits: UnsafeBufferPointer<Float>) -> Int? {
        var best: Int?
        var largest = -Float.infinity
        for (id, logit) in logits.enumerated() where logit > largest {
            largest = logit
            best = id
        }
        return best
    }

    private mutating func apply(to logits: UnsafeBufferPointer<Float>, history: TokenHistory) {
        candidates.load(logits)
        for stage in options.stages where candidates.count > 1 {
            switch stage {
            case .penalties: if hasPenalties { applyPenalties(history, vocabulary: logits.count) }
            case .topK: if options.topK > 0 { applyTopK() }
            case .typical: if options.typical < 1 { applyTypical() }
            case .topP: if options.topP < 1 { applyTopP() }
            case .minP: if options.minP > 0 { applyMinP() }
            case .temperature: applyTemperature()
            }
        }
        candidates.softmax()
    }

    /// Keskar et al. 2019 (CTRL), section 4.1, with negative logits multiplied; presence and frequency as in OpenAI's interface.
    private mutating func applyPenalties(_ history: TokenHistory, vocabulary: Int) {
        if occurrences.count < vocabulary { occurrences = [Int](repeating: 0, count: vocabulary) }
        history.forEach(last: options.repeatLastN) { token, count in
            if 0..<vocabulary ~= token { occurrences[token] += count }
        }
        let (penalty, presence, frequency) = (options.repeatPenalty, options.presencePenalty, options.frequencyPenalty)
        candidates.update { candidate in
            let count = occurrences[Int(candidate.id)]
            if count == 0 { return }
            candidate.logit = candidate.logit <= 0 ? candidate.logit * penalty : candidate.logit / penalty
            candidate.logit -= Double(count) * frequency + presence
            // Finite, whatever the options: two infinities would have no difference.
            candidate.logit = max(-1e300, min(1e300, candidate.logit))
        }
        history.forEach(last: options.repeatLastN) { token, _ in
            if 0..<vocabulary ~= token { occurrences[token] = 0 }
        }
    }

    private mutating func applyTopK() {
        if options.topK >= candidates.count { return }
        candidates.update { $0.key = $0.logit }
        candidates.keepBest(options.topK)
    }

    /// Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration".
    private mutating func applyTopP() {
        candidates.softmax()
        candidates.update { $0.key = $0.logit }
        var sum = 0.0
        candidates.keepBest(candidates.count) {
            sum += $0.probability
            return sum >= options.topP
        }
    }

    /// Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling".
    private mutating func applyMinP() {
        let lowest = candidates.largestLogit + log(min(options.minP, 1))
        candidates.filter { $0.logit >= lowest }
    }

    /// Meister et al. 2022, "Locally Typical Sampling".
    private mutating func applyTypical() {
        candidates.softmax()
        var entropy = 0.0
        candidates.update { if $0.probability > 0 { entropy -= $0.probability * log($0.probability) } }
        candidates.update { $0.key = -abs(-log($0.probability) - entropy) }
        var sum = 0.0
        candidates.keepBest(candidates.count) {
            sum += $0.probability
            return sum > options.typical
        }
    }

    private mutating func applyTemperature() {
        if isGreedy {
            candidates.update { $0.key = $0.logit }
            candidates.keepBest(1)
        } else if options.temperature != 1 {
            candidates.update { $0.logit = max(-1e300, min(1e300, $0.logit / options.temperature)) }
        }
    }
}
