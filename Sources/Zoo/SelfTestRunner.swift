import Archive
import Network

/// What came of a self-test.
public struct SelfTestResult: Sendable, Equatable {
    /// Between any logit and the expected one; infinite where one is not finite or their numbers differ. nil: none expected.
    public var largestError: Double?
    /// The number of logits expected.
    public var logitCount = 0
    /// The place of the first greedy id that is another; nil where all are as expected.
    public var firstWrongID: Int?
    public var greedyCount = 0
    public var tolerance: Double

    public var passed: Bool { (largestError ?? 0) <= tolerance && firstWrongID == nil }
}

extension Model {
    /// Asks the model what the archive knows the answer to.
    ///
    /// - Throws: what the network throws where the program cannot generate or an id is out of range.
    public func run(_ test: SelfTest) throws -> SelfTestResult {
        var result = SelfTestResult(tolerance: test.tolerance)
        guard let network else {
            throw ZooError.network(path: path, problem: "a self-test asks for a network, and there is none")
        }
        let runner = try LanguageRunner(network)
        var logits = try runner.feed(test.ids)
        if let expected = test.logits {
            result.logitCount = expected.count
            result.largestError = Self.largestError(logits, expected)
        }
        let greedy = test.greedy ?? []
        result.greedyCount = greedy.count
        for (i, expected) in greedy.enumerated() {
            let id = Self.largest(logits)
            guard id == expected else {
                result.firstWrongID = i
                break
            }
            if i + 1 < greedy.count { logits = try runner.step([id]) { Array($0) } }
        }
        return result
    }

    private static func largestError(_ logits: [Float], _ expected: [Double]) -> Double {
        guard logits.count == expected.count else { return .infinity }
        var largest = 0.0
        for (logit, wanted) in zip(logits, expected) {
            let error = abs(Double(logit) - wanted)
            guard error.isFinite else { return .infinity }
            largest = max(largest, error)
        }
        return largest
    }

    /// The first of the largest.
    private static func largest(_ logits: [Float]) -> Int {
        var best = 0
        for i in logits.indices where logits[i] > logits[best] { best = i }
        return best
    }
}
