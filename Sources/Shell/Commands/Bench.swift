import ArgumentParser
import Generation
import Training

/// `bench`: how fast the model is on this machine.
struct BenchCommand: Command {
    static let about = CommandDescription(
        "bench", "measure how fast the model is on this machine",
        usage: "--work decode|batch|train [--threads N] [--steps N] [--repeats N] [--json]",
        discussion: """
            decode: one sequence, greedy, each token fed back. batch: 64 sequences of 128 known tokens, forward, with all logits.
            train: the same, forward and backward through time, gradients clipped at a norm of 5, Adam.
            The figure is the median of several repeats after a warm-up. The session stays as it was.
            """,
        examples: [
            ("--work decode", "tokens a second, one after the other"),
            ("--work batch --threads 1 --json", "whole sequences, on one thread"),
        ],
        takesModel: true)

    @Option(
        parsing: .unconditional, help: ArgumentHelp("decode, batch or train", valueName: "WORK"),
        completion: .list(Benchmark.Work.allCases.map(\.rawValue)))
    var work: String

    @Option(parsing: .unconditional, help: SamplingArguments.help("threads", "N"))
    var threads: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("steps of each sequence in a repeat; as many as last for a quarter of a second", valueName: "N"))
    var steps: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("how often it is timed; 7 for decode, 4 for the others", valueName: "N"))
    var repeats: Int?

    @Flag(help: "one object: work, dtype, threads, tokens_per_s, max")
    var json = false

    func validate() throws {
        try asValidation {
            _ = try chosenWork()
            if let threads { _ = try Settings.threads(String(threads)) }
            try check(steps, in: BenchmarkOptions.stepRange, name: "steps")
            try check(repeats, in: BenchmarkOptions.repeatRange, name: "repeats")
        }
    }

    private func chosenWork() throws(Failure) -> Benchmark.Work {
        if let work = Benchmark.Work(rawValue: work) { return work }
        throw .usage("work is \(quoted(work)); it should be decode, batch or train")
    }

    private func check(_ number: Int?, in range: ClosedRange<Int>, name: String) throws(Failure) {
        guard let number, !range.contains(number) else { return }
        throw .usage("\(name) is “\(number)”; it should be a number from \(range.lowerBound) to \(range.upperBound)")
    }

    func run(in shell: Shell) throws {
        let options = BenchmarkOptions(work: try chosenWork(), steps: steps, repeats: repeats)
        shell.output.showProgress("timing \(work)")
        defer { shell.output.showProgress(nil) }
        let model = try shell.model()
        let result =
            options.work == .train
            ? try Benchmark.training(
                model, options, threads: model.network?.threads, secondsNow: shell.host.seconds,
                isInterrupted: shell.isInterrupted)
            : try benchmark(model, options, secondsNow: shell.host.seconds, isInterrupted: shell.isInterrupted)
        shell.output.showProgress(nil)
        if json {
            try shell.output.writeLine(result.json.text)
        } else {
            for line in result.lines { try shell.output.writeLine(line) }
        }
    }
}

extension Benchmark {
    fileprivate var json: JSON {
        .object([
            ("work", .string(work.rawValue)), ("dtype", .string(elementType.rawValue)), ("threads", .int(threads)),
            ("tokens_per_s", .number(tokensPerSecond)), ("max", .number(largest)),
        ])
    }

    fileprivate var lines: [String] {
        func shown(_ rate: Double) -> String {
            guard rate.isFinite, abs(rate) < 1e15 else { return "-" }
            return rate < 100 ? formatted(rate, digits: 3) : grouped(Int(rate.rounded()))
        }
        let each = (work.sequences > 1 ? "\(work.sequences) × " : "") + counted(steps, "step")
        return table([
            ["work", work.rawValue], ["weights", elementType.rawValue], ["threads", String(threads)],
            [
                "tokens/s",
                "\(shown(tokensPerSecond)), the median of \(counted(rates.count, "repeat")) of \(each); at most \(shown(largest))",
            ],
        ])
    }
}
