import ArgumentParser

/// `generate`: text that comes as it is drawn.
struct GenerateCommand: Command {
    static let about = CommandDescription(
        "generate", "go on with a text, as it comes",
        usage: "[--prompt T | --prompt-file F] [-n N] [--stop T]… [sampling options] [--json]",
        discussion: """
            With a prompt it starts from the initial state and leaves the session as it was. Without one it goes on with the
            session; a new one begins with the model's start token or start text.
            """,
        examples: [
            ("--prompt 'To be' -n 100", "a hundred tokens"),
            ("--prompt 'To be' --temperature 0", "always the likeliest token"),
            ("--seed 7 --stop $'\\n\\n' --json", "up to an empty line, as JSON"),
        ], takesModel: true)

    @Option(parsing: .unconditional, help: ArgumentHelp("the text to go on with", valueName: "T"))
    var prompt: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("the same from a file; - is standard input", valueName: "F"),
        completion: .file())
    var promptFile: String?

    @Option(name: .customShort("n", allowingJoined: true), parsing: .unconditional, help: SamplingArguments.help("n", "N"))
    var limit: Int?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("end where this text begins; may be given several times", valueName: "T"))
    var stop: [String] = []

    @OptionGroup var sampling: SamplingArguments

    @Flag(help: "one object: prompt_ids, ids, text, seed, stop_reason, tokens_per_second")
    var json = false

    var threads: Int? { sampling.threads }
    var check: Bool { sampling.check }

    func validate() throws {
        if prompt != nil && promptFile != nil { throw ValidationError("--prompt and --prompt-file exclude each other") }
        try asValidation { _ = try sampling.choices(limit: limit, stops: stop) }
    }

    func run(in shell: Shell) throws {
        let choices = try sampling.choices(limit: limit, stops: stop)
        if let text = try prompt ?? promptFile.map({ try shell.text(ofFile: $0) }) {
            try shell.generate(from: text, choices, seed: sampling.seed, asJSON: json)
        } else {
            try shell.goOn(choices, seed: sampling.seed, asJSON: json)
        }
    }
}
