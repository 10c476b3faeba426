import Archive
import Generation
import Kernels

/// Trains a network: step after step, with looks at how it does on text that it has not learned from, until an end.
///
/// Nothing here knows a network, a terminal or a clock: they are passed in. The same seed gives the same bits, on any number of threads
/// and however often the run was interrupted. After an error a trainer is not to be used again: the checkpoint is where to go on from.
public final class Trainer {
    public let options: TrainerOptions
    public let output: TrainerOutput
    /// Where the training is.
    public private(set) var record: TrainingRecord

    let learner: any Learner
    let validation: (any EvaluationSource)?
    let outline: ModelOutline
    private var batches: any BatchSource
    private let optimizer: Optimizer
    private let team: ThreadTeam
    private let clock: () -> Double
    private let writeModel: ModelWriter
    /// Steps after which the run ends.
    private let length: Int?
    private var tally = ProgressTally()
    /// What the file of the checkpoint is of: the step, and whether it had been measured.
    private var saved: (step: Int, evaluatedStep: Int?)?
    /// `record.seconds` is this and what the clock shows.
    private var secondsOffset = 0.0
    /// When progress was reported and a checkpoint was written, by the clock.
    private var (progressTime, checkpointTime) = (0.0, 0.0)

    /// Puts a model where it is to be, whole or not at all.
    public typealias ModelWriter = (_ header: ArchiveHeader, _ tensors: [String: Tensor], _ path: String) throws -> Void

    /// - Parameters:
    ///   - learner: with its first parameters.
    ///   - clock: seconds from some fixed point, never falling.
    ///   - writeModel: for who wants more of an archive than header and tensors.
    /// - Throws: `TrainingError.option`, `.optionConflict`, `.runWithoutEnd`, `.unknownParameters`, `.nothingToTrain`.
    public init(
        learner: any Learner, batches: any BatchSource, validation: (any EvaluationSource)? = nil, outline: ModelOutline,
        options: TrainerOptions, output: TrainerOutput = .init(), team: ThreadTeam = .shared, clock: @escaping () -> Double,
        writeModel: ModelWriter? = nil
    ) throws(TrainingError) {
        try options.check(hasValidation: validation != nil)
        self.learner = learner
        self.batches = batches
        self.validation = validation
        self.outline = outline
        self.options = options
        self.output = output
        self.team = team
        self.clock = clock
        self.writeModel =
            writeModel ?? { header, tensors, path in
                var writer = ArchiveWriter()
                writer.team = team
                do throws(ArchiveError) {
                    try writer.write(header, tensors: tensors, to: path)
                } catch {
                    throw TrainingError.checkpoint(path: path, error)
                }
            }
        optimizer = try Optimizer(options.optimizer, parameters: learner.parameters, frozen: options.frozen, team: team)
        length = options.length(stepsPerEpoch: batches.stepsPerEpoch)
        record = TrainingRecord(
            generator: RandomGenerator(seed: options.seed), position: batches.position, optimizerRule: options.optimizer.rule,
            batchSize: batches.batchSize, window: batches.window, corpus: batches.digest, recipe: options.recipe)
    }

    /// Goes on where a checkpoint was written. Limits, schedule and the like are those that this trainer was given.
    ///
    /// - Parameter path: as errors name the checkpoint.
    /// - Throws: `TrainingError.checkpointMismatch`, `.checkpointDamaged`; nothing is changed then.
    public func resume(from checkpoint: Checkpoint, path: String) throws(TrainingError) {
        if let difference = difference(to: checkpoint) { throw .checkpointMismatch(path: path, difference) }
        var moved = batches
        guard moved.move(to: checkpoint.record.position) else {
            throw .checkpointDamaged(path: path, problem: "its position in the corpus does not exist")
        }
        do throws(TrainingError) {
            try optimizer.restore(checkpoint.optimizerState, stepCount: checkpoint.record.optimizerSteps)
        } catch {
            throw .checkpointDamaged(path: path, problem: "\(error)")
        }
        batches = moved
        for parameter in learner.parameters { checkpoint.tensors[parameter.name]?.convert(into: parameter.values) }
        learner.parametersChanged()
        learner.carriedState = checkpoint.carriedState
        record = checkpoint.record
        if let recipe = options.recipe { record.recipe = recipe }
        saved = (record.step, record.evaluatedStep)
    }

    // MARK: The loop

    /// - Parameters:
    ///   - isCancelled: asked before each step, and between the batches of an evaluation; a checkpoint is written then.
    ///   - event: called on the thread of the caller.
    /// - Throws: `TrainingError.lossNotFinite`, `.gradientNotFinite`, `.parameterNotFinite`, `.checkpoint`; the files that were written
    ///   before stay as they are. What the learner throws.
    @discardableResult
    public func run(
        isCancelled: () -> Bool = { false }, event: (TrainingEvent) -> Void = { _ in }
    ) throws -> TrainingResult {
        secondsOffset = record.seconds - clock()
        (progressTime, checkpointTime) = (clock(), clock())
        let count = optimizer.trained.reduce(0) { $0 + $1.values.count }
        event(
            .began(.init(step: record.step, length: length, stepsPerEpoch: batches.stepsPerEpoch, parameterCount: count)))
        while true {
            record.seconds = secondsOffset + clock()
            let reason = ending
            let isDue = record.step > 0 && (reason != nil || options.evaluateEvery.map { record.step % $0 == 0 } == true)
            if isDue, record.evaluatedStep != record.step, try !evaluate(isCancelled, event) { return try cancelled(event) }
            let end = reason ?? (isOutOfPatience ? .patience : nil)
            if end != nil || isCheckpointDue { try saveCheckpoint(event) }
            if let end {
                if validation == nil { try saveModel(event) }
                return result(end)
            }
            if isCancelled() { return try cancelled(event) }
            try advance(event)
        }
    }

    private var isCheckpointDue: Bool {
        guard record.step > 0 else { return false }
        if let steps = options.checkpointEvery, record.step % steps == 0 { return true }
        return options.checkpointSeconds.map { clock() - checkpointTime >= $0 } ?? false
    }

    /// Whether the run has come to an end of its own.
    private var ending: TrainingResult.Reason? {
        if let length, record.step >= length { return options.steps.map { record.step >= $0 } == true ? .steps : .epochs }
        if let seconds = options.seconds, record.seconds >= seconds { return .time }
        return isOutOfPatience ? .patience : nil
    }

    private var isOutOfPatience: Bool { options.patience.map { record.evaluationsWithoutImprovement >= $0 } ?? false }

    private func cancelled(_ event: (TrainingEvent) -> Void) throws -> TrainingResult {
        record.seconds = secondsOffset + clock()
        try saveCheckpoint(event)
        return result(.cancelled)
    }

    private func result(_ reason: TrainingResult.Reason) -> TrainingResult {
        TrainingResult(reason: reason, step: record.step, best: record.best, seconds: record.seconds)
    }

    private func advance(_ event: (TrainingEvent) -> Void) throws {
        let start = clock()
        let batch = batches.next(using: &record.generator)
        let loss = try learner.learn(batch, dropoutSeed: record.generator.next())
        let rate = options.schedule.learningRate(
            step: record.step, of: length ?? 0, highest: options.optimizer.learningRate)
        let step = record.step + 1
        guard loss.isFinite else {
            throw TrainingError.lossNotFinite(
                step: step, parameter: firstNonFinite { $0.values }, value: learner.firstNonFinite, learningRate: rate)
        }
        let gradient = GradientSummary(of: optimizer.trained, team: team)
        guard gradient.norm.isFinite else {
            let name = firstNonFinite { $0.gradient } ?? ""
            throw TrainingError.gradientNotFinite(
                step: step, parameter: name, value: learner.firstNonFinite, learningRate: rate)
        }
        let clipping = options.clipping
        optimizer.step(learningRate: rate, scale: clipping.scale(for: gradient), limit: clipping.limit)
        learner.parametersChanged()
        let targets = batch.targetCount
        let isClipped = clipping.clips(gradient)
        record.step = step
        record.targets += targets
        record.clippedSteps += isClipped ? 1 : 0
        record.position = batches.position
        record.optimizerSteps = optimizer.stepCount
        let report = TrainingEvent.Step(
            step: step, loss: loss, gradientNorm: gradient.norm, isClipped: isClipped, learningRate: rate)
        tally.add(report, targets: targets, seconds: clock() - start)
        event(.step(report))
        if record.divergence.add(loss), let mean = record.divergence.mean, let lowest = record.divergence.lowestMean {
            event(.diverging(step: step, mean: mean, lowest: lowest))
        }
        let isSlow = options.progressSeconds.map { clock() - progressTime >= $0 } ?? false
        if step % options.progressEvery == 0 || step == length || isSlow { reportProgress(event) }
    }

    private func reportProgress(_ event: (TrainingEvent) -> Void) {
        progressTime = clock()
        record.seconds = secondsOffset + progressTime
        var progress = tally.progress(tokensPerCharacter: batches.tokensPerCharacter)
        progress.epoch = Double(record.step) / Double(batches.stepsPerEpoch)
        progress.seconds = record.seconds
        let bySteps = length.map { Double($0 - record.step) * tally.secondsPerStep }
        let byTime = options.seconds.map { max(0, $0 - record.seconds) }
        progress.secondsLeft = [bySteps, byTime].compactMap { $0 }.min()
        event(.progress(progress))
        tally.startAnew()
    }

    private func firstNonFinite(_ numbers: (Parameter) -> UnsafeMutableBufferPointer<Float>) -> String? {
        learner.parameters.first { numbers($0).contains { !$0.isFinite } }?.name
    }

    // MARK: Looking

    /// - Returns: false where it was cancelled; nothing is changed then.
    private func evaluate(_ isCancelled: () -> Bool, _ event: (TrainingEvent) -> Void) throws -> Bool {
        guard let validation else { return true }
        let carried = learner.carriedState
        defer { learner.carriedState = carried }
        var (nats, targets, isComplete) = (0.0, 0, true)
        try validation.forEachBatch { batch in
            if isCancelled() {
                isComplete = false
                return false
            }
            let mean = try learner.evaluate(batch)
            let count = batch.targetCount
            // Where all tracks only warm up there is no mean.
            if count > 0 { nats += mean * Double(count) }
            targets += count
            return true
        }
        guard isComplete else { return false }
        let loss = nats / Double(targets)
        guard loss.isFinite else {
            let parameter = firstNonFinite { $0.values }
            throw TrainingError.lossNotFinite(
                step: record.step, parameter: parameter, value: learner.firstNonFinite,
                learningRate: options.optimizer.learningRate)
        }
        let isBest = loss < record.best?.natsPerToken ?? .infinity
        let before = record
        record.evaluatedStep = record.step
        record.evaluationsWithoutImprovement = isBest ? 0 : record.evaluationsWithoutImprovement + 1
        if isBest { record.best = .init(step: record.step, natsPerToken: loss) }
        let bits = bitsPerCharacter(nats: loss, tokensPerCharacter: validation.tokensPerCharacter)
        event(.evaluated(.init(step: record.step, loss: loss, bitsPerCharacter: bits, isBest: isBest)))
        guard isBest else { return true }
        do { try saveModel(event) } catch {
            // No step is lost: who goes on from here measures again, and writes the model then.
            record = before
            learner.carriedState = carried
            try? saveCheckpoint(event)
            throw error
        }
        return true
    }

    // MARK: Saving

    /// All of the model's tensors, as they are now.
    /// - Throws: `TrainingError.parameterNotFinite`: a file that is good is not replaced by one that is not.
    public func tensors() throws(TrainingError) -> [String: Tensor] {
        if let name = firstNonFinite({ $0.values }) { throw .parameterNotFinite(name: name, step: record.step) }
        var tensors = outline.constants
        for parameter in learner.parameters {
            tensors[parameter.name] = Tensor(copying: parameter.values, shape: parameter.shape)
        }
        return tensors
    }

    private func saveModel(_ event: (TrainingEvent) -> Void) throws {
        guard let path = output.model else { return }
        try writeModel(outline.header, try tensors(), path)
        event(.saved(.init(kind: .model, path: path, step: record.step)))
    }

    private func saveCheckpoint(_ event: (TrainingEvent) -> Void) throws {
        guard let path = output.checkpoint else { return }
        checkpointTime = clock()
        if let saved, saved == (record.step, record.evaluatedStep) { return }
        try checkpoint().write(to: path, team: team)
        saved = (record.step, record.evaluatedStep)
        event(.saved(.init(kind: .checkpoint, path: path, step: record.step)))
    }

    /// The training as it is now.
    /// - Throws: `TrainingError.parameterNotFinite`.
    public func checkpoint() throws(TrainingError) -> Checkpoint {
        Checkpoint(
            header: outline.header, record: record, tensors: try tensors(), optimizerState: optimizer.state,
            carriedState: learner.carriedState)
    }
}
