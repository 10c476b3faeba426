import Kernels
import Testing

@testable import Training

@Suite struct InitializationTests {
    private static func values(_ rules: [Initialization.Rule], _ name: String, _ shape: [Int], seed: UInt64 = 1) throws
        -> [Double]
    {
        let tensors = try Initialization(rules).tensors([TensorDefinition(name, shape)], seed: seed)
        let tensor = try #require(tensors[name])
        #expect(tensor.shape == shape)
        return tensor.floats().map(Double.init)
    }

    @Test func uniformFillsItsRange() throws {
        let values = try Self.values([.init("*", .uniform(bound: 0.25))], "W", [100, 100])
        #expect(values.allSatisfy { abs($0) <= 0.25 } && (values.max() ?? 0) > 0.249 && (values.min() ?? 0) < -0.249)
        #expect(abs(values.reduce(0, +) / 10_000) < 0.005)  // 3.5 standard deviations
    }

    @Test func normalHasItsDeviation() throws {
        let values = try Self.values([.init("*", .normal(deviation: 2))], "W", [100, 100])
        let mean = values.reduce(0, +) / 10_000
        let variance = values.reduce(0) { $0 + $1 * $1 } / 10_000
        #expect(abs(mean) < 0.07 && abs(variance - 4) < 0.2)
        // Beyond one and two standard deviations: 31.7 % and 4.55 %.
        #expect(abs(Double(values.count { abs($0) > 2 }) / 10_000 - 0.317) < 0.02)
        #expect(abs(Double(values.count { abs($0) > 4 }) / 10_000 - 0.0455) < 0.01)
    }

    /// Rows and columns of each block, whichever are fewer, are orthogonal and as long as the gain.
    @Test(arguments: [([6, 6], 1), ([24, 6], 4), ([5, 9], 1), ([9, 5], 1), ([6, 1], 3), ([1, 1], 1), ([66, 33], 2)])
    func orthogonalBlocksAre(_ shape: [Int], _ blocks: Int) throws {
        let values = try Self.values([.init("*", .orthogonal(gain: 1.5, blocks: blocks))], "U", shape)
        let (rows, columns) = (shape[0] / blocks, shape[1])
        var different: Set<[Double]> = []
        for block in 0..<blocks {
            let part = Array(values[(block * rows * columns)..<((block + 1) * rows * columns)])
            different.insert(part)
            let vectors =
                rows <= columns
                ? (0..<rows).map { row in (0..<columns).map { part[row * columns + $0] } }
                : (0..<columns).map { column in (0..<rows).map { part[$0 * columns + column] } }
            for (i, a) in vectors.enumerated() {
                for (j, b) in vectors.enumerated() {
                    let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
                    #expect(abs(product - (i == j ? 2.25 : 0)) < 1e-6)
                }
            }
        }
        #expect(different.count == blocks || columns == 1)
    }

    /// Both signs of the diagonal appear: a factorisation alone would give one.
    @Test func orthogonalMatricesAreOfAllKinds() throws {
        let diagonals = try (1...40).map { try Self.values([.init("*", .orthogonal())], "U", [2, 2], seed: $0)[0] }
        #expect((10...30).contains(diagonals.count { $0 > 0 }))
    }

    @Test func rulesAreFollowedInOrder() throws {
        let rules: [Initialization.Rule] = [
            .init("rnn.*", .constant(1)), .init("rnn.*.bias", .zeros), .init("rnn.*.bias", .constant(5), part: .init(1, of: 3)),
        ]
        #expect(try Self.values(rules, "rnn.0.W", [2]) == [1, 1])
        #expect(try Self.values(rules, "rnn.0.bias", [6]) == [0, 0, 5, 5, 0, 0])
        #expect(try Self.values(rules, "other", [3]) == [0, 0, 0])
        let matrix = try Self.values(rules, "other", [30, 4])
        #expect(matrix.allSatisfy { abs($0) <= 0.5 } && Set(matrix).count > 100)
    }

    @Test(arguments: [
        ("a", "a", true), ("a", "ab", false), ("*", "", true), ("a*", "a", true), ("a*c", "abcbc", true), ("a*c", "abcb", false),
        ("rnn.*.weight_hh", "rnn.0.weight_hh", true), ("rnn.*.weight_hh", "rnn.0.weight_ih", false), ("*a*b*", "xxaxxbxx", true),
        ("*a*b*", "xxbxxaxx", false), ("", "a", false),
    ]) func patternsFit(_ pattern: String, _ name: String, _ fits: Bool) {
        #expect(Initialization.Rule(pattern, .zeros).fits(name) == fits)
    }

    @Test func valuesDependOnSeedAndNameAlone() throws {
        let rules: [Initialization.Rule] = [.init("*", .normal(deviation: 1)), .init("U", .orthogonal())]
        let definitions = [TensorDefinition("W", [8, 3]), TensorDefinition("U", [4, 4]), TensorDefinition("V", [8, 3])]
        let one = try Initialization(rules).tensors(definitions, seed: 5, team: ThreadTeam(count: 1))
        let other = try Initialization(rules).tensors(definitions.reversed(), seed: 5, team: ThreadTeam(count: 3))
        for name in ["W", "U", "V"] { #expect(one[name]?.floats() == other[name]?.floats()) }
        #expect(one["W"]?.floats() != one["V"]?.floats())
        let seeded = try Initialization(rules).tensors(definitions, seed: 6)
        for name in ["W", "U", "V"] { #expect(one[name]?.floats() != seeded[name]?.floats()) }
    }

    @Test func rulesThatDoNotFitAreNamed() {
        func problem(_ rule: Initialization.Rule, _ shape: [Int]) -> String? {
            do { _ = try Initialization([rule]).tensors([TensorDefinition("W", shape)], seed: 1) } catch { return "\(error)" }
            return nil
        }
        #expect(problem(.init("*", .orthogonal(blocks: 4)), [6, 2]) != nil)
        #expect(problem(.init("*", .orthogonal()), [6]) != nil)
        #expect(problem(.init("*", .zeros, part: .init(0, of: 4)), [6]) != nil)
        #expect(problem(.init("*", .zeros, part: .init(2, of: 2)), [6]) != nil)
        #expect(problem(.init("*", .zeros), [0]) != nil)
        #expect(problem(.init("*", .zeros), [.max, 2]) != nil)
        #expect(problem(.init("V", .orthogonal(blocks: 4)), [6]) == nil)
    }
}
