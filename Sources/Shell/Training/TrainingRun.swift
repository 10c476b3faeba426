import Archive
import Conversion
import Generation
import Kernels
import Network
import Training
import Zoo

/// One `train`: a recipe made ready, the trainer with its files, and who watches it.
struct TrainingRun {
    private let command: TrainCommand
    private let shell: Shell
    private let recipe: Recipe
    /// Where to go on from; nil: from the beginning.
    private let checkpoint: Checkpoint?

    /// Seconds between checkpoints where the recipe says nothing of steps: what a power cut may take.
    private static let checkpointInterval = 300.0
    /// Seconds after which progress is told though few steps were taken.
    private static let progressInterval = 2.0

    init(_ command: TrainCommand, in shell: Shell) throws {
        self.command = command
        self.shell = shell
        var recipe = try command.overridden(try command.recipePath(in: shell).map { try Recipe(path: $0) } ?? Recipe())
        var checkpoint: Checkpoint?
        if command.resume {
            guard let path = recipe.checkpointPath ?? Self.defaultOutput(of: recipe).checkpointPath else {
                throw Failure.usage("--resume needs a RECIPE, --out FILE or --checkpoint FILE")
            }
            guard Files.exists(path) else {
                throw Failure(.notFound, "\(path): there is no checkpoint to go on from; without --resume a training begins")
            }
            let found = try Checkpoint(path: path)
            let kept = try found.record.recipe.map { try Recipe(text: $0, path: path) } ?? Recipe()
            if command.recipe == nil, recipe.corpus == nil { recipe = try command.overridden(kept) }
            recipe.seed = recipe.seed ?? kept.seed
            // What goes on stays in its file.
            if Self.defaultOutput(of: recipe).checkpointPath != path { recipe.checkpoint = path }
            checkpoint = found
        }
        guard recipe.corpus != nil else {
            throw Failure.usage(
                "there is no text to learn from; train takes a RECIPE, --corpus FILE, or --init MODEL --data FILE")
        }
        if let start = recipe.start, !Files.exists(start) { recipe.start = try shell.zoo.path(of: start) }
        recipe = Self.defaultOutput(of: recipe)
        recipe.threads = recipe.threads ?? shell.settings.threads
        // Shown, and kept in the checkpoint.
        recipe.seed = recipe.seed ?? shell.settings.seed ?? shell.host.randomSeed()
        self.recipe = recipe
        self.checkpoint = checkpoint
    }

    /// Named as the model, else as the corpus, in the folder that one is in.
    private static func defaultOutput(of recipe: Recipe) -> Recipe {
        guard recipe.output == nil else { return recipe }
        var recipe = recipe
        let file = recipe.corpus?.split(separator: "/").last.map(String.init)
        let stem = file.map { $0.lastIndex(of: ".").map { dot in String(file?[..<dot] ?? "") } ?? $0 }
        recipe.output = (recipe.name ?? stem).map { $0 + ArchiveFormat.fileExtension }
        return recipe
    }

    func run() throws {
        let team = recipe.threads.map { ThreadTeam(count: $0) } ?? .shared
        let seed = recipe.seed ?? 0
        try checkFiles()
        let (setup, learner) = try prepared(seed: seed, team)
        for path in [setup.output.model, setup.output.checkpoint].compactMap({ $0 }) {
            // What cannot be written is told before hours of work.
            _ = try OutputFile(path: path)
        }
        var options = setup.options
        options.progressSeconds = Self.progressInterval
        if options.checkpointEvery == nil { options.checkpointSeconds = Self.checkpointInterval }
        let trainer = try Trainer(
            learner: learner, batches: setup.batches, validation: setup.validation, outline: setup.outline, options: options,
            output: setup.output, team: team, clock: shell.host.seconds, writeModel: write)
        if let checkpoint, let path = recipe.checkpointPath { try trainer.resume(from: checkpoint, path: path) }
        warnOfCheckpoint(setup.output.checkpoint)
        let recorder = try command.report.map {
            try TrainingRecorder(setup, path: $0, resumedStep: checkpoint?.record.step, host: shell.host)
        }
        var screen = TrainingScreen(setup, command, shell: shell) { try trainer.tensors() }
        let result = try watch(trainer, screen: &screen, recorder: recorder)
        try screen.finish(result)
        warnOfModel(result)
        if result.reason == .cancelled { throw Failure.interrupted }
    }

    /// - Throws: for a program that is wrong, with the file that it is in.
    private func prepared(seed: UInt64, _ team: ThreadTeam) throws -> (TrainingSetup, NetworkLearner) {
        do {
            let setup = try TrainingSetup(recipe, seed: seed, converter: Version.name, team: team)
            return (setup, try setup.learner(threads: recipe.threads))
        } catch let error as NotationErrors {
            throw Failure(error, path: recipe.program ?? recipe.start)
        }
    }

    /// No text, recipe or program is lost to what comes of it. A model may learn on in its own file, which is read whole before.
    private func checkFiles() throws {
        let report = command.report
        let read: [FilesInUse.Named] = [
            ("RECIPE", command.recipePath(in: shell)), ("corpus", recipe.corpus), ("validation", recipe.validation),
            ("tokenizer", Files.exists(recipe.tokenizer) ? recipe.tokenizer : nil), ("program", recipe.program),
        ]
        let written: [FilesInUse.Named] = [
            ("out", recipe.output), ("checkpoint", recipe.checkpointPath), ("report", report),
            ("report's JSON", report.map(TrainingRecorder.dataPath)),
        ]
        try FilesInUse(read: read, written: written).check()
        try FilesInUse(read: [("init", recipe.start)], written: Array(written.suffix(2))).check()
    }

    /// Runs it, with every event told to who watches. What they cannot do ends the run as Ctrl-C does: with a checkpoint.
    private func watch(
        _ trainer: Trainer, screen: inout TrainingScreen, recorder: TrainingRecorder?
    ) throws -> TrainingResult {
        var problem: (any Error)?
        do {
            let result = try shell.host.interrupts.catchingTermination {
                try trainer.run(isCancelled: { problem != nil || shell.isInterrupted() }) { event in
                    do {
                        try screen.show(event)
                        try recorder?.record(event, sample: screen.sample)
                    } catch {
                        problem = problem ?? error
                    }
                }
            }
            // In a session, who asked for the end of the process means the session.
            if shell.host.interrupts.isTermination { shell.isFinished = true }
            screen.clear()
            if let problem { throw problem }
            try recorder?.finish(result, tensors: try trainer.tensors())
            return result
        } catch {
            screen.clear()
            // The error that ended the training is the one to be told.
            try? recorder?.fail(Failure(error))
            throw error
        }
    }

    /// A model that was the best before an interruption is not written again.
    private func warnOfModel(_ result: TrainingResult) {
        guard let path = recipe.output, let best = result.best, result.reason != .cancelled, !Files.exists(path) else { return }
        shell.output.warn(
            "\(path) is not there: the best model, of step \(grouped(best.step)), was written by an earlier run; "
                + "the last one is in \(recipe.checkpointPath ?? "the checkpoint"), which is a model too")
    }

    private func warnOfCheckpoint(_ path: String?) {
        guard let path, checkpoint == nil, Files.exists(path) else { return }
        shell.output.warn("\(path) is of an earlier run, and this one replaces it; --resume would have gone on from it")
    }

    /// As `convert` writes archives. A model that the storage does not suit is stored as it is: no training ends for that.
    private func write(_ header: ArchiveHeader, _ tensors: [String: Tensor], to path: String) throws {
        var header = header
        let parts = header.tensors.compactMap { entry in
            tensors[entry.name].map { ConvertedModel.Part(name: entry.name, tensor: $0, sources: entry.sources) }
        }
        header.tensors = []
        var options = ConversionOptions()
        options.threads = recipe.threads
        options.quantize = recipe.storage == .f32 ? nil : ElementType(rawValue: recipe.storage.rawValue)
        let model = ConvertedModel(header: header, parts: parts)
        do {
            for warning in try Conversion.write(model, to: path, options: options).warnings { shell.output.warn(warning) }
        } catch ConversionError.roundingTooCoarse(let error, let limit) where options.quantize != nil {
            let sizes = "\(compact(error, digits: 3)), more than \(compact(limit, digits: 3)), a tenth of the largest"
            shell.output.warn("\(path) is stored as f32: \(recipe.storage.rawValue) would change a logit by \(sizes)")
            options.quantize = nil
            _ = try Conversion.write(model, to: path, options: options)
        }
    }
}
