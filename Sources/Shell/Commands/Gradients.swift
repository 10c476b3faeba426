import Archive
import ArgumentParser
import Kernels
import Training

/// `gradients`: what becomes of gradients on their way back through time.
struct GradientsCommand: Command {
    static let about = CommandDescription(
        "gradients", "follow a network's gradients back through time",
        usage: "[MODEL] --corpus FILE | --compare CELL,… --corpus FILE [--samples N] [--report FILE] [--svg FILE] [--json]",
        discussion: """
            The loss is taken at the last step of windows of the text. Shown are the norm of its gradient step by step back through
            time, how often gates are saturated, and the spectral radius of a step's Jacobian, with what it means and what helps.
            Without MODEL the loaded one is meant.

            --compare trains the cells on the text, all with the same settings (those of `train` as far as they are listed below),
            and puts them side by side.
            """,
        examples: [
            ("shakespeare --corpus play.txt", "of a model, on a text"),
            (
                "--compare rnn,lstm,gru --corpus play.txt --hidden 64 --steps 300 --report cells.html",
                "which cell remembers longest"
            ),
        ])

    static var options: [OptionDescription] {
        OptionDescription.all(of: GradientsCommand.self)
            + RecipeKey.groups.filter { ["Text", "Network", "Steps"].contains($0.title) }.flatMap { group in
                group.keys.map { OptionDescription($0, section: group.title) }
            }
    }

    @Argument(help: ArgumentHelp("a model: a path, or a name from the zoo", valueName: "MODEL"), completion: .file())
    var model: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("cells to train and compare: rnn, lstm, gru", valueName: "CELL,…"))
    var compare: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("windows of the text that are looked at; \(GradientDiagnosis.usualWindowCount)", valueName: "N"))
    var samples: Int?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("a page with all of it", valueName: "FILE"), completion: .file())
    var report: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("the chart of norms as an image", valueName: "FILE"), completion: .file())
    var svg: String?

    @Flag(help: "an object with states, gates, spectralRadius, verdict; of --compare a report for each cell")
    var json = false

    /// `NAME=VALUE`, in the order in which they were typed.
    @Option(name: .customLong("recipe-setting"), parsing: .unconditionalSingleValue, help: .hidden)
    var settings: [String] = []

    static func prepared(_ words: [String]) throws -> [String] {
        try RecipeSettings.prepared(words, for: GradientsCommand.self)
    }

    func validate() throws {
        try asValidation {
            let recipe = try recipe()
            _ = try cells()
            if compare != nil, recipe.start != nil || recipe.program != nil {
                throw Failure.usage("--compare trains the cells that it names; it takes no --init and no --program")
            }
            if compare != nil, model != nil { throw Failure.usage("--compare trains networks of its own; it takes no MODEL") }
            if let samples, !(1...1024).contains(samples) {
                throw Failure.usage("samples is “\(samples)”; it should be a number from 1 to 1024")
            }
        }
    }

    private func recipe() throws -> Recipe {
        var recipe = Recipe()
        recipe.window = 128
        try RecipeSettings.apply(settings, to: &recipe)
        guard recipe.corpus != nil else { throw Failure.usage("gradients takes --corpus FILE, a text to follow them through") }
        return recipe
    }

    private func cells() throws -> [CellNetwork.Cell] {
        guard let compare else { return [] }
        let names = compare.split(separator: ",").map { $0.trimmingPrefix(" ") }
        let cells = names.compactMap { CellNetwork.Cell(rawValue: String($0)) }
        guard !cells.isEmpty, cells.count == names.count, Set(cells).count == cells.count else {
            throw Failure.usage("compare is \(quoted(compare)); it should be some of rnn, lstm, gru, each once")
        }
        return cells
    }

    func run(in shell: Shell) throws {
        var recipe = try recipe()
        recipe.threads = recipe.threads ?? shell.settings.threads
        try FilesInUse(
            read: [
                ("corpus", recipe.corpus), ("validation", recipe.validation), ("program", recipe.program),
                ("tokenizer", Files.exists(recipe.tokenizer) ? recipe.tokenizer : nil),
                ("MODEL", try model.map { try shell.zoo.path(of: $0) }),
            ], written: [("report", report), ("svg", svg)]
        ).check()
        for path in [report, svg].compactMap({ $0 }) { _ = try OutputFile(path: path) }
        defer { shell.output.showProgress(nil) }
        if compare == nil {
            try look(with: recipe, in: shell)
        } else {
            try compareCells(with: recipe, in: shell)
        }
    }

    private func look(with recipe: Recipe, in shell: Shell) throws {
        if let model { try shell.load(model) }
        let model = try shell.model()
        guard let network = model.network, let program = model.header.program, network.kind == .languageModel,
            let tokenizer = model.tokenizer, let path = recipe.corpus
        else { throw Failure(.failed, "\(model.header.name) is no language model that reads a text token by token") }
        let corpus = try Corpus(path: path, vocabulary: .given(tokenizer), validation: .none, separator: "")
        shell.output.showProgress("following gradients")
        let diagnosis = try GradientDiagnosis(
            program: program, hyperparameters: model.header.hyperparameters, tensors: network.tensors,
            tokens: corpus.training.ids, window: recipe.window, windowCount: samples ?? GradientDiagnosis.usualWindowCount,
            threads: network.threads)
        shell.output.showProgress(nil)
        var run = TrainingReport.Run(model: model.header.name)
        run.program = program
        run.parameters = network.tensors.values.reduce(0) { $0 + $1.count }
        run.corpus = .init(name: path, bytes: 0, tokens: corpus.training.ids.count)
        let report = TrainingReport(run: run, diagnosis: diagnosis)
        try write(page: try ReportPage(report), chart: diagnosis.chart)
        if json { return try shell.output.writeLine(try diagnosis.json) }
        for line in report.gradientLines(for: shell.output.messageDisplay ?? Display()) { try shell.output.writeLine(line) }
    }

    private func compareCells(with recipe: Recipe, in shell: Shell) throws {
        var recipe = recipe
        if recipe.steps == nil, recipe.epochs == nil, recipe.seconds == nil { recipe.steps = 300 }
        recipe.seed = recipe.seed ?? shell.settings.seed ?? shell.host.randomSeed()
        var entries: [TrainingComparison.Entry] = []
        for cell in try cells() {
            recipe.cell = cell
            entries.append(.init(name: cell.rawValue, report: try train(recipe, in: shell)))
        }
        let text = recipe.corpus?.split(separator: "/").last.map(String.init) ?? ""
        let title = "\(entries.map(\.name).joined(separator: ", ")) on \(text), seed \(recipe.seed ?? 0)"
        let comparison = TrainingComparison(title: title, entries: entries)
        try write(page: try ReportPage(comparison), chart: comparison.gradientChart)
        if json { return try shell.output.writeLine(try comparison.json) }
        for line in comparison.lines(for: shell.output.messageDisplay ?? Display()) { try shell.output.writeLine(line) }
    }

    /// A network of its own, which is not kept.
    private func train(_ recipe: Recipe, in shell: Shell) throws -> TrainingReport {
        let team = recipe.threads.map { ThreadTeam(count: $0) } ?? .shared
        let setup = try TrainingSetup(recipe, seed: recipe.seed ?? 0, converter: Version.name, team: team)
        let trainer = try Trainer(
            learner: try setup.learner(threads: recipe.threads), batches: setup.batches, validation: setup.validation,
            outline: setup.outline, options: setup.options, team: team, clock: shell.host.seconds)
        let recorder = try TrainingRecorder(setup, path: nil, resumedStep: nil, host: shell.host)
        var problem: (any Error)?
        let result = try trainer.run(isCancelled: { problem != nil || shell.isInterrupted() }) { event in
            if case .progress(let progress) = event {
                let end = recipe.steps.map { "/\(grouped($0))" } ?? ""
                let loss = formatted(progress.loss, decimals: 3)
                shell.output.showProgress("\(recipe.cell.rawValue): step \(grouped(progress.step))\(end)  loss \(loss)")
            }
            do { try recorder.record(event, sample: nil) } catch { problem = error }
        }
        if let problem { throw problem }
        if result.reason == .cancelled { throw Failure.interrupted }
        try recorder.finish(result, tensors: try trainer.tensors())
        return recorder.report
    }

    private func write(page: ReportPage, chart: Chart?) throws {
        if let report { try Files.replace(report, with: page.html) }
        if let svg, let chart { try Files.replace(svg, with: chart.svg()) }
    }
}
