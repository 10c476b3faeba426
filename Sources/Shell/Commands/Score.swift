import ArgumentParser
import Generation

/// `score`: how well the model foretells a text.
struct ScoreCommand: Command {
    static let about = CommandDescription(
        "score", "measure how well the model foretells a text", usage: "[FILE…] [--per-token] [--check] [--json]",
        discussion: """
            Every token after the first is scored, from the initial state. Without FILE, standard input is read. The session
            stays as it was.
            """,
        examples: [
            ("play.txt", "nats per token, bits per character and byte, perplexity"), ("--text 'To be' --per-token", "each token"),
        ],
        takesModel: true)

    @Argument(help: ArgumentHelp("texts", valueName: "FILE"), completion: .file())
    var files: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("score this text", valueName: "T"))
    var text: String?

    @Flag(help: "show each token with its surprisal in nats")
    var perToken = false

    @Flag(help: SamplingArguments.help("check", nil))
    var check = false

    @Flag(
        help: "one object for each text: tokens, characters, bytes, nats_per_token, bits_per_character, bits_per_byte, perplexity"
    )
    var json = false

    func validate() throws {
        if text != nil && !files.isEmpty { throw ValidationError("--text and FILE exclude each other") }
    }

    func run(in shell: Shell) throws {
        if let text { return try score(text, file: nil, in: shell) }
        if files.isEmpty { return try score(try shell.standardInputText(insteadOf: "FILE or --text"), file: nil, in: shell) }
        for file in files { try score(try shell.text(ofFile: file), file: files.count > 1 ? file : nil, in: shell) }
    }

    private func score(_ text: String, file: String?, in shell: Shell) throws {
        let model = try shell.model()
        let bytes = Array(perToken ? text.utf8 : "".utf8)
        var tokens: [JSON] = []
        var lastShown = shell.host.seconds()
        defer { shell.output.showProgress(nil) }
        let score = try scoreTokens(
            model, text: text,
            each: { token in
                guard perToken else { return }
                let piece = String(decoding: bytes[token.span], as: UTF8.self)
                if json {
                    tokens.append(.object([("id", .int(token.id)), ("text", .string(piece)), ("nats", .number(token.nats))]))
                } else {
                    try shell.output.writeLine("\(token.id)\t\(quoted(piece))\t\(formatted(token.nats, decimals: 4))")
                }
            },
            progress: { done, all in
                let now = shell.host.seconds()
                guard now - lastShown > 0.2 else { return }
                lastShown = now
                shell.output.showProgress("scoring: \(100 * done / max(1, all)) %")
            }, isInterrupted: shell.isInterrupted)
        shell.output.showProgress(nil)
        shell.warn(about: score.unknown)
        if json {
            try shell.output.writeLine(score.json(file: file, tokens: perToken ? tokens : nil).text)
        } else {
            for line in score.lines(file: file) { try shell.output.writeLine(line) }
        }
    }
}

extension Score {
    fileprivate func json(file: String?, tokens each: [JSON]?) -> JSON {
        .object(
            (file.map { [("file", .string($0))] } ?? []) + [
                ("tokens", .int(tokens)), ("characters", .int(characters)), ("bytes", .int(bytes)),
                ("nats_per_token", .number(natsPerToken)), ("bits_per_character", .number(bitsPerCharacter)),
                ("bits_per_byte", .number(bitsPerByte)), ("perplexity", .number(perplexity)),
            ] + (each.map { [("per_token", .array($0))] } ?? []))
    }

    fileprivate func lines(file: String?) -> [String] {
        func shown(_ value: Double) -> String { value.isFinite ? formatted(value, decimals: 4) : "-" }
        return (file.map { ["\($0):"] } ?? [])
            + table(
                [
                    ["tokens scored", grouped(tokens)], ["characters", grouped(characters)], ["bytes", grouped(bytes)],
                    ["nats per token", shown(natsPerToken)], ["bits per character", shown(bitsPerCharacter)],
                    ["bits per byte", shown(bitsPerByte)], ["perplexity", shown(perplexity)],
                ], indent: file == nil ? 0 : 2)
    }
}
