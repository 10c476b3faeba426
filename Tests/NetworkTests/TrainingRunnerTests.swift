import Kernels
import Testing

@testable import Network

/// Gradients by the plan, in single precision and over batches, against the derivative by the interpreter.
@Suite struct TrainingRunnerTests {
    static let trainable = ProgramCase.all.filter { program in
        (try? program.network()).map { ![.vectors, .features].contains($0.kind) } ?? false
    }

    @Test(arguments: trainable) func everyProgram(_ program: ProgramCase) throws {
        try GradientAgreement(
            label: program.name, program: program.program, hyperparameters: program.hyperparameters,
            tensors: program.randomTensors(),
            vocabulary: program.vocabulary, decoded: program.targetVocabulary
        ).check()
    }

    @Test func randomPrograms() throws {
        var checked = 0
        for seed in RandomProgramTests.seeds {
            let program = RandomProgram(seed: seed)
            guard
                let network = try? Network(
                    program: program.text, hyperparameters: program.hyperparameters, tensors: program.tensors),
                network.plan.vectorInputs.isEmpty, let vocabulary = network.vocabulary, vocabulary > 1,
                (try? TrainingGraph.loss(of: network.graph)) != nil
            else { continue }
            try GradientAgreement(
                label: "seed \(seed)", program: program.text, hyperparameters: program.hyperparameters, tensors: program.tensors,
                vocabulary: Agreement.vocabulary, decoded: Agreement.vocabulary
            ).check()
            checked += 1
        }
        #expect(checked > 50)
    }
}

/// What is named when numbers overflow.
@Suite struct NonFiniteTrainingTests {
    private func found(_ program: String, _ e: [Float], _ w: [Float]) throws -> NonFinite? {
        let tensors = ["E": Tensor(shape: [3, 2], values: e), "W": Tensor(shape: [3, 2], values: w)]
        let runner = try TrainingRunner(
            program: program, tensors: tensors, size: .init(batch: 2, steps: 4), threads: 2)
        let tokens = [[0, 1, 2, 1], [0, 0, 2, 2]]
        _ = try runner.learn(tokens.map { .init(tokens: $0, targets: $0, begins: true) })
        return runner.firstNonFinite
    }

    @Test func theValueThatOverflowsFirst() throws {
        let program = """
            step(token) {
              h = 2 * prev(h) + exp(E[token])
              y = tanh(h)
              return W @ (y / (h + 1))
            }
            """
        // The second token's exponential overflows: at the second step of the first sequence.
        let found = try #require(try found(program, [0, 0, 0, 100, 1, 1], [1, 2, 3, 4, 5, 6]))
        #expect(found.step == 1 && found.sequence == 0 && found.element == 1 && !found.isNaN)
        #expect(found.value.contains("h") || found.value.contains("exp"))
    }

    @Test func aDerivativeThatOverflows() throws {
        let program = """
            step(token) {
              root = sqrt(E[token])
              h = 0.5 * prev(h) + root
              return W @ h
            }
            """
        // The root of 0 has an infinite derivative.
        let found = try #require(try found(program, [1, 1, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6]))
        #expect(found.value.contains("gradient"))
    }

    @Test func nothingWhereAllIsFinite() throws {
        let program = "step(token) {\n  h = 0.5 * prev(h) + E[token]\n  return W @ h\n}"
        #expect(try found(program, [1, 1, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6]) == nil)
    }
}

/// One program, trained for a step or two.
struct GradientAgreement {
    var label: String
    var program: String
    var hyperparameters: [String: Double]
    var tensors: [String: Tensor]
    var vocabulary: Int
    /// Ids that `decode` reads.
    var decoded: Int

    private func runner(_ size: TrainingRunner.Size, threads: Int) throws -> TrainingRunner {
        try TrainingRunner(program: program, hyperparameters: hyperparameters, tensors: tensors, size: size, threads: threads)
    }

    func check() throws {
        let network = try Network(program: program, hyperparameters: hyperparameters, tensors: tensors)
        let batch = sequences(of: network, [4, 4, 1])
        let size = TrainingRunner.Size(batch: 3, steps: 4, sourceSteps: 5)
        let single = try runner(size, threads: 1)
        let loss = try single.learn(batch)
        let tolerance = 5e-5
        let expected = try derivative(network, batch)
        #expect(abs(loss - expected.loss) <= tolerance * max(1, expected.loss), "\(label): loss \(loss), \(expected.loss)")
        for parameter in single.parameters {
            let gradient = expected.gradients[parameter.name] ?? [Double](repeating: 0, count: parameter.gradient.count)
            let largest = gradient.reduce(0.1) { max($0, abs($1)) }
            let error = zip(parameter.gradient, gradient).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
            #expect(
                error <= tolerance * largest,
                "\(label): \(parameter.name) \(Array(parameter.gradient.prefix(4))) \(gradient.prefix(4)) \(program)")
        }
        #expect(abs(try single.evaluate(batch) - expected.loss) <= tolerance * max(1, expected.loss), "\(label): evaluated")
        let threaded = try runner(size, threads: 2)
        #expect(try threaded.learn(batch) == loss)
        for (a, b) in zip(single.parameters, threaded.parameters) {
            #expect(zip(a.gradient, b.gradient).allSatisfy { $0.bitPattern == $1.bitPattern }, "\(label): \(a.name), 2 threads")
        }
    }

    private func sequences(of network: Network, _ lengths: [Int]) -> [TrainingRunner.Sequence] {
        var random = SplitMix(seed: 31)
        func tokens(_ count: Int, _ limit: Int) -> [Int] { (0..<count).map { _ in Int(random.next() % UInt64(limit)) } }
        let results = network.graph.results
        let targets = network.vocabulary ?? 1
        return lengths.map { length in
            var sequence = TrainingRunner.Sequence(tokens: [], targets: [], begins: true)
            if results[.encode] != nil { sequence.source = tokens(length + 1, vocabulary) }
            if results[.answer] != nil {
                sequence.targets = tokens(1, targets)
            } else {
                sequence.tokens = tokens(length, results[.encode] == nil ? vocabulary : decoded)
                sequence.targets = tokens(length, targets)
                if length > 2 { sequence.targets[1] = -1 }
            }
            return sequence
        }
    }

    private func derivative(
        _ network: Network, _ batch: [TrainingRunner.Sequence]
    ) throws -> (loss: Double, gradients: [String: [Double]]) {
        let graph = try TrainingGraph.gradients(of: network.graph, by: { _ in true }, tokenLimit: 0)
        let tensors = network.tensors.mapValues { Interpreter.Value($0.shape, floats: $0.floats()) }
        let count = batch.reduce(0) { $0 + $1.targets.count { $0 >= 0 } }
        var loss = 0.0
        var gradients: [String: [Double]] = [:]
        for sequence in batch {
            var run = Interpreter(graph: graph, tensors: tensors)
            if !sequence.source.isEmpty { run.tokens[.encode] = sequence.source }
            if !sequence.tokens.isEmpty { run.tokens[graph.generating] = sequence.tokens }
            run.targets = sequence.targets
            run.lossScale = 1 / Double(count)
            for result in graph.results[graph.generating] ?? [] {
                let value = run.value(of: result.node, at: 0).elements
                if result.name == "loss" {
                    loss += value[0]
                } else {
                    let name = String(result.name.dropFirst())
                    let sum = gradients[name] ?? value.map { _ in 0 }
                    gradients[name] = zip(sum, value).map { $0 + $1 }
                }
            }
        }
        return (loss, gradients)
    }
}
