import Archive
import Foundation
import Testing

@testable import Training

/// A small training that is the same each time it is made.
struct SmallTraining {
    let text: TokenStream
    var options: TrainerOptions
    var output = TrainerOutput()
    var batch = 2
    var window = 5
    var hidden = 4
    var hasValidation = true
    var program = "step(token) { return table[token] }"
    var seed: UInt64 = 1

    init(rule: OptimizerOptions.Rule = .adam) {
        let ids = (0..<203).map { (i: Int32) -> Int32 in (i * i / 3 + i) % 5 }
        text = TokenStream(ids: ids, characters: ids.count)
        var optimizer = OptimizerOptions(rule)
        optimizer.learningRate = 0.02
        if rule == .sgd { optimizer.momentum = 0.5 }
        options = TrainerOptions(optimizer: optimizer, seed: 7)
        options.schedule = Schedule(.cosine, warmUp: 3)
        options.clipping = Clipping(norm: 0.5)
        options.steps = 40
        options.evaluateEvery = 10
        options.progressEvery = 5
    }

    func learner() -> HandLearner {
        HandLearner(vocabulary: 5, size: 3, hidden: hidden, layers: 1, batch: batch, seed: seed)
    }

    func trainer(_ learner: any Learner, clock: @escaping () -> Double = { 0 }) throws -> Trainer {
        let batches = try StreamBatches(text, batchSize: batch, window: window, path: "text")
        let validation = TokenStream(ids: Array(text.ids[20..<61]), characters: 41)
        var header = ArchiveHeader(name: "small")
        header.program = program
        return try Trainer(
            learner: learner, batches: batches,
            validation: hasValidation ? StreamEvaluation(validation, batchSize: batch, window: window) : nil,
            outline: ModelOutline(header: header), options: options, output: output, clock: clock)
    }
}

extension Learner {
    var bits: [UInt32] { parameters.flatMap { $0.values.map(\.bitPattern) } }
}

@Suite struct TrainerTests {
    private static func run(
        _ small: SmallTraining, _ learner: HandLearner, clock: @escaping () -> Double = { 0 }, isCancelled: () -> Bool = { false }
    ) throws -> (result: TrainingResult, events: [TrainingEvent], trainer: Trainer) {
        let trainer = try small.trainer(learner, clock: clock)
        var events: [TrainingEvent] = []
        let result = try trainer.run(isCancelled: isCancelled, event: { events.append($0) })
        return (result, events, trainer)
    }

    @Test func learns() throws {
        var small = SmallTraining()
        small.options.steps = 300
        let (result, events, _) = try Self.run(small, small.learner())
        let losses = events.compactMap { if case .evaluated(let e) = $0 { e.loss } else { nil } }
        #expect(result.reason == .steps && result.step == 300)
        #expect(losses.count == 30 && (losses.last ?? 9) < losses[0] * 0.7)
        #expect(result.best?.natsPerToken == losses.min())
    }

    @Test func theSameSeedGivesTheSameBits() throws {
        func bits(_ change: (inout SmallTraining) -> Void) throws -> [UInt32] {
            var small = SmallTraining()
            change(&small)
            let learner = small.learner()
            _ = try Self.run(small, learner)
            return learner.bits
        }
        let bits1 = try bits { _ in }
        #expect(try bits { _ in } == bits1)
        #expect(try bits { $0.options.seed = 8 } != bits1)
        // Looks aside change nothing.
        #expect(try bits { $0.options.evaluateEvery = 3 } == bits1)
        #expect(try bits { $0.hasValidation = false } == bits1)
    }

    @Test func eventsTellWhatHappens() throws {
        var small = SmallTraining()
        small.options.steps = 20
        var time = 0.0
        // Each look at the clock takes a quarter of a second.
        let (result, events, trainer) = try Self.run(
            small, small.learner(),
            clock: {
                time += 0.25
                return time
            })
        guard case .began(let start) = events[0] else { return #expect(Bool(false), "\(events[0])") }
        #expect(start == .init(step: 0, length: 20, stepsPerEpoch: 20, parameterCount: 5 * 3 + 12 + 16 + 8 + 20 + 5))
        let steps = events.compactMap { if case .step(let step) = $0 { step } else { nil } }
        #expect(steps.map(\.step) == Array(1...20))
        #expect(steps.allSatisfy { $0.isClipped == ($0.gradientNorm > 0.5 - 1e-6) })
        #expect(steps[0].learningRate == 0.02 / 3)
        let progress = events.compactMap { if case .progress(let progress) = $0 { progress } else { nil } }
        #expect(progress.map(\.step) == [5, 10, 15, 20])
        for (i, report) in progress.enumerated() {
            let part = steps[(5 * i)..<(5 * i + 5)]
            #expect(abs(report.loss - part.reduce(0) { $0 + $1.loss } / 5) < 1e-12)
            #expect(abs(report.gradientNorm - part.reduce(0) { $0 + $1.gradientNorm } / 5) < 1e-12)
            #expect(report.clippedShare == Double(part.count { $0.isClipped }) / 5)
            #expect(abs(report.bitsPerCharacter - report.loss / log(2)) < 1e-12)
            #expect(report.tokensPerSecond == 10 / 0.25)  // 2 sequences of 5 tokens
            #expect(report.secondsLeft == Double(20 - report.step) * 0.25)
            #expect(report.epoch == Double(report.step) / 20)
            #expect(report.learningRate == part.last?.learningRate)
        }
        #expect(trainer.record.targets == 200 && trainer.record.clippedSteps == steps.count { $0.isClipped })
        #expect(result.seconds > 10)
    }

    @Test func bitsPerCharacterKnowHowLongTokensAre() {
        #expect(abs(bitsPerCharacter(nats: log(8), tokensPerCharacter: 0.5) - 1.5) < 1e-12)
    }

    @Test func endsByEpochsOrTimeOrPatience() throws {
        var small = SmallTraining()
        (small.options.steps, small.options.epochs) = (nil, 1.5)
        var result = try Self.run(small, small.learner()).result
        #expect(result.reason == .epochs && result.step == 30)

        small.options.epochs = nil
        small.options.schedule = Schedule()
        small.options.seconds = 60
        var time = 0.0
        result = try Self.run(
            small, small.learner(),
            clock: {
                time += 1
                return time
            }
        ).result
        #expect(result.reason == .time && result.seconds >= 60 && result.seconds < 70)

        small.options.seconds = nil
        small.options.patience = 3
        small.options.optimizer.learningRate = 0  // nothing gets better than the first
        result = try Self.run(small, small.learner()).result
        #expect(result.reason == .patience && result.step == 40 && result.best?.step == 10)
    }

    @Test func dropoutIsDrawnAnewAtEachStep() throws {
        let small = SmallTraining()
        let learner = small.learner()
        _ = try Self.run(small, learner)
        #expect(Set(learner.seeds.compactMap { $0 }).count == 40)
        #expect(learner.changes == 40)
    }

    @Test func aLossThatIsNoNumberStopsTheRun() throws {
        var small = SmallTraining()
        let folder = try TemporaryFolder()
        small.output.checkpoint = folder.file("c.rnnz")
        small.options.checkpointEvery = 4
        let learner = small.learner()
        learner.spoil = { call, loss, _ in if call == 7 { loss = .nan } }
        #expect { try Self.run(small, learner) } throws: { error in
            guard case .lossNotFinite(7, nil, nil, let rate)? = error as? TrainingError else { return false }
            return rate > 0 && "\(error)".hasPrefix("the loss of step 7 is not a number though all parameters are")
        }
        // What was saved before is there and good.
        #expect(try Checkpoint(path: folder.file("c.rnnz")).record.step == 4)

        let other = small.learner()
        other.spoil = { call, loss, parameters in
            if call == 3 { (parameters[2].values[1], loss) = (.infinity, .infinity) }
        }
        #expect { try Self.run(small, other) } throws: { error in
            guard case .lossNotFinite(3, "rnn.weight_hh_l0", _, _)? = error as? TrainingError else { return false }
            return true
        }
    }

    @Test func aGradientThatIsNoNumberIsNamed() throws {
        let small = SmallTraining()
        let learner = small.learner()
        learner.spoil = { call, _, parameters in if call == 5 { parameters[3].gradient[2] = .infinity } }
        var bits: [UInt32] = []
        #expect {
            let trainer = try small.trainer(learner)
            try trainer.run(event: { if case .step(let step) = $0, step.step == 4 { bits = learner.bits } })
        } throws: { error in
            guard case .gradientNotFinite(5, "rnn.bias_ih_l0", _, _)? = error as? TrainingError else { return false }
            return true
        }
        // The step was not taken.
        #expect(learner.bits == bits)
    }

    @Test func parametersThatAreNoNumbersAreNotSaved() throws {
        var small = SmallTraining()
        let folder = try TemporaryFolder()
        small.output.checkpoint = folder.file("c.rnnz")
        small.options.checkpointEvery = 1
        small.hasValidation = false
        let learner = small.learner()
        learner.spoil = { call, _, parameters in if call == 3 { parameters[1].values[0] = .nan } }
        #expect(throws: TrainingError.parameterNotFinite(name: "rnn.weight_ih_l0", step: 3)) { try Self.run(small, learner) }
        #expect(try Checkpoint(path: folder.file("c.rnnz")).record.step == 2)
    }

    @Test func divergenceIsSaidBeforeItIsNaN() throws {
        var small = SmallTraining()
        small.options.steps = 600
        let learner = small.learner()
        // Falls to 1, then climbs.
        learner.spoil = { call, loss, _ in loss = call < 200 ? 1 : 1 + Double(call - 200) / 50 }
        let events = try Self.run(small, learner).events
        let found = events.compactMap {
            if case .diverging(let step, let mean, let lowest) = $0 { (step, mean, lowest) } else { nil }
        }
        #expect(found.count == 1)
        #expect((300...450).contains(found[0].0) && found[0].1 > 1.5 && abs(found[0].2 - 1) < 1e-9)

        let steady = small.learner()
        // A hard passage is none.
        steady.spoil = { call, loss, _ in loss = (200..<260).contains(call) ? 2 : 1 }
        #expect(!(try Self.run(small, steady).events.contains { if case .diverging = $0 { true } else { false } }))
    }

    @Test func optionsThatDoNotGoTogetherAreRefused() throws {
        func error(_ change: (inout SmallTraining) -> Void) -> TrainingError? {
            var small = SmallTraining()
            change(&small)
            do { _ = try small.trainer(small.learner()) } catch { return error as? TrainingError }
            return nil
        }
        #expect(error { _ in } == nil)
        #expect(error { $0.options.steps = nil } == .runWithoutEnd)
        #expect(error { $0.options.steps = 0 } == .option(name: "steps", value: "0", expected: "a whole number, at least 1"))
        #expect(error { $0.options.evaluateEvery = 0 } != nil)
        #expect(error { $0.options.epochs = .nan } != nil)
        for change in [{ $0.hasValidation = false }, { $0.options.evaluateEvery = nil }] as [(inout SmallTraining) -> Void] {
            let found = error {
                $0.options.patience = 2
                change(&$0)
            }
            guard case .optionConflict("patience", _)? = found else {
                return #expect(Bool(false), "\(String(describing: found))")
            }
        }
        guard case .optionConflict("schedule", _)? = error({ ($0.options.steps, $0.options.seconds) = (nil, 5) }) else {
            return #expect(Bool(false), "a schedule without an end")
        }
    }
}
