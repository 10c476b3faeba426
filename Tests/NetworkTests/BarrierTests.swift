import Kernels
import Testing

@testable import Network

/// Where the members of a team must wait for each other.
@Suite struct BarrierTests {
    private func stages(_ program: String) throws -> [Plan.Stage] {
        var random = SplitMix(seed: 5)
        func matrix() -> Tensor { Tensor(shape: [64, 64], values: (0..<4096).map { _ in random.unit() / 8 }) }
        return try Network(program: program, tensors: ["W": matrix(), "U": matrix()]).plan.stepping
    }

    /// For the products of the last stage, whether each waits.
    private func productsOfLastStage(_ stages: [Plan.Stage]) -> [Bool] {
        guard case .straight(let tasks) = stages.last else { return [] }
        return tasks.filter { $0.instruction is PackedProduct }.map(\.waits)
    }

    @Test func productsWaitForDelayedValues() throws {
        // All steps of `y` are computed at once: the step before this one's is as new as this one's.
        #expect(try productsOfLastStage(stages("step(x: 64) {\n  y = tanh(x)\n  return W @ prev(y)\n}")) == [true])
    }

    @Test func whatFollowsALoopWaitsForDelayedValues() throws {
        let stages = try stages("step(x: 64) {\n  h = tanh(x + U @ prev(h))\n  return W @ prev(h)\n}")
        #expect(productsOfLastStage(stages) == [true])
    }

    @Test func aLoopWaitsForDelayedValuesFromBefore() throws {
        let stages = try stages("step(x: 64) {\n  y = tanh(x)\n  h = tanh(y + U @ (prev(h) + prev(y)))\n  return h\n}")
        guard case .loop(let tasks, _, _) = stages.last else {
            Issue.record("no loop")
            return
        }
        #expect(tasks.first?.instruction is Pass)
        #expect(tasks.first { $0.instruction is PackedProduct }?.waits == true)
    }

    @Test func aPastWithinALoopIsNotWaitedFor() throws {
        // The product reads what the turn before wrote; between turns there is a barrier anyway.
        let stages = try stages("step(x: 64) {\n  h = tanh(x + U @ prev(h))\n  return h\n}")
        guard case .loop(let tasks, _, _) = stages.last else {
            Issue.record("no loop")
            return
        }
        #expect(tasks.map(\.waits) == [false, false])
    }

    /// For the thread sanitizer, and any machine where a member is late.
    @Test(arguments: [
        "y = tanh(x)\n  return W @ prev(y)", "h = tanh(x + U @ prev(h))\n  return W @ prev(h)",
        "a = tanh(x)\n  b, c = split(a)\n  d, e = split(prev(a), 24, 40)\n  return [b, c * b, d], sum(e), W @ prev(prev(a))",
        "y = tanh(x)\n  return tanh(W @ y + prev(W @ y)) + U @ prev(tanh(U @ x))",
    ])
    func threadsDoNotMatter(body: String) throws {
        var random = SplitMix(seed: 5)
        func matrix() -> Tensor { Tensor(shape: [64, 64], values: (0..<4096).map { _ in random.unit() / 8 }) }
        let tensors = ["W": matrix(), "U": matrix()]
        let input = SequenceRunner.Input(vectors: ["x": (0..<200).map { _ in (0..<64).map { _ in random.unit() } }])
        func results(_ threads: Int) throws -> [[Entry: [SequenceRunner.Output]]] {
            try SequenceRunner(
                Network(program: "step(x: 64) {\n  \(body)\n}", tensors: tensors, options: NetworkOptions(threads: threads))
            ).run([input, input])
        }
        let one = try results(1)
        for threads in [2, 3, 4] { #expect(try results(threads) == one) }
    }
}
