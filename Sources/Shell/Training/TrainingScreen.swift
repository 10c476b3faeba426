import Generation
import Kernels
import Training
import Zoo

/// What a person, or a log, sees of a training while it goes on.
struct TrainingScreen {
    private let setup: TrainingSetup
    private let shell: Shell
    private let isJSON: Bool
    private let tensors: () throws -> [String: Tensor]
    private var line: ProgressLine
    /// Steps after which the run ends.
    private var length: Int?
    private var progress: TrainingProgress?
    private var recentlyClipped = RecentShare()
    /// What the model wrote at the last evaluation.
    private(set) var sample: String?

    /// - Parameter tensors: the model's as they are when it is called.
    init(_ setup: TrainingSetup, _ command: TrainCommand, shell: Shell, tensors: @escaping () throws -> [String: Tensor]) {
        self.setup = setup
        self.shell = shell
        self.tensors = tensors
        isJSON = command.json
        line = ProgressLine(output: shell.output, secondsNow: shell.host.seconds)
    }

    private var output: any Output { shell.output }

    mutating func show(_ event: TrainingEvent) throws {
        switch event {
        case .began(let start):
            length = start.length
            for text in beginning(start) { output.note(text) }
        case .step(let step):
            recentlyClipped.add(step.isClipped)
            guard isJSON else { return }
            try output.writeLine(
                JSON.object([
                    ("step", .int(step.step)), ("loss", .number(step.loss)), ("gradient_norm", .number(step.gradientNorm)),
                ]).text)
            try output.flush()
        case .progress(let progress):
            let shown = shown(progress)
            self.progress = shown
            line.update(shown)
        case .evaluated(let evaluation): try show(evaluation)
        case .saved: break
        case .diverging(let step, let mean, let lowest):
            line.finish()
            output.warn(
                "the loss diverges: at step \(grouped(step)) its mean is \(formatted(mean, digits: 3)) nats per token, and it was "
                    + "\(formatted(lowest, digits: 3)); a lower learning rate, a longer warm-up or clipping may help")
        }
    }

    func clear() { output.showProgress(nil) }

    private func beginning(_ start: TrainingEvent.Start) -> [String] {
        let (corpus, header) = (setup.corpus, setup.outline.header)
        var facts = [header.architecture, counted(start.parameterCount, "parameter")].compactMap { $0 }
        facts.append("a vocabulary of \(grouped(corpus.tokenizer.idLimit))")
        var texts = [counted(corpus.training.ids.count, "token") + " to learn from"]
        if let validation = corpus.validation { texts.append("\(grouped(validation.ids.count)) to measure on") }
        texts.append(counted(start.stepsPerEpoch, "step") + " an epoch")
        let from = start.step > 0 ? ["goes on after step \(grouped(start.step))"] : []
        return [
            "\(header.name): " + facts.joined(separator: ", "), texts.joined(separator: ", "),
            (["seed \(setup.options.seed)"] + from).joined(separator: ", "),
        ]
    }

    private func shown(_ progress: TrainingEvent.Progress) -> TrainingProgress {
        TrainingProgress(
            step: progress.step, steps: length, loss: progress.loss, bitsPerCharacter: progress.bitsPerCharacter,
            tokensPerSecond: progress.tokensPerSecond > 0 ? progress.tokensPerSecond : nil, gradientNorm: progress.gradientNorm,
            clippedShare: setup.options.clipping == Clipping() ? nil : recentlyClipped.share, secondsLeft: progress.secondsLeft)
    }

    private mutating func show(_ evaluation: TrainingEvent.Evaluation) throws {
        line.finish()
        let figures =
            "\(formatted(evaluation.loss, decimals: 4)) nats per token, "
            + "\(formatted(evaluation.bitsPerCharacter, decimals: 3)) bits per character"
        output.note("step \(grouped(evaluation.step)): validation \(figures)" + (evaluation.isBest ? ", the best so far" : ""))
        sample = nil
        guard setup.recipe.sample > 0 else { return }
        do {
            let text = try write(after: evaluation.step)
            sample = text
            let isUTF8 = output.messageDisplay?.isUTF8 ?? true
            for part in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
                let printable = DisplayWidth.printable(String(part), isUTF8: isUTF8)
                output.note(Style.faint.applied(to: "  | \(printable)", if: output.hasColour))
            }
        } catch {
            // A model that cannot write yet may still learn to.
            output.warn("no sample: \(Failure(error).message)")
        }
    }

    /// A text by the model as it is, with random numbers of its own: the training's are not touched.
    private func write(after step: Int) throws -> String {
        let header = setup.outline.header
        let model = try Model(
            header: header, tensors: try tensors(), path: setup.output.model ?? header.name, threads: setup.recipe.threads)
        let session = try Session(model, seed: setup.options.seed &+ UInt64(step), secondsNow: shell.host.seconds)
        var options = try GenerationOptions(defaultsOf: model)
        options.limit = setup.recipe.sample
        return try session.generate(options, isInterrupted: shell.isInterrupted) { _ in }.text
    }

    /// - Throws: where results cannot be written.
    mutating func finish(_ result: TrainingResult) throws {
        line.finish(progress)
        if result.reason == .cancelled {
            let advice = setup.output.checkpoint.map { "; --resume goes on from \($0)" } ?? ""
            output.note("interrupted after step \(grouped(result.step))\(advice)")
            return
        }
        let reasons: [TrainingResult.Reason: String] = [
            .time: "its time was over", .patience: "\(setup.recipe.patience ?? 0) evaluations brought no new best",
        ]
        if let reason = reasons[result.reason] { output.note("ended after step \(grouped(result.step)): \(reason)") }
        if isJSON { return }
        var facts = [counted(result.step, "step"), duration(result.seconds)]
        if let best = result.best {
            facts.append("best \(formatted(best.natsPerToken, decimals: 4)) nats per token after step \(grouped(best.step))")
        }
        try output.writeLine("\(setup.output.model ?? setup.outline.header.name): " + facts.joined(separator: ", "))
    }
}

/// How many of the last hundred.
private struct RecentShare {
    private var last: [Bool] = []
    private var next = 0

    mutating func add(_ value: Bool) {
        if last.count < 100 { last.append(value) } else { last[next] = value }
        next = (next + 1) % 100
    }

    var share: Double { last.isEmpty ? 0 : Double(last.count { $0 }) / Double(last.count) }
}
