import Kernels
import Training

/// Keeps what happens in a training, and writes it as a page and, beside it, as JSON.
final class TrainingRecorder {
    private(set) var report: TrainingReport
    private let setup: TrainingSetup
    private let host: Host
    private let pagePath: String?
    private let dataPath: String

    /// - Parameters:
    ///   - path: of the page; nil: nothing is written.
    ///   - resumedStep: after which the training goes on; what an earlier report has until then is kept.
    /// - Throws: `ArchiveError` where nothing can be written there.
    init(_ setup: TrainingSetup, path: String?, resumedStep: Int?, host: Host) throws {
        self.setup = setup
        self.host = host
        pagePath = path
        dataPath = Self.dataPath(path ?? "")
        report = TrainingReport(run: Self.run(setup, began: timestamp(host.date())))
        if path != nil, let resumedStep, let bytes = try? Files.bytes(at: dataPath, isInterrupted: { false }),
            let earlier = try? TrainingReport(json: bytes), earlier.run.seed == report.run.seed
        {
            report.training = earlier.training.filter { $0.step <= resumedStep }
            report.validation = earlier.validation.filter { $0.step <= resumedStep }
            report.run.began = earlier.run.began
        }
        try write()
    }

    /// Where the JSON of a page is.
    static func dataPath(_ pagePath: String) -> String {
        (pagePath.hasSuffix(".html") ? String(pagePath.dropLast(5)) : pagePath) + ".json"
    }

    private static func run(_ setup: TrainingSetup, began: String) -> TrainingReport.Run {
        let recipe = setup.recipe
        var run = TrainingReport.Run(model: setup.outline.header.name)
        run.program = setup.outline.header.program ?? ""
        run.corpus = TrainingReport.Corpus(
            name: recipe.corpus ?? "", bytes: setup.corpusByteCount,
            tokens: setup.corpus.training.ids.count + (recipe.validation == nil ? setup.corpus.validation?.ids.count ?? 0 : 0))
        run.tokenizer = recipe.start == nil ? recipe.tokenizer : "of \(recipe.start ?? "")"
        run.optimizer = recipe.optimizer.rawValue
        // Those with a line of their own are left out.
        let others: Set = ["name", "description", "corpus", "tokenizer", "optimizer", "seed", "clip"]
        run.settings = recipe.settings.filter { !others.contains($0.name) }.map { .init(name: $0.name, value: $0.value) }
        run.clippingThreshold = recipe.clip
        run.seed = setup.options.seed
        run.machine = counted((recipe.threads ?? ThreadTeam.shared.count), "thread") + ", \(InstructionSet.current.rawValue)"
        run.began = began
        // What a page says that a kill has left behind.
        run.outcome = .interrupted
        return run
    }

    func record(_ event: TrainingEvent, sample: String?) throws {
        switch event {
        case .began(let start): report.run.parameters = start.parameterCount
        case .step(let step):
            report.run.steps = step.step
            report.training.append(
                TrainingReport.TrainingPoint(
                    step: step.step, loss: step.loss, gradientNorm: step.gradientNorm, isClipped: step.isClipped,
                    learningRate: step.learningRate))
        case .progress(let progress):
            report.run.seconds = progress.seconds
            if progress.tokensPerSecond > 0, let last = report.training.indices.last {
                report.training[last].tokensPerSecond = progress.tokensPerSecond
            }
        case .evaluated(let evaluation):
            report.validation.append(
                TrainingReport.ValidationPoint(
                    step: evaluation.step, natsPerToken: evaluation.loss, bitsPerCharacter: evaluation.bitsPerCharacter,
                    sample: sample))
            try write()
        case .saved, .diverging: break
        }
    }

    /// - Parameter tensors: the model's last ones.
    func finish(_ result: TrainingResult, tensors: [String: Tensor]) throws {
        report.run.seconds = result.seconds
        report.run.steps = result.step
        report.run.outcome = result.reason == .cancelled ? .interrupted : .finished
        report.run.reason = "\(result.reason)"
        let text = setup.corpus.validation ?? setup.corpus.training
        do {
            report.diagnosis = try GradientDiagnosis(
                program: setup.outline.header.program ?? "", hyperparameters: setup.outline.header.hyperparameters,
                tensors: tensors, tokens: text.ids, window: setup.recipe.window, threads: setup.recipe.threads)
        } catch let failure as Failure where failure.code == .failed {
            // It does not fit into memory: no training that is done fails for that.
        }
        try write()
    }

    func fail(_ failure: Failure) throws {
        report.run.outcome = .failed
        report.run.reason = failure.message
        try write()
    }

    private func write() throws {
        report.run.ended = timestamp(host.date())
        // The steps may be those of a checkpoint that someone made up.
        let (tokens, overflows) = report.run.steps.multipliedReportingOverflow(
            by: setup.batches.batchSize * setup.batches.window)
        report.run.tokens = overflows ? .max : tokens
        if let seconds = report.run.seconds, seconds > 0 { report.run.tokensPerSecond = Double(report.run.tokens) / seconds }
        guard let pagePath else { return }
        try Files.replace(dataPath, with: try report.json)
        try Files.replace(pagePath, with: try ReportPage(report).html)
    }
}
