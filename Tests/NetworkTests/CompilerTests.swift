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
