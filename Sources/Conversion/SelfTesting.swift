import Archive
import Network
import Zoo

/// Questions with answers, so that an archive can prove itself wherever it is read.
enum SelfTesting {
    static let origin = "rnnz interpreter, float64"
    static let promptLength = 8
    static let greedyLength = 8

    /// Asks the float64 interpreter. Empty for a network that cannot generate.
    static func make(_ network: Network, warnings: inout [String]) throws -> [SelfTest] {
        switch network.kind {
        case .languageModel, .window: break
        default: return []
        }
        guard let vocabulary = network.vocabulary, let inputs = network.inputVocabulary ?? network.vocabulary, inputs > 0 else {
            return []
        }
        let prompt = prompt(min(inputs, vocabulary))
        let proposed = try greedy(network, after: prompt, count: greedyLength, inputs: inputs)
        let rows = try network.interpret(prompt + proposed.dropLast())
        guard rows.count >= prompt.count else { return [] }
        let logits = rows[prompt.count - 1]
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            warnings.append("the model's logits are not finite, so the archive has no self-test")
            return []
        }
        let asked = rows[(prompt.count - 1)...].map { $0 }
        var tolerance = tolerance(of: logits)
        // How far apart two logits must be for none of the errors allowed to change their order.
        var margin = 4 * tolerance
        if network.hasIntegerProducts {
            let rounded = try network.interpret(prompt + proposed.dropLast(), roundingActivations: true)
            tolerance = try self.tolerance(of: asked, rounded: Array(rounded[(prompt.count - 1)...]))
            margin = 2 * tolerance
        }
        let ids = decided(asked, margin: margin)
        return [
            SelfTest(
                origin: origin, ids: prompt, logits: logits, greedy: ids.isEmpty ? nil : ids, tolerance: tolerance)
        ]
    }

    /// The network as it is executed must answer within the tolerance.
    static func run(_ test: SelfTest, on model: Model) throws -> ConversionReport.SelfTestResult {
        let result = try model.run(test)
        if let place = result.firstWrongID { throw ConversionError.selfTestGreedy(origin: test.origin, place: place) }
        guard result.passed else {
            throw ConversionError.selfTest(
                origin: test.origin, error: result.largestError ?? .infinity, tolerance: test.tolerance)
        }
        return ConversionReport.SelfTestResult(
            origin: test.origin, ids: test.ids.count, greedy: result.greedyCount, largestError: result.largestError,
            tolerance: test.tolerance)
    }

    /// A network that gives a result for each position cannot be asked to generate, so its archive carries no self-test; its results
    /// are compared with the interpreter's all the same.
    static func compare(_ network: Network) throws -> ConversionReport.SelfTestResult {
        let ids = prompt(network.inputVocabulary ?? 1)
        let expected = try network.interpret(ids)
        let outputs = try SequenceRunner(network).run([SequenceRunner.Input(source: ids)])
        let found = outputs.first?[.encode]?.first?.values ?? []
        var tolerance = tolerance(of: expected.joined())
        if network.hasIntegerProducts {
            tolerance = try self.tolerance(of: expected, rounded: network.interpret(ids, roundingActivations: true))
        }
        var worst = found.count == expected.count ? 0.0 : .infinity
        for (row, wanted) in zip(found, expected) {
            for (value, exact) in zip(row, wanted) where exact.isFinite {
                let error = abs(Double(value) - exact)
                worst = error.isNaN ? .infinity : max(worst, error)
            }
        }
        guard worst <= tolerance else { throw ConversionError.selfTest(origin: origin, error: worst, tolerance: tolerance) }
        return ConversionReport.SelfTestResult(
            origin: origin, ids: ids.count, greedy: 0, largestError: worst, tolerance: tolerance)
    }

    /// Some ids that are valid, always the same.
    private static func prompt(_ vocabulary: Int) -> [Int] { (0..<promptLength).map { ($0 * 7 + 3) % max(vocabulary, 1) } }

    /// What 32-bit arithmetic may differ by.
    private static func tolerance(of logits: some Sequence<Double>) -> Double { 1e-5 * logits.reduce(1) { max($0, abs($1)) } }

    /// What products of quantized weights may differ by, which round their vectors to 8 bits in blocks: four times as much as the
    /// interpreter does when it rounds them, because where blocks begin and how scales are rounded is for an implementation to choose;
    /// at least one two-hundredth of the largest logit, because a few positions do not show the worst; at most a tenth of it.
    ///
    /// - Throws: `ConversionError.roundingTooCoarse` where rounding does more than that: the model is of no use with such weights.
    private static func tolerance(of rows: [[Double]], rounded: [[Double]]) throws(ConversionError) -> Double {
        let largest = rows.joined().reduce(1) { max($0, abs($1)) }
        let error = zip(rows.joined(), rounded.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
        let limit = largest / 10
        // Written so that an error that is no number fails.
        guard error <= limit else { throw .roundingTooCoarse(error: error, limit: limit) }
        return min(max(4 * error, largest / 200), limit)
    }

    /// The ids that greedy decoding appends, stepped: the other mode of execution is tried as well.
    private static func greedy(_ network: Network, after prompt: [Int], count: Int, inputs: Int) throws -> [Int] {
        let runner = try LanguageRunner(network)
        var ids = [largest(try runner.feed(prompt))]
        while ids.count < count, let last = ids.last, last < inputs {
            // The logits stay where the runner keeps them.
            ids.append(largest(try runner.step([last]) { Array($0) }))
        }
        return Array(ids.prefix(count))
    }

    /// The ids of the rows' largest logits, as long as they are the largest by so much that no rounding can change them.
    private static func decided(_ rows: [[Double]], margin least: Double) -> [Int] {
        var ids: [Int] = []
        for row in rows {
            let best = largest(row)
            let margin = row.indices.lazy.filter { $0 != best }.map { row[best] - row[$0] }.min() ?? .infinity
            if margin <= least { break }
            ids.append(best)
        }
        return ids
    }

    /// The index of the largest value, the first of several.
    private static func largest<T: Comparable>(_ values: [T]) -> Int {
        values.indices.max { values[$0] < values[$1] || values[$0] == values[$1] && $0 > $1 } ?? 0
    }
}
