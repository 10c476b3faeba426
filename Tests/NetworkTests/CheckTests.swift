import Kernels
import Testing

@testable import Network

/// Values that are NaN or infinite are found where they begin, however the program is run.
@Suite struct CheckTests {
    /// c is exp(exp(…)) of as many 1 as there are tokens 1 in a row, in the one element where w is 1: e, 15, 3.8 million, infinite.
    private static let growing = """
        cell grow(x, p) {
          c = exp(p.w * prev(c) * x)
          return c
        }

        step(token) {
          y = E[token]
          repeat layer in layers { y = y + 0.5 * grow(E[token], layer) }
          return y
        }
        """
    private static let size = 21  // more than a vector, and no whole number of them

    private static func growing(threads: Int, checks: Bool = true) throws -> Network {
        var weights = [Float](repeating: 0, count: size)
        let still = Tensor(shape: [size], values: weights)
        weights[17] = 1
        let embedding = [Float](repeating: 0, count: size) + [Float](repeating: 1, count: size)
        return try Network(
            program: growing,
            tensors: [
                "E": Tensor(shape: [2, size], values: embedding), "layers.0.w": still,
                "layers.1.w": Tensor(shape: [size], values: weights),
            ], options: NetworkOptions(threads: threads, checks: checks))
    }

    private func found(step: Int, sequence: Int? = nil) -> NetworkError {
        .notFinite(NonFinite(value: "layer.1/grow.c", isNaN: false, element: 17, step: step, sequence: sequence))
    }

    private let tokens = [0, 0, 1, 1, 1, 1, 1, 0]

    @Test(arguments: [1, 2]) func infinityIsNamedStepByStep(threads: Int) throws {
        let runner = try LanguageRunner(Self.growing(threads: threads))
        for token in tokens[..<5] { _ = try runner.feed([token]) }
        let before = runner.state()
        #expect(throws: found(step: 0)) { try runner.feed([1]) }
        #expect(runner.state() == before, "the runner is as it was")
        #expect(try runner.feed([0]).allSatisfy(\.isFinite), "and goes on")
    }

    @Test(arguments: [1, 2]) func infinityIsNamedInAWholeSequence(threads: Int) throws {
        let network = try Self.growing(threads: threads)
        let runner = try LanguageRunner(network)
        _ = try runner.feed([0, 1])
        let before = runner.state()
        #expect(throws: found(step: 5)) { try runner.feed(tokens) }
        #expect(runner.state() == before, "the runner is as it was")
        #expect(throws: found(step: 105)) { try runner.feed([Int](repeating: 0, count: 100) + tokens) }
        for chunk in [1, 3, 64] {
            #expect(throws: found(step: 5), "chunks of \(chunk)") {
                try SequenceRunner(network, chunk: chunk).run([.init(tokens: tokens)])
            }
        }
    }

    /// What is computed beyond the end of a sequence does not count.
    @Test(arguments: [1, 2]) func infinityIsNamedInABatch(threads: Int) throws {
        let network = try Self.growing(threads: threads)
        let batch = [[0, 1, 1, 1], [0, 1, 1, 1, 0], tokens, []]
        let runner = try LanguageRunner(network, batch: batch.count)
        #expect(throws: found(step: 5, sequence: 2)) { try runner.feed(batch) }
        #expect(runner.state(of: 1) == network.initialState)
        #expect(try runner.feed([batch[0], batch[1], [], []])[1].allSatisfy(\.isFinite))
        for chunk in [2, 64] {
            #expect(throws: found(step: 5, sequence: 2), "chunks of \(chunk)") {
                try SequenceRunner(network, chunk: chunk).run(batch.map { .init(tokens: $0) })
            }
        }
    }

    @Test func withoutChecksNothingIsSaid() throws {
        let logits = try LanguageRunner(Self.growing(threads: 1, checks: false)).feed(tokens.dropLast())
        #expect(logits.indices.filter { !logits[$0].isFinite } == [17])
    }

    private func first(
        _ program: String, _ tensors: [String: Tensor] = [:], _ vectors: [[Float]]
    ) throws -> NonFinite? {
        let network = try Network(program: program, tensors: tensors, options: NetworkOptions(threads: 2, checks: true))
        do {
            _ = try SequenceRunner(network).run([.init(vectors: ["x": vectors])])
            return nil
        } catch NetworkError.notFinite(let found) {
            return found
        }
    }

    /// The products of one vector are one instruction, and one row of memory.
    @Test func eachProductOfAVectorIsNamed() throws {
        var weights = [Float](repeating: 1, count: 5 * 3)
        let fine = Tensor(shape: [5, 3], values: weights)
        for i in 9..<12 { weights[i] = -2e38 }
        let large = Tensor(shape: [5, 3], values: weights)
        let program = "step(x: 3) {\n  a = W @ x\n  b = V @ x\n  return tanh(a) * tanh(b)\n}"
        let one: [[Float]] = [[0, 0, 0], [1, 1, 1]]
        #expect(
            try first(program, ["W": fine, "V": large], one) == NonFinite(value: "b", isNaN: false, element: 3, step: 1))
        #expect(
            try first(program, ["W": large, "V": fine], one) == NonFinite(value: "a", isNaN: false, element: 3, step: 1))
        #expect(
            try first("step(x: 3) {\n  y = tanh(\n    W @ x)\n  return y\n}", ["W": large], one)?.value
                == "“@” in line 3 (a part of y)")
    }

    /// Vectors are computed whole: the logarithm of what lies beyond the end of a row is infinite.
    @Test func whatLiesBeyondTheEndIsNotLookedAt() throws {
        let program = "step(x: 5) {\n  y = log(x)\n  return sum(y), twice: y * 2\n}"
        #expect(try first(program, [:], [[1, 2, 3, 4, 5]]) == nil)
        #expect(
            try first(program, [:], [[1, 2, 3, 4, 5], [1, 2, 3, 4, -5]])
                == NonFinite(value: "y", isNaN: true, element: 4, step: 1))
    }

    /// Against the direction of time the last step is the first; what follows from it is not what is named.
    @Test func aSourceIsReadInItsOwnOrder() throws {
        func program(_ h: String) -> String { "encode(x: 2) {\n  h = \(h)\n  g = tanh(h)\n  return h, g, all: sum(g)\n}" }
        let ones = [[Float]](repeating: [0, 1], count: 7)
        #expect(
            try first(program("exp(x * next(h))"), [:], ones) == NonFinite(value: "h", isNaN: false, element: 1, position: 2))
        #expect(
            try first(program("1 / x + next(h)"), [:], [[1, 1], [1, 1], [1, 0], [1, 1]])
                == NonFinite(value: "“/” in line 2 (a part of h)", isNaN: false, element: 1, position: 2))
        #expect(
            try first("encode(x: 2) {\n  m = last(1 / x)\n  return x - m\n}", [:], [[0, 1], [1, 1]])?.position == 0)
    }

    /// Numbers rounded to eight bits are no floats, whatever their bits mean as such.
    @Test func roundedVectorsAreNotLookedAt() throws {
        let values = (0..<64 * 64).map { Float($0 % 17) / 8 - 1 }
        let weights = try Tensor(shape: [64, 64], values: values).converted(to: .q8)
        for scale: Float in [1, -1, 1e30] {
            let vectors = (0..<4).map { step in (0..<64).map { Float(($0 * 7 + step) % 11 - 5) * scale } }
            #expect(try first("step(x: 64) { return W @ tanh(x) }", ["W": weights], vectors) == nil)
        }
    }

    @Test func whatIsComputedWhenTheModelIsLoadedIsNamed() throws {
        let tensors = ["w": Tensor(shape: [3], values: [1, 2, 100])]
        let found = try first("step(x: 3) {\n  decay = exp(w)\n  return x * decay\n}", tensors, [[1, 1, 1]])
        #expect(found == NonFinite(value: "decay", isNaN: false, element: 2))
    }

    @Test func aWindowSaysWhichTokenAndWhere() throws {
        let network = try Network(
            program: "encode(token) {\n  c = exp(prev(c) * E[token])\n  return c\n}\nanswer() { return last(encode.c) }",
            tensors: ["E": Tensor(shape: [2, 1], values: [0, 1])],
            options: NetworkOptions(window: 6, threads: 1, checks: true))
        let runner = try LanguageRunner(network)
        _ = try runner.feed([0, 1, 1])
        let before = runner.state()
        #expect(throws: NetworkError.notFinite(NonFinite(value: "c", isNaN: false, element: 0, step: 1, position: 5))) {
            try runner.feed([1, 1, 1])
        }
        #expect(runner.state() == before, "the runner is as it was")
    }

    @Test func everyShippedProgramPassesWithItsOwnNumbers() throws {
        for program in ProgramCase.all {
            let checked = try program.network(threads: 2, checks: true)
            let inputs = try program.inputs(program.window == nil ? [5, 9, 1] : [6, 6, 6])
            let results = try SequenceRunner(checked).run(inputs)
            #expect(results == (try SequenceRunner(program.network(threads: 2)).run(inputs)), "\(program.name)")
        }
    }

    @Test func sentences() {
        #expect(
            "\(NonFinite(value: "lstm.c", isNaN: false, element: 3, step: 17, sequence: 2))"
                == "lstm.c is infinite at step 17, element 3, sequence 2 of the batch, counted from 0")
        #expect(
            "\(NetworkError.notFinite(NonFinite(value: "h", isNaN: true, element: 0, step: 4, position: 5)).after(10))"
                == "h is NaN at step 14, position 5 of what is read, element 0, counted from 0")
    }
}
