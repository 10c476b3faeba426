import Generation
import Kernels
import Network
import Zoo

extension Benchmark {
    /// Times steps of training: a batch of random tokens, forward and backward, clipping at a norm of 5, Adam.
    ///
    /// - Parameters:
    ///   - model: its tensors are learned as f32.
    ///   - threads: nil: one for each core.
    ///   - secondsNow: a clock that only moves forward.
    ///   - isInterrupted: asked once a step of training.
    /// - Throws: `GenerationError.noNetwork`, `.interrupted`, and what `NetworkLearner` throws for what cannot be trained.
    public static func training(
        _ model: Model, _ options: BenchmarkOptions, threads: Int? = nil, secondsNow: () -> Double,
        isInterrupted: () -> Bool = { false }
    ) throws -> Benchmark {
        guard let network = model.network, let program = model.header.program else {
            throw GenerationError.noNetwork(model: model.header.name)
        }
        let team = threads.map { ThreadTeam(count: $0) } ?? .shared
        let (sequences, unit) = (options.work.sequences, options.work.unit)
        let learner = try NetworkLearner(
            program: program, hyperparameters: model.header.hyperparameters, tensors: network.tensors,
            size: TrainingRunner.Size(batch: sequences, steps: unit), threads: team.count)
        var optimizerOptions = OptimizerOptions(.adam)
        optimizerOptions.learningRate = 1e-3
        let optimizer = try Optimizer(optimizerOptions, parameters: learner.parameters, team: team)
        let clipping = Clipping(norm: 5)
        var generator = RandomGenerator(seed: 0)
        let range = 0..<min(network.inputVocabulary ?? 1, network.vocabulary ?? 1)
        let tokens = (0..<sequences).map { _ in (0...unit).map { _ in Int.random(in: range, using: &generator) } }
        return try Benchmark.time(options, elementType: .f32, threads: team.count, secondsNow: secondsNow) { steps in
            for begin in stride(from: 0, to: steps, by: unit) {
                if isInterrupted() { throw GenerationError.interrupted }
                let count = min(unit, steps - begin)
                let batch = Batch(
                    inputs: tokens.map { Array($0.prefix(count)) }, targets: tokens.map { Array($0[1...count]) },
                    begins: tokens.map { _ in true })
                _ = try learner.learn(batch, dropoutSeed: nil)
                let summary = GradientSummary(of: learner.parameters, team: team)
                optimizer.step(
                    learningRate: optimizerOptions.learningRate, scale: clipping.scale(for: summary), limit: clipping.limit)
                learner.parametersChanged()
            }
        }
    }
}
