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

    /// A tensor that is no matrix cannot be in a product as one, and one that nothing reads has no use.
    @Test func theRestIsNotListed() throws {
        let shapes = ["E": [4, 4], "unused": [4, 4], "v": [4]]
        #expect(try axes("step(token) { return E[token] * v }", shapes) == ["E": 1])
        #expect(throws: NotationErrors.self) { try axes("step(token) { return X[token] }", shapes) }
    }

    /// Vectors are rounded for products with blocks along the sum, and only for these.
    @Test func integerProductsRoundTheirVectors() throws {
        let values = (0..<1600).map { Float(($0 * 7919) % 101) / 100 - 0.5 }
        let embedding = Tensor(shape: [40, 40], values: values)
        let weight = Tensor(shape: [40, 40], values: values.reversed())
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
            // By hand: 32 elements and the 8 that are left, each by their own scale.
            let x = values[120..<160].map(Double.init)
            let blocks = [Array(x[..<32]), Array(x[32...])].flatMap { block in
                let scale = block.reduce(0) { max($0, abs($1)) } / 127
                return block.map { ($0 / scale).rounded(.toNearestOrEven) * scale }
            }
            let w = along.floats()
            for i in 0..<40 {
                let sum = (0..<40).reduce(0.0) { $0 + Double(axis == 1 ? w[i * 40 + $1] : w[$1 * 40 + i]) * blocks[$1] }
                #expect(abs(sum - rounded[i]) < 1e-12)
            }
        }
    }
}
