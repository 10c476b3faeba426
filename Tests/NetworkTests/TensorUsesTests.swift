import Kernels
import Testing

@testable import Network

@Suite struct TensorUsesTests {
    private func axes(_ program: String, _ shapes: [String: [Int]]) throws -> [String: Int] {
        try TensorUses(program: program, shapes: shapes).blockAxes
    }

    @Test func blocksRunAlongTheSum() throws {
        let shapes = ["E": [9, 4], "W": [5, 4], "K": [4, 5], "b": [5], "O": [9, 5]]
        let program = "step(token) { x = E[token]\n return O @ (W @ x + x @ K + b) }"
        #expect(try axes(program, shapes) == ["E": 1, "W": 1, "K": 0, "O": 1])
        #expect(try TensorUses(program: program, shapes: shapes).multiplied == ["W", "K", "O"])
    }

    @Test func headsHaveTheirMatricesInTheLastTwoAxes() throws {
        let shapes = ["E": [9, 6], "H": [2, 4, 3], "I": [2, 3, 4], "O": [9, 16]]
        #expect(
            try axes("step(token) { x = heads(E[token], 2)\n return O @ [flat(H @ x), flat(x @ I)] }", shapes)
                == ["E": 1, "H": 2, "I": 1, "O": 1])
    }

    /// Looked up and multiplied: the product decides, and the last axis where two of them do not agree.
    @Test func tiedTensors() throws {
        #expect(try axes("step(token) { return E @ E[token] }", ["E": [9, 4]]) == ["E": 1])
        #expect(try axes("step(token) { h = E[token] @ K\n return h @ E }", ["E": [4, 4], "K": [4, 4]]) == ["E": 0, "K": 0])
        #expect(try axes("step(token) { return E @ (E[token] @ E) }", ["E": [4, 4]]) == ["E": 1])
    }

    @Test func whatIsUsedInAnyOtherWayStays() throws {
        let shapes = ["E": [4, 4], "W": [4, 4], "v": [4]]
        for program in [
            "step(token) { return W @ E[token] + sum(W * column(v)) }",  // pointwise
            "step(token) { return (W @ v) * E[token] + W @ E[token] }",  // also folded into a constant
            "step(token) { return (W * 2) @ E[token] }",  // a constant expression
            "step(token) { m = prev(m, start: W) * 0.5\n return m @ E[token] }",  // a start
            "step(token) { a, b, c, d = rows(W)\n return a + W @ E[token] }",
        ] {
            #expect(try axes(program, shapes) == ["E": 1], "\(program)")
        }
    }

    /// What is dropped while training is there when the model is used.
    @Test func dropoutIsNoUse() throws {
        let shapes = ["E": [4, 4], "W": [4, 4], "v": [4]]
        let program = "step(token) { return dropout(W, 0.5) @ dropout(E, 0.1)[token] + sum(dropout(v, 0.2)) }"
        #expect(try axes(program, shapes) == ["E": 1, "W": 1])
        #expect(try TensorUses(program: program, shapes: shapes).multiplied == ["W"])
        let identity = Tensor(shape: [4, 4], values: (0..<16).map { $0 % 5 == 0 ? 1 : 0 })
        let tensors = [
            "E": identity, "W": try identity.converted(to: .q8, blockAxis: 1), "v": Tensor(shape: [4], values: [0, 0, 1, 2]),
        ]
        #expect(try Network(program: program, tensors: tensors).integerProducts.count == 1)
    }

    /// A tensor that is no matrix cannot be in a product as one, and one that nothing reads has no use.
    @Test func theRestIsNotListed() throws {
        let shapes = ["E": [4, 4], "unused": [4, 4], "v": [4]]
        #expect(try axes("step(token) { return E[token] * v }", shapes) == ["E": 1])
        #expect(throws: NotationErrors.self) { try axes("step(token) { return X[token] }", shapes) }
    }

    /// Vectors are rounded for products with blocks along the sum, and only for these.
    @Test func integerProductsRoundTheirVectors() throws {
        let values = (0..<90000).map { Float(($0 * 7919) % 101) / 100 - 0.5 }
        let embedding = Tensor(shape: [300, 300], values: values)
        let weight = Tensor(shape: [300, 300], values: values.reversed())
        func logits(_ program: String, _ weight: Tensor, rounding: Bool) throws -> [Double] {
            try Network(program: program, tensors: ["E": embedding, "W": weight]).interpret([3], roundingActivations: rounding)[0]
        }
        for (program, axis) in [("step(token) { return W @ E[token] }", 1), ("step(token) { return E[token] @ W }", 0)] {
            let along = try weight.converted(to: .q8, blockAxis: axis)
            let across = try weight.converted(to: .q8, blockAxis: 1 - axis)
            let exact = try logits(program, along.dequantized, rounding: true)
            #expect(try logits(program, along, rounding: false) == exact)
            let rounded = try logits(program, along, rounding: true)
            #expect(rounded != exact)
            #expect(try logits(program, across, rounding: true) == logits(program, across, rounding: false))
            // By hand: 256 elements and the 44 that are left, each by their own scale.
            let x = values[900..<1200].map(Double.init)
            let stretches = [Array(x[..<256]), Array(x[256...])].flatMap { block in
                let scale = block.reduce(0) { max($0, abs($1)) } / 127
                return block.map { ($0 / scale).rounded(.toNearestOrEven) * scale }
            }
            let w = along.floats()
            for i in 0..<300 {
                let sum = (0..<300).reduce(0.0) { $0 + Double(axis == 1 ? w[i * 300 + $1] : w[$1 * 300 + i]) * stretches[$1] }
                #expect(abs(sum - rounded[i]) < 1e-12)
            }
        }
    }
}

/// The shipped programs with their matrices in blocks.
@Suite struct QuantizedProgramTests {
    /// By the last word of a tensor's name: what is no matrix of a product though it has two axes. Filters of convolutions, decays and
    /// bonuses of each head, interpolations of token shifts, biases of each head.
    static let exact: Set<String> = ["conv", "A_log", "bias", "first", "decay", "maa_wkvrg", "x_rwkvag", "r_k"]

    @Test(arguments: ProgramCase.all) func allMatricesCanBeQuantized(_ program: ProgramCase) throws {
        let uses = try TensorUses(program: program.program, hyperparameters: program.hyperparameters, shapes: program.tensors)
        for (name, shape) in program.tensors {
            let isExact = shape.count < 2 || Self.exact.contains(String(name.split(separator: ".").last ?? ""))
            #expect((uses.blockAxes[name] == nil) == isExact, "\(name)")
        }
        #expect(try program.network().tensorUses == uses)
    }

    /// However a product with blocks is computed, it stays as near to the interpreter as rounded vectors allow.
    @Test(arguments: ProgramCase.all, [ElementType.q8, .q4]) func planMeetsInterpreter(_ program: ProgramCase, type: ElementType)
        throws
    {
        let uses = try program.network().tensorUses
        var tensors = program.randomTensors()
        for (name, axis) in uses.blockAxes { tensors[name] = try tensors[name]?.converted(to: type, blockAxis: axis) }
        let network = try Network(
            program: program.program, hyperparameters: program.hyperparameters, tensors: tensors,
            options: NetworkOptions(window: program.window, threads: 1))
        #expect(network.hasIntegerProducts)
        let input = try program.inputs([9])[0]
        for (entry, outputs) in try SequenceRunner(network).run([input])[0] {
            var exact = try network.interpreter(for: input)
            var rounded = exact
            rounded.integerProducts = network.integerProducts
            for (output, root) in zip(outputs, network.graph.results[entry] ?? []) {
                var (largest, error, allowed) = (0.0, 0.0, 0.0)
                for (step, values) in output.values.enumerated() {
                    let wanted = exact.value(of: root.node, at: step).expanded(to: output.shape).elements
                    let other = rounded.value(of: root.node, at: step).expanded(to: output.shape).elements
                    #expect(wanted.count == values.count)
                    for i in wanted.indices {
                        largest = max(largest, abs(wanted[i]))
                        error = max(error, abs(wanted[i] - Double(values[i])))
                        allowed = max(allowed, abs(wanted[i] - other[i]))
                    }
                }
                #expect(error <= 4 * allowed + 1e-5 * largest, "\(entry).\(output.name): error \(error), largest \(largest)")
                // 8 bits are 8 bits: what they do to a result is seen, and is little.
                #expect(allowed > 0 && allowed < 0.1 * largest, "\(entry).\(output.name): \(allowed) of \(largest)")
            }
        }
    }
}
