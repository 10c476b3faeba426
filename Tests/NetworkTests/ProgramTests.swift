import Foundation
import Kernels
import Testing

@testable import Network

/// Every shipped program, planned against the interpreter, and every way of running it against every other.
@Suite struct ProgramTests {
    @Test func everyProgramHasACase() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: ProgramCase.root.appending(path: "zoo/programs").path)
            .filter { $0.hasSuffix(".rnn") }.map { String($0.dropLast(4)) }
        #expect(Set(files) == Set(ProgramCase.all.map(\.name)))
    }

    @Test(arguments: ProgramCase.all) func planMeetsInterpreter(_ program: ProgramCase) throws {
        let network = try program.network()
        let input = try program.inputs([9])[0]
        let results = try SequenceRunner(network).run([input])[0]
        #expect(!results.isEmpty)
        for (entry, outputs) in results {
            var interpreter = try network.interpreter(for: input)
            for (output, root) in zip(outputs, network.graph.results[entry] ?? []) {
                #expect(!output.values.isEmpty)
                var largest = 0.0
                var error = 0.0
                for (step, values) in output.values.enumerated() {
                    let expected = interpreter.value(of: root.node, at: step).expanded(to: output.shape).elements
                    #expect(expected.count == values.count)
                    for (a, b) in zip(expected, values) {
                        largest = max(largest, abs(a))
                        error = max(error, abs(a - Double(b)))
                        #expect(b.isFinite)
                    }
                }
                #expect(error <= 1e-5 * largest, "\(entry).\(output.name): error \(error), largest value \(largest)")
            }
        }
    }

    @Test(arguments: ProgramCase.all) func steppedIsWhole(_ program: ProgramCase) throws {
        let network = try program.network()
        let input = try program.inputs([13])
        let whole = try SequenceRunner(network).run(input)
        for chunk in [1, 2, 5] { #expect(try SequenceRunner(network, chunk: chunk).run(input) == whole, "chunks of \(chunk)") }
    }

    @Test(arguments: ProgramCase.all) func batchedIsSingle(_ program: ProgramCase) throws {
        let network = try program.network()
        let inputs = try program.inputs(program.window == nil ? [5, 9, 1, 12, 3, 12, 7] : [6, 6, 6, 6, 6, 6, 6])
        let single = try inputs.flatMap { try SequenceRunner(network).run([$0]) }
        for chunk in [1, 4, 64] {
            let batched = try SequenceRunner(network, chunk: chunk).run(inputs)
            for index in inputs.indices { #expect(batched[index] == single[index], "sequence \(index), chunks of \(chunk)") }
        }
    }

    @Test(arguments: ProgramCase.all) func threadsDoNotMatter(_ program: ProgramCase) throws {
        let inputs = try program.inputs(program.window == nil ? [9, 4, 7] : [6, 6, 6])
        let one = try SequenceRunner(program.network(threads: 1)).run(inputs)
        for threads in [2, 3] { #expect(try SequenceRunner(program.network(threads: threads)).run(inputs) == one) }
    }

    @Test(arguments: ProgramCase.all) func stateCarriesEverything(_ program: ProgramCase) throws {
        let network = try program.network()
        switch network.kind {
        case .languageModel, .window: break
        default: return
        }
        let tokens = try (program.window == nil ? program.inputs([14])[0].tokens : program.inputs([14])[0].source)
        let straight = try LanguageRunner(network)
        var expected: [[Float]] = []
        try straight.feed(tokens) { _, logits in expected.append(Array(logits)) }
        #expect(expected.count == tokens.count)

        // Step by step, moving to another runner and another place in its batch at every step.
        var state = network.initialState
        for (index, token) in tokens.enumerated() {
            let runner = try LanguageRunner(network, batch: 3)
            try runner.setState(state, of: index % 3)
            let logits = try runner.step([Int](repeating: token, count: 3)) { Array($0) }
            let size = expected[index].count
            #expect(Array(logits[index % 3 * size..<(index % 3 + 1) * size]) == expected[index])
            state = runner.state(of: index % 3)
        }
        #expect(state == straight.state())
        let data = try JSONEncoder().encode(state)
        #expect(try JSONDecoder().decode(State.self, from: data) == state)
    }
}

extension Network {
    func interpreter(for input: SequenceRunner.Input) throws -> Interpreter {
        var interpreter = Interpreter(
            graph: graph, tensors: tensors.mapValues { Interpreter.Value($0.shape, floats: $0.floats()) })
        if !input.source.isEmpty { interpreter.tokens[.encode] = input.source }
        if !input.tokens.isEmpty { interpreter.tokens[graph.generating] = input.tokens }
        interpreter.vectors = input.vectors.mapValues { $0.map { $0.map(Double.init) } }
        return interpreter
    }
}
