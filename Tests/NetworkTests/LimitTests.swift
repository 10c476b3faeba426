import Kernels
import Testing

@testable import Network

/// Programs from strangers: whatever they say, opening one ends, soon, without a trap.
@Suite struct LimitTests {
    private func message(_ program: String, tensors: [String: [Int]] = [:]) -> String {
        do {
            _ = try Network(
                program: program,
                tensors: tensors.mapValues { Tensor(shape: $0, values: [Float](repeating: 0.5, count: $0.reduce(1, *))) })
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test func cellsThatDoubleAreStopped() {
        var program = "cell f0(x) { return x + 1 }\n"
        for i in 1...40 { program += "cell f\(i)(x) { return f\(i - 1)(f\(i - 1)(x)) }\n" }
        #expect(message(program + "step(x: 4) { return f40(x) }").contains("expands to more than 100000 operations"))
    }

    @Test(.timeLimit(.minutes(1))) func emptyRepeatsInRepeatsAreStopped() {
        let open = (0..<40).map { "repeat a\($0) in g {\n" }.joined()
        let program = "step(x: 4) {\n" + open + "y = x\n" + String(repeating: "}\n", count: 40) + "return x\n}"
        let tensors = Dictionary(uniqueKeysWithValues: (0..<9).map { ("g.\($0)", [1]) })
        #expect(
            message(program.replacing("y = x\n", with: ""), tensors: tensors).contains("expands to more than 100000 operations"))
    }

    @Test func longChainsOfCellsAreStopped() {
        var program = "cell f0(x) { return x + 1 }\n"
        for i in 1...20_000 { program += "cell f\(i)(x) { return f\(i - 1)(x) }\n" }
        #expect(message(program + "step(x: 4) { return f20000(x) }").contains("cells call each other more than 64 deep"))
    }

    @Test func deepNestingIsStopped() {
        let deep = String(repeating: "(", count: 5000) + "x" + String(repeating: ")", count: 5000)
        #expect(message("step(x: 4) { return \(deep) }").contains("nested more than 64 deep"))
        #expect(message("step(x: 4) { return \(String(repeating: "-", count: 5000)) x }").contains("nested more than 64 deep"))
        let braces = String(repeating: "repeat a in g {", count: 5000)
        #expect(message("step(x: 4) { \(braces) return x }").contains("nested more than 64 deep"))
    }

    @Test func nestingThroughCellsIsStopped() {
        let (open, close) = (String(repeating: "tanh(", count: 30), String(repeating: ")", count: 30))
        var program = "cell f0(x) { return x }\n"
        for i in 1...60 { program += "cell f\(i)(x) { return \(open)f\(i - 1)(x)\(close) }\n" }
        #expect(message(program + "step(x: 4) { return f60(x) }").contains("nested more than 200 deep"))
    }

    @Test func longSourceIsStopped() {
        #expect(message(String(repeating: "#", count: (1 << 20) + 1)).contains("longer than 1048576 bytes"))
    }

    @Test func longChainsOfViewsAreFlat() throws {
        var program = "step(x: 4) {\n  y0 = x * 2\n"
        for i in 1...12_000 { program += "  y\(i) = flat(heads(y\(i - 1), 2))\n" }
        #expect(message(program + "  return y12000\n}") == "accepted")
    }

    @Test(.timeLimit(.minutes(1))) func longChainsOfSumsAreOneSum() {
        var program = "step(x: 4) {\n  y0 = tanh(x)\n"
        for i in 1...30_000 { program += "  y\(i) = y\(i - 1) + x\n" }
        #expect(message(program + "  return y30000\n}") == "accepted")
    }

    @Test(.timeLimit(.minutes(1))) func manyPartsOfLongSumsStayWhole() {
        let count = 1500
        let terms = (0..<count).map { "tanh(\($0).5 * x)" }.joined(separator: " + ")
        let names = (0..<count).map { "y\($0)" }
        let sums = names.map { "sum(\($0))" }.joined(separator: " + ")
        #expect(
            message("step(x: \(2 * count)) {\n  \(names.joined(separator: ", ")) = split(\(terms))\n  return \(sums)\n}")
                == "accepted")
    }

    /// Also on a small stack, and though every part of a part is read.
    @Test(.timeLimit(.minutes(1)), arguments: ["E[token]", "tanh(E[token]) + prev(y0)"])
    func longChainsOfPartsAreFollowedOnce(first: String) {
        let count = 12_000
        var program = "step(token) {\n  y0 = \(first)\n"
        for i in 1..<count { program += "  a\(i), y\(i) = split(y\(i - 1), 1, \(count - i))\n  b\(i) = tanh(a\(i))\n" }
        program += "  return y\(count - 1)" + (1..<count).map { " + b\($0)" }.joined() + "\n}"
        #expect(message(program, tensors: ["E": [2, count]]) == "accepted")
    }

    @Test(.timeLimit(.minutes(1))) func manyProductsOfOneVectorAreFoundOnce() {
        let count = 16_000
        var program = "step(x: 2) {\n  y0 = x\n"
        for i in 1...count { program += "  y\(i) = W\(i) @ x + tanh(y\(i - 1))\n" }
        let tensors = Dictionary(uniqueKeysWithValues: (1...count).map { ("W\($0)", [2, 2]) })
        #expect(message(program + "  return y\(count)\n}", tensors: tensors) == "accepted")
    }

    @Test func longChainsOfDelaysAreStopped() {
        var program = "step(x: 4) {\n  y0 = x * 2\n"
        for i in 1...3000 { program += "  y\(i) = prev(y\(i - 1))\n" }
        #expect(message(program + "  return y3000\n}").contains("delayed by more than 1024 steps: use window"))
    }

    @Test func largeValuesAndStatesAreStopped() {
        #expect(message("step(x: 4) { return window(x, 67108864) }").contains("more than 67108864 elements"))
        #expect(
            message("step(x: 67108864) {\n  a = x + prev(a)\n  b = a + prev(b)\n  c = b + prev(c)\n  return c\n}")
                .contains("more than the 134217728 allowed"))
    }

    @Test func aBatchOfLargeStatesIsStopped() throws {
        let network = try Network(
            program: "step(token) { return window(E[token], 512) }",
            tensors: ["E": Tensor(shape: [2, 1024], values: [Float](repeating: 0.5, count: 2048))])
        _ = try LanguageRunner(network, batch: 2)
        #expect(throws: NetworkError.tooMuchMemory(limit: 1 << 30)) { try LanguageRunner(network, batch: 1 << 12) }
    }

    @Test func shapesThatMultiplyWithoutEndAreStopped() {
        #expect(
            message("step(x: 4) {\n  h = flat(outer(prev(h, start: v), prev(h, start: v)))\n  return h\n}", tensors: ["v": [3]])
                .contains("grows at every step"))
    }

    @Test func stateThatOnlyDelaysItselfRuns() throws {
        let network = try Network(
            program:
                "step(x: 2) {\n  h = prev(h, start: v)\n  a = prev(b, start: u)\n  b = prev(a, start: w)\n  return h * x + a + b\n}",
            tensors: [
                "v": Tensor(shape: [2], values: [3, 4]), "u": Tensor(shape: [2], values: [1, 1]),
                "w": Tensor(shape: [2], values: [2, 2]),
            ])
        let results = try SequenceRunner(network).run([.init(vectors: ["x": [[1, 1], [10, 10], [100, 100]]])])
        #expect(results[0][.step]?.first?.values == [[6, 7], [33, 43], [303, 403]])
    }

    /// Random edits of real programs are either refused with a sentence or run.
    @Test func mutatedProgramsNeverTrap() throws {
        var random = SplitMix(seed: 99)
        for program in ProgramCase.all {
            let source = Array(try program.program.utf8)
            let tensors = program.randomTensors()
            for _ in 0..<40 {
                var bytes = source
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes.remove(at: place)
                    case 1: bytes[place] = bytes[Int.random(in: 0..<bytes.count, using: &random)]
                    case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: place)
                    default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
                    }
                }
                do {
                    let network = try Network(
                        program: String(decoding: bytes, as: UTF8.self), hyperparameters: program.hyperparameters,
                        tensors: tensors,
                        options: NetworkOptions(window: program.window, threads: 1))
                    if network.kind == .languageModel { _ = try LanguageRunner(network).feed([1, 2, 3]) }
                } catch let error as NotationErrors {
                    #expect(!error.errors.isEmpty)
                } catch is NetworkError {}
            }
        }
    }
}
