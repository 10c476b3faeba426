import Archive
import Foundation
import Kernels
import Testing
import Zoo

@testable import Training

@Suite struct CheckpointTests {
    private let folder: TemporaryFolder
    private var path: String { folder.file("c.rnnz") }

    init() throws { folder = try TemporaryFolder() }

    private func small(_ rule: OptimizerOptions.Rule = .adam) -> SmallTraining {
        var small = SmallTraining(rule: rule)
        small.output = TrainerOutput(model: folder.file("m.rnnz"), checkpoint: path)
        return small
    }

    /// Stopped at a step by the caller, as Ctrl-C does.
    private func interrupted(_ small: SmallTraining, after steps: Int) throws -> TrainingResult {
        let trainer = try small.trainer(small.learner())
        return try trainer.run(isCancelled: { trainer.record.step == steps })
    }

    @Test(arguments: OptimizerOptions.Rule.allCases, [1, 10, 23])
    func goesOnToTheSameBits(_ rule: OptimizerOptions.Rule, _ stop: Int) throws {
        let small = small(rule)
        let whole = small.learner()
        let wholeTrainer = try small.trainer(whole)
        _ = try wholeTrainer.run()
        let unbroken = try Checkpoint(path: path)
        let model = try Data(contentsOf: URL(fileURLWithPath: folder.file("m.rnnz")))
        try FileManager.default.removeItem(atPath: folder.file("m.rnnz"))

        #expect(try interrupted(small, after: stop).reason == .cancelled)
        let learner = small.learner()
        let trainer = try small.trainer(learner)
        try trainer.resume(from: try Checkpoint(path: path), path: path)
        var steps: [Int] = []
        let result = try trainer.run(event: { if case .step(let step) = $0 { steps.append(step.step) } })
        #expect(steps == Array((stop + 1)...40))
        #expect(result.best == unbroken.record.best)
        #expect(learner.bits == whole.bits && learner.carriedState == whole.carriedState)
        #expect(trainer.record == wholeTrainer.record)
        let resumed = try Checkpoint(path: path)
        #expect(resumed.record == unbroken.record && resumed.carriedState == unbroken.carriedState)
        #expect(resumed.optimizerState.mapValues { $0.floats() } == unbroken.optimizerState.mapValues { $0.floats() })
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("m.rnnz"))) == model)
    }

    /// An evaluation that was broken off is made when the run goes on.
    @Test func evaluationsCanBeBrokenOff() throws {
        let small = small()
        let whole = try small.trainer(small.learner())
        _ = try whole.run()
        let first = try small.trainer(small.learner())
        var asked = 0
        // Asked once a step, and before each batch of an evaluation: in the middle of the second.
        let result = try first.run(isCancelled: {
            asked += first.record.step == 20 ? 1 : 0
            return asked == 3
        })
        #expect(result.reason == .cancelled && first.record.evaluatedStep == 10)
        let second = try small.trainer(small.learner())
        try second.resume(from: try Checkpoint(path: path), path: path)
        _ = try second.run()
        #expect(second.record == whole.record)
    }

    @Test func aRunMayBeMadeLonger() throws {
        var small = small()
        small.options.schedule = Schedule()
        _ = try small.trainer(small.learner()).run()
        small.options.steps = 45
        let trainer = try small.trainer(small.learner())
        try trainer.resume(from: try Checkpoint(path: path), path: path)
        #expect(try trainer.run().step == 45)
    }

    @Test func timeCountsOn() throws {
        var small = small()
        (small.options.steps, small.options.seconds, small.options.schedule) = (nil, 100, Schedule())
        var time = 0.0
        func tick() -> Double {
            time += 1
            return time
        }
        let first = try small.trainer(small.learner(), clock: tick)
        _ = try first.run(isCancelled: { first.record.seconds > 60 })
        time = 50_000
        let second = try small.trainer(small.learner(), clock: tick)
        try second.resume(from: try Checkpoint(path: path), path: path)
        let before = time
        let result = try second.run()
        #expect(result.reason == .time && time - before < 60)
    }

    /// The best model stays when later ones are worse.
    @Test func theBestIsKept() throws {
        var small = small()
        small.options.optimizer.learningRate = 0
        let learner = small.learner()
        let trainer = try small.trainer(learner)
        var saved: [TrainingEvent.Saved] = []
        _ = try trainer.run(event: { if case .saved(let file) = $0 { saved.append(file) } })
        #expect(saved.filter { $0.kind == .model }.map(\.step) == [10])
        #expect(saved.filter { $0.kind == .checkpoint }.map(\.step) == [40])
        small.hasValidation = false
        small.output.model = folder.file("last.rnnz")
        saved = []
        _ = try small.trainer(small.learner()).run(event: { if case .saved(let file) = $0 { saved.append(file) } })
        #expect(saved.filter { $0.kind == .model }.map(\.step) == [40])
    }

    // MARK: An archive like any other

    /// The model's file may be where nothing can be written any more, when the training's is not.
    @Test func aModelThatCannotBeWrittenCostsNoStep() throws {
        var small = small()
        let whole = small.learner()
        try small.trainer(whole).run()
        small.output.model = folder.file("nowhere/m.rnnz")
        #expect(throws: TrainingError.self) { try small.trainer(small.learner()).run() }
        let checkpoint = try Checkpoint(path: path)
        #expect(checkpoint.record.step == 10 && checkpoint.record.evaluatedStep == nil && checkpoint.record.best == nil)
        small.output.model = folder.file("m.rnnz")
        let learner = small.learner()
        let trainer = try small.trainer(learner)
        try trainer.resume(from: checkpoint, path: path)
        try trainer.run()
        #expect(learner.bits == whole.bits)
    }

    @Test func aCheckpointIsAModel() throws {
        var small = small()
        small.program = "step(token) { return out.weight @ h + out.bias }\n"
        small.program = """
            cell elman(x) {
              h = tanh(rnn.weight_ih_l0 @ x + rnn.bias_ih_l0 + rnn.weight_hh_l0 @ prev(h) + rnn.bias_hh_l0)
              return h
            }
            step(token) { return out.weight @ elman(emb.weight[token]) + out.bias }

            """
        let learner = small.learner()
        _ = try small.trainer(learner).run()
        let model = try Model.load(path: path)
        #expect(model.warnings.isEmpty)
        #expect(model.header.training == nil)
        #expect(model.network?.parameterCount == learner.parameters.reduce(0) { $0 + $1.values.count })
        #expect(try verify(path: path).passed)
        // It is larger on the disk than the model alone, which has nothing of the training.
        let archive = try ArchiveReader(path: folder.file("m.rnnz"))
        #expect(archive.header.training == nil && archive.header.tensors.count == learner.parameters.count)
        #expect(try ArchiveReader(path: path).header.tensors.contains { $0.name == "training/optimizer/first_moment/emb.weight" })
    }

    // MARK: What is not a checkpoint of this training

    private func refusal(_ change: (inout SmallTraining) -> Void) throws -> CheckpointDifference? {
        var small = small()
        if !FileManager.default.fileExists(atPath: path) { _ = try interrupted(small, after: 12) }
        change(&small)
        let learner = small.learner()
        let trainer = try small.trainer(learner)
        let (bits, record) = (learner.bits, trainer.record)
        let checkpoint = try Checkpoint(path: path)
        do throws(TrainingError) {
            try trainer.resume(from: checkpoint, path: path)
            return nil
        } catch {
            #expect(learner.bits == bits && trainer.record == record)
            guard case .checkpointMismatch(path, let difference) = error else { throw error }
            return difference
        }
    }

    @Test func otherTrainingsAreTold() throws {
        #expect(try refusal { _ in } == nil)
        #expect(try refusal { $0.program += " " } == .program)
        #expect(try refusal { $0.program = "# of some size\n" + $0.program } == nil)
        #expect(
            try refusal { $0.hidden = 6 } == .parameterShape(name: "rnn.weight_ih_l0", checkpoint: [4, 3], network: [6, 3]))
        #expect(try refusal { $0.batch = 3 } == .setting(name: "batch", checkpoint: "2", run: "3"))
        #expect(try refusal { $0.window = 6 } == .setting(name: "window", checkpoint: "5", run: "6"))
        #expect(
            try refusal { $0.options.optimizer = OptimizerOptions(.adamw) }
                == .setting(name: "optimizer", checkpoint: "adam", run: "adamw"))
    }

    @Test func anotherCorpusIsTold() throws {
        let small = small()
        _ = try interrupted(small, after: 3)
        var ids = small.text.ids
        ids[100] = (ids[100] + 1) % 5
        let batches = try StreamBatches(
            TokenStream(ids: ids, characters: ids.count), batchSize: 2, window: 5, path: "text")
        var header = ArchiveHeader(name: "small")
        header.program = small.program
        let trainer = try Trainer(
            learner: small.learner(), batches: batches, outline: ModelOutline(header: header), options: small.options,
            clock: { 0 })
        #expect(throws: TrainingError.checkpointMismatch(path: path, .corpus)) {
            try trainer.resume(from: try Checkpoint(path: path), path: path)
        }
    }

    @Test func modelsAndOtherFilesAreNoCheckpoints() throws {
        let small = small()
        _ = try small.trainer(small.learner()).run()
        #expect(throws: TrainingError.notACheckpoint(path: folder.file("m.rnnz"))) { try Checkpoint(path: folder.file("m.rnnz")) }
        let text = try folder.write("hello", to: "hello")
        #expect(throws: TrainingError.checkpoint(path: text, .notAnArchive(looksLike: nil))) { try Checkpoint(path: text) }
    }

    /// Whatever byte is damaged, it is an error and no trap.
    @Test func damageIsFound() throws {
        _ = try interrupted(small(), after: 12)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let damaged = folder.file("damaged.rnnz")
        for place in stride(from: 0, to: bytes.count, by: 37) {
            var other = bytes
            other[place] ^= 0x10
            try Data(other).write(to: URL(fileURLWithPath: damaged))
            #expect(throws: TrainingError.self) { try Checkpoint(path: damaged) }
        }
        try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: damaged))
        #expect(throws: TrainingError.self) { try Checkpoint(path: damaged) }
    }

    /// A record that says something else than it should, in an archive that is whole.
    @Test(arguments: [
        "version", "step", "targets", "clipped_steps", "seconds", "generator", "position", "optimizer", "divergence", "batch",
        "window", "corpus", "evaluations_without_improvement", "evaluated_step", "best", "carried",
    ]) func recordsAreChecked(_ key: String) throws {
        let small = small()
        _ = try interrupted(small, after: 12)
        let reader = try ArchiveReader(path: path)
        let tensors = try reader.tensors()
        for value in [.string("x"), .number(-1), .number(0.5), .array([.string("x")]), .object([:])] as [JSONValue] {
            var header = reader.header
            var record = try #require(header.training?.object)
            record[key] = value
            if key == "seconds", value.number != nil { continue }
            header.training = .object(record)
            try ArchiveWriter().write(header, tensors: tensors, to: folder.file("other.rnnz"))
            #expect(throws: TrainingError.self, "\(key) \(value)") {
                let checkpoint = try Checkpoint(path: folder.file("other.rnnz"))
                try small.trainer(small.learner()).resume(from: checkpoint, path: "other")
            }
        }
    }

    @Test func optimizerMemoryThatIsMissingIsNamed() throws {
        let small = small()
        _ = try interrupted(small, after: 3)
        var checkpoint = try Checkpoint(path: path)
        checkpoint.optimizerState["second_moment/out.bias"] = nil
        checkpoint.optimizerState["first_moment/out.bias"] = Tensor(shape: [1], values: [0])
        #expect {
            try small.trainer(small.learner()).resume(from: checkpoint, path: path)
        } throws: { error in
            "\(error)".contains("first_moment/out.bias, second_moment/out.bias")
        }
    }

    @Test func aFileThatCannotBeWrittenIsOneSentence() throws {
        var small = small()
        try FileManager.default.createDirectory(atPath: folder.file("taken.rnnz"), withIntermediateDirectories: true)
        small.output.checkpoint = folder.file("taken.rnnz")
        #expect {
            _ = try small.trainer(small.learner()).run()
        } throws: { error in
            guard case .checkpoint(_, .destinationIsNoFile)? = error as? TrainingError else { return false }
            return !"\(error)".contains("\n")
        }
        #expect(try folder.names.allSatisfy { !$0.hasSuffix(".tmp") })
    }
}
