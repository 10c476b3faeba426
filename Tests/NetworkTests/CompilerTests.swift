import Kernels
import Testing

@testable import Network

/// Programs that were once compiled wrongly, each as small as it could be made.
@Suite struct CompilerTests {
    @Test func startThatDependsOnTheSource() throws {
        try Agreement(
            """
            encode(x: 4) {
              y = tanh(x)
              h = tanh(x + prev(h, start: last(y)))
              g = tanh(x - next(g, start: first(h)))
              return h, g, past: prev(y, start: last(y * 2)), future: next(prev(y), start: last(g))
            }
            """
        ).check()
    }

    @Test func constantPartsOfAJoinedVectorInACycle() throws {
        try Agreement(
            """
            step(x: 4) {
              h = tanh(K @ [w, prev(h, start: w)])
              g = tanh(K @ [w, x + prev(g, start: w)] + [w, x, w, prev(g)] @ L)
              f = tanh([w, x, prev(f), w] @ L)
              return h, g, f
            }
            """, tensors: ["w": [4], "K": [4, 8], "L": [16, 4]]
        ).check()
    }

    @Test func twoStepsOfThePastWhereASequenceEnds() throws {
        try Agreement(
            """
            step(token) {
              c = tanh(E[token] + 0.5 * prev(c) - 0.7 * prev(prev(c)) + 0.3 * prev(prev(prev(h))))
              h = tanh(c + prev(h))
              return h
            }
            """, tensors: ["E": [5, 4]]
        ).check()
    }

    @Test func twoMatrixStatesThatReadEachOther() throws {
        try Agreement(
            """
            step(x: 4) {
              a = 0.5 * prev(a) + outer(x, x)
              b = 0.5 * prev(b) + outer(x, tanh(x))
              p = a @ (b @ x)
              q = b @ (a @ x)
              r = a @ tanh(b @ sin(x))
              return p, q, r
            }
            """
        ).check()
    }

    @Test func sumsOfMoreTermsThanAPassHasRegisters() throws {
        let numbers = (1...300).map { "\($0)" }.joined(separator: " + ")
        let values = (1...300).map { "\($0 % 7) * y" }.joined(separator: " - ")
        let spread = (1...150).map { "mean(x * \($0))" }.joined(separator: " - ")
        try Agreement(
            """
            step(x: 20) {
              y = 0.01 * x
              h = tanh(0.001 * (prev(h) + x + \(numbers)) + \(values))
              return h, x + \(spread)
            }
            """
        ).check()
    }
}

/// Large states are one instruction, whatever the architecture that has them.
@Suite struct StateUpdateTests {
    static let withMatrixStates: Set = ["rwkv51", "rwkv52", "rwkv6", "rwkv7", "mamba", "mamba2", "xlstm_matrix"]

    @Test(arguments: ProgramCase.all.filter { withMatrixStates.contains($0.name) })
    func matrixStatesAreRecognised(_ program: ProgramCase) throws {
        let network = try program.network()
        let tasks = network.plan.stepping.flatMap { stage -> [Plan.Task] in
            switch stage {
            case .straight(let tasks), .loop(let tasks, _, _): tasks
            }
        }
        let matrices = network.plan.slots.filter { $0.name.hasSuffix(".s") }
        let updates = tasks.filter { $0.instruction is UpdateState }
        #expect(!matrices.isEmpty && updates.count == matrices.count, "\(updates.count) of \(matrices.count)")
        // The products with the state are computed on the way.
        #expect(!tasks.contains { $0.instruction is ComputedProduct })
    }

    /// Every kind of decay, signs, both kinds of products with the old and the new matrix, and one that is a term's column.
    @Test func allForms() throws {
        for (decay, read) in [
            ("", "s @ x"), ("0.5 *", "prev(s) @ x"), ("column(sigmoid(y)) *", "y @ s"), ("row(sigmoid(x)) *", "y @ prev(s)"),
            ("sigmoid(outer(y, x)) *", "s @ tanh(x)"), ("sigmoid(sum(x)) *", "(s @ x) + (prev(s) @ x)"),
        ] {
            for terms in [
                "+ outer(y, x)", "- outer(y, x)", "- outer(prev(s) @ x, x * 0.1) + outer(y, x)", "+ outer(tanh(prev(s) @ x), x)",
            ] {
                try Agreement(
                    """
                    step(x: 21) {
                      y, z = split(x, 5, 16)
                      s = \(decay) prev(s, start: begin) \(terms.replacing("prev(s)", with: "prev(s, start: begin)"))
                      return \(read.replacing("prev(s)", with: "prev(s, start: begin)")), mean(z)
                    }
                    """, tensors: ["begin": [5, 21]]
                ).check()
            }
        }
    }

    /// In one loop: neither can have all its products computed on the way.
    @Test func statesThatReadEachOther() throws {
        try Agreement(
            """
            step(x: 4) {
              g = tanh(prev(c, start: z))
              a = 0.5 * prev(a, start: m) + outer(x, g)
              b = 0.5 * prev(b, start: m) + outer(g, x)
              c = tanh(a @ (b @ x) + b @ (a @ x))
              return c
            }
            """, tensors: ["z": [4], "m": [4, 4]]
        ).check()
    }

    @Test func heads() throws {
        try Agreement(
            """
            step(x: 24) {
              k, v, r = split(x, 8, 8, 8)
              w = heads(sigmoid(k), 2)
              old = prev(s) @ heads(r, 2)
              s = prev(s) * row(w) - outer(old, heads(0.1 * k, 2)) + outer(heads(v, 2), heads(k, 2))
              return flat(s @ heads(r, 2)), flat(heads(v, 2) @ s)
            }
            """
        ).check()
    }
}

/// With many sequences, each member of a team computes loops for its own.
@Suite struct DividedBatchTests {
    @Test(arguments: ProgramCase.all.filter { (try? $0.network().kind) == .languageModel })
    func manySequencesAreLikeOne(_ program: ProgramCase) throws {
        let inputs = (0..<21).map { sequence in
            SequenceRunner.Input(tokens: (0..<13).map { ($0 * 5 + sequence * 3) % program.vocabulary })
        }
        let alone = try inputs.map { try SequenceRunner(program.network()).run([$0])[0] }
        for threads in [1, 2] {
            let network = try program.network(threads: threads)
            for chunk in [1, 4, 64] {
                let together = try SequenceRunner(network, chunk: chunk).run(inputs)
                for (one, many) in zip(alone, together) {
                    let (a, b) = (one[.step]?.first?.values ?? [], many[.step]?.first?.values ?? [])
                    #expect(!a.isEmpty && a.map { $0.map(\.bitPattern) } == b.map { $0.map(\.bitPattern) })
                }
            }
        }
    }
}

@Suite struct SubnormalTests {
    /// Processors take a hundred times as long for numbers below the smallest normal one: they count as zero, in every thread.
    @Test(arguments: [1, 2]) func numbersBelowTheSmallestNormalOneCountAsZero(threads: Int) throws {
        let network = try Network(
            program: "step(x: 64) { return 0.5 * x, W @ x }",
            tensors: ["W": Tensor(shape: [64, 64], values: [Float](repeating: 0.001, count: 64 * 64))],
            options: NetworkOptions(threads: threads))
        let smallest = [Float](repeating: .leastNormalMagnitude, count: 64)
        let results = try SequenceRunner(network).run([.init(vectors: ["x": [smallest]])])
        let outputs = try #require(results.first?[.step])
        #expect(outputs.count == 2 && outputs.allSatisfy { $0.values[0].allSatisfy { $0 == 0 } })
        // The caller's own thread computes as before.
        #expect(Float.leastNormalMagnitude * Float(results.count) / 2 != 0)
    }
}
