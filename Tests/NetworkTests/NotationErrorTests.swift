import Kernels
import Testing

@testable import Network

/// Every sentence that a wrong program gets, with its place.
@Suite struct NotationErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var program: String
        var tensors: [String: [Int]] = [:]
        var hyperparameters: [String: Double] = [:]
        var expected: [String] = []
        var testDescription: String { program.replacing("\n", with: "⏎") }
    }

    static func errors(_ test: Case) -> [String] {
        do {
            _ = try Network(
                program: test.program, hyperparameters: test.hyperparameters,
                tensors: test.tensors.mapValues { Tensor(shape: $0, values: [Float](repeating: 0.5, count: $0.reduce(1, *))) })
            return []
        } catch let error as NotationErrors {
            return error.errors.map { "\($0.line):\($0.column) \($0.message)" }
        } catch {
            return ["\(error)"]
        }
    }

    static let cases: [Case] = [
        // Reading
        Case(
            program: "step(x: 4) { $ = 1 }",
            expected: ["1:14 '$' does not belong to the notation"]),
        Case(
            program: "step(x: 4) { return x é }",
            expected: ["1:23 'é' does not belong to the notation"]),
        Case(
            program: "step(x: 4) { return }",
            expected: ["1:21 expected a value, found '}'"]),
        Case(
            program: "step(x: 4) {\n  y = (x\n  return y\n}",
            expected: ["3:3 expected ')', found 'return'"]),
        Case(
            program: "sell f(x) { return x }",
            expected: ["1:1 expected cell, step, encode, decode or answer, found 'sell'"]),
        Case(
            program: "step(x: 4) {\n  y = x\n}",
            expected: ["3:1 a body ends with return"]),
        Case(
            program: "step(x: 4) { return x",
            expected: ["1:22 expected '}', found end of text"]),
        Case(
            program: "cell sum(x) { return x }\nstep(x: 4) { return x }",
            expected: ["1:6 sum is an operator: a cell needs a name of its own"]),
        Case(
            program: "cell f(x) { return x }\ncell f(x) { return x }\nstep(x: 4) { return f(x) }",
            expected: ["2:6 cell f is defined twice"]),
        Case(
            program: "step(x: 4) { in = 1\n return x }",
            expected: ["1:14 expected a name, found 'in'"]),
        Case(
            program: "step(x: 4) {\n  y =\n  z = x x\n  return x ^ x\n}",
            expected: ["3:5 expected end of line, found '='"]),
        Case(
            program: "step(x: 4) { return repeat.x }",
            expected: ["1:21 expected a value, found the keyword 'repeat'"]),
        Case(
            program: "step(x: 4) { return backward x }",
            expected: ["1:30 backward stands before a cell call"]),
        Case(
            program: "step(x: 4) { return 1e999 }",
            expected: ["1:21 1e999 is too large a number"]),
        Case(
            program: "step(x: 4) {\n  repeat p in l {\n    y = x\n    return y\n  }\n  return x\n}",
            expected: ["4:5 return stands at the end of a body, not inside repeat"]),
        // Expanding
        Case(
            program: "step(x: 4) {\n  a = b + x\n  b = a\n  return b\n}",
            expected: ["2:7 b is used before its definition; if its value one step ago is meant, write prev(b)"]),
        Case(
            program: "step(x: 4) {\n  y = x\n  x = y\n  return x\n}",
            expected: [
                "3:3 x is already defined here: a name has one value (only names from outside a repeat may be renewed in it)"
            ]),
        Case(
            program: "step(token) {\n  x = e[token]\n  repeat p in l { x = x * p.w + prev(x) }\n  return x\n}",
            tensors: ["l.0.w": [4], "l.1.w": [4], "e": [5, 4]],
            expected: ["3:38 prev(x) inside repeat: x is renewed by it; give the value of one layer its own name"]),
        Case(
            program: "cell f(x, p) { return x + p.bias_hh }\nstep(x: 4) { return f(x, layers.0) }", tensors: ["layers.0.w": [4]],
            expected: ["1:27 there is no tensor layers.0.bias_hh (from p.bias_hh)"]),
        Case(
            program: "cell f(x, p) { return x * p.b + p.c }\nstep(x: 4) { return f(x, layers.0) * out.b }",
            tensors: ["layers.0.w": [4]],
            expected: ["1:27 missing tensors: layers.0.b (from p.b), layers.0.c (from p.c), out.b"]),
        Case(
            program: "step(x: 4) {\n  y = x\n  repeat p in l { y = y * p.w }\n  return y\n}",
            tensors: ["l.0.w": [4], "l.2.w": [4]],
            expected: ["3:3 repeat: l is numbered 0, 2; 1 is missing"]),
        Case(
            program: "cell f(x) { return g(x) }\ncell g(x) { return x }\nstep(x: 4) { return f(x) }",
            expected: ["1:20 cell g is used before it is defined"]),
        Case(
            program: "cell f(x) { return f(x) }\nstep(x: 4) { return f(x) }",
            expected: ["1:20 cell f is used before it is defined"]),
        Case(
            program: "encode(token) {\n  h = e[token]\n  return h, keys: h\n}\ndecode(token) { return encode.key }",
            tensors: ["e": [5, 4]],
            expected: ["5:24 encode returns h, keys; there is no encode.key"]),
        Case(
            program: "step(x: 4) { return l.0 * x }", tensors: ["l.0.w": [4]],
            expected: ["1:21 l.0 is a group of tensors, not a value"]),
        Case(
            program: "step(x: 4) { return relux(x) }",
            expected: ["1:21 there is no cell or operator named relux"]),
        Case(
            program: "step(x: 4) { return tanh(x, x) + sum(x, axis: 1) }",
            expected: ["1:21 tanh takes one value, found 2", "1:47 sum does not know axis:"]),
        Case(
            program: "cell f(x) { return x }\nstep(x: 4) { return f(x, x) + f(x: x) }",
            expected: ["2:21 f takes 1 (x), found 2", "2:36 f takes no named arguments"]),
        Case(
            program: "cell f(x) { return x, x }\nstep(x: 4) {\n  a, b, c = f(x)\n  return f(x) + a\n}",
            expected: ["3:13 3 names for the 2 values of f", "4:10 f returns 2 values; name them: a, b = f(…)"]),
        Case(
            program: "step(x: 4) { return split(x) }",
            expected: ["1:21 split gives several values; name them: a, b = split(…)"]),
        Case(
            program: "cell f(x) { return x }",
            expected: ["1:1 a program has step, or encode, or encode with decode, or encode with answer; this one has none"]),
        Case(
            program: "decode(token) { return e[token] }\nstep(token) { return e[token] }", tensors: ["e": [5, 4]],
            expected: [
                "1:1 a program has step, or encode, or encode with decode, or encode with answer; this one has decode, step"
            ]),
        Case(
            program: "step(x: 4) { return heads(x, 2.5) + heads(x, sum(x)) }",
            expected: [
                "1:30 expected a whole number from 1 to 67108864, found 2.5",
                "1:46 expected a number that is known when the archive is opened",
            ]),
        Case(
            program: "step(x: 4) { return nothing * x }",
            expected: ["1:21 there is no value, tensor or hyper-parameter named nothing"]),
        Case(
            program: "step(x: 4) { size = x\n return size }", hyperparameters: ["size": 3],
            expected: ["1:14 size is already the name of a hyper-parameter"]),
        Case(
            program: "step(x: 4) { e = x\n return e }", tensors: ["e": [4]],
            expected: ["1:14 e is already the name of a tensor"]),
        Case(
            program: "encode(token) { return e[token] }\nanswer() { return prev(encode.0) }", tensors: ["e": [5, 4]],
            expected: ["2:19 answer has no steps, so prev means nothing there"]),
        Case(
            program: "step(x: 4) { return x.y + dropout(x, 1.5) }",
            expected: [
                "1:21 x is a value and has no part y",
                "1:38 dropout: the rate is a known number from 0 up to but not including 1",
            ]),
        // Clocks
        Case(
            program: "step(x: 4) {\n  h = tanh(x + next(h))\n  return h\n}",
            expected: ["2:16 step generates one token at a time, so h cannot be read with next: the future is not known"]),
        Case(
            program: "step(x: 4) { return last(x) }",
            expected: ["1:21 step generates one token at a time: last needs the whole sequence"]),
        Case(
            program: "encode(token) {\n  x = e[token]\n  h = x + prev(h) + next(h)\n  return h\n}", tensors: ["e": [5, 4]],
            expected: ["3:11 h depends on both its past (prev, line 3) and its future (next, line 3)"]),
        Case(
            program: "step(x: 4) {\n  h = prev(h, start: x) + 1\n  return h\n}",
            expected: ["2:7 start: must be known before the first step, but x changes at every step"]),
        Case(
            program: "encode(token) {\n  h = e[token] + last(prev(h))\n  return h\n}", tensors: ["e": [5, 4]],
            expected: ["2:7 h needs a value of the whole sequence before the sequence is known"]),
        // Shapes
        Case(
            program: "step(x: 4) { return tanh(W_q @ x) }", tensors: ["W_q": [3, 5]],
            expected: ["1:30 @: a [3, 5] matrix does not meet a [4] vector: 5 columns, 4 elements (W_q, x)"]),
        Case(
            program: "step(x: 4) { return W @ W }", tensors: ["W": [4, 4]],
            expected: [
                "1:23 @ multiplies a matrix and a vector; these are [4, 4] and [4, 4]. sum(a * b) is a dot product, outer(a, b) makes a matrix"
            ]),
        Case(
            program: "step(x: 4) {\n  h = [x, prev(h)]\n  return h\n}",
            expected: ["2:11 the shape of h cannot be found: it depends only on itself. Give it a start: of the right size"]),
        Case(
            program: "step(x: 4) {\n  h = [x, prev(h, start: v)]\n  return h\n}", tensors: ["v": [4]],
            expected: ["2:11 h grows at every step: [4] + itself"]),
        Case(
            program: "step(x: 4) {\n  h = tanh(prev(h))\n  return h\n}",
            expected: ["2:12 the shape of h cannot be found: it depends only on itself. Give it a start: of the right size"]),
        Case(
            program: "step(x: 4) {\n  a, b, c = split(x)\n  return a\n}",
            expected: ["2:13 4 values do not split into 3 equal parts"]),
        Case(
            program: "step(x: 4) {\n  a, b = split(x, 1, 2)\n  return a\n}",
            expected: ["2:10 split: the sizes add up to 3, the value has 4 values"]),
        Case(
            program: "step(x: 4) { return softmax(sum(x)) }",
            expected: ["1:21 softmax over an axis of one element is always 1"]),
        Case(
            program: "step(x: 4) { return x * v + [x, v] * v }", tensors: ["v": [3]],
            expected: ["1:23 *: [4] and [3] do not go together", "1:36 *: [7] and [3] do not go together"]),
        Case(
            program: "step(token) { return tanh(token) }",
            expected: ["1:22 token is a token, not a number: take a row of a matrix with it, as in embedding[token]"]),
        Case(
            program: "step(token) { return e[3] + v[token] }", tensors: ["e": [5, 4], "v": [4]],
            expected: ["1:23 [ ]: the index must be a token, not 3", "1:30 [token]: a row is taken from a matrix; this is [4]"]),
        Case(
            program: "step(x: 4) { return column(column(column(column(x)))) }",
            expected: ["1:21 column has 5 axes, more than 4"]),
        Case(
            program: "step(x: 9000) { return outer(x, x) }",
            expected: ["1:24 outer has more than 67108864 elements: [9000, 9000]"]),
    ]

    @Test(arguments: cases) func sentence(_ test: Case) {
        #expect(!test.expected.isEmpty)
        #expect(Self.errors(test) == test.expected)
    }
}
