import Generation
import Tokenization

extension Shell {
    /// How many texts and generations can be taken back.
    private static let undoLimit = 100

    /// A line of text: the session is fed, then goes on.
    func say(_ text: String) throws {
        let current = try current()
        let session = try session()
        let options = try settings.options(for: current.model)
        showSeed(of: session, options: options)
        try undoably(current, session) {
            warn(about: try session.feed(text, isInterrupted: isInterrupted).unknown)
            try generate(with: session, options: options, asJSON: false)
        }
    }

    /// `/generate` without a prompt: the session goes on.
    func goOn(_ choices: [Settings.Choice], seed: String?, asJSON: Bool) throws {
        let current = try current()
        let session = try session()
        let options = try settings.options(for: current.model, more: choices)
        let seed = try seed.map(Settings.seed)
        try undoably(current, session) {
            if let seed {
                session.reseed(seed ?? host.randomSeed())
                current.hasShownSeed = seed != nil
            }
            if !asJSON { showSeed(of: session, options: options) }
            try generate(with: session, options: options, asJSON: asJSON)
        }
    }

    /// `/generate --prompt`: from the initial state, in a session of its own.
    func generate(from prompt: String, _ choices: [Settings.Choice], seed: String?, asJSON: Bool) throws {
        let model = try model()
        let options = try settings.options(for: model, more: choices)
        let chosen = try seed.map(Settings.seed) ?? settings.seed
        let session = try Session(model, seed: chosen ?? host.randomSeed(), secondsNow: host.seconds)
        // With JSON an interrupt waits for the prompt to be fed: whole JSON is owed, with the prompt's ids.
        warn(about: try session.feed(prompt, isInterrupted: { !asJSON && isInterrupted() }).unknown)
        if chosen == nil && !asJSON && options.sampling.isRandom { noteSeed(of: session) }
        try generate(with: session, options: options, asJSON: asJSON)
    }

    /// Lets work on the session be undone. Work that fails has not been done; interrupted work has, as far as it went.
    private func undoably(_ current: Loaded, _ session: Session, _ work: () throws -> Void) throws {
        let before = session.snapshot
        do {
            try work()
        } catch let failure as Failure where failure.isSilent {
            remember(before, in: current)
            throw failure
        } catch {
            try session.restore(before)
            throw error
        }
        remember(before, in: current)
    }

    func remember(_ snapshot: Snapshot, in current: Loaded) {
        current.undo.append(snapshot)
        if current.undo.count > Self.undoLimit { current.undo.removeFirst() }
    }

    private func generate(with session: Session, options: GenerationOptions, asJSON: Bool) throws {
        var options = options
        options.keepsOutput = asJSON
        var problem: (any Error)?
        let result = try session.generate(options, isInterrupted: { problem != nil || isInterrupted() }) { text in
            if asJSON || problem != nil { return }
            do {
                try output.write(text)
                try output.flush()
            } catch {
                problem = error
            }
        }
        if let problem { throw problem }
        if result.tokensPerSecond > 0 { loaded?.tokensPerSecond = result.tokensPerSecond }
        if asJSON {
            try output.writeLine(result.json(seed: session.seed).text)
            try output.flush()
        } else if result.stopReason == .interrupt && output.isTerminal {
            // The terminal has shown ^C, wherever the text had got to.
            try output.writeLine("")
            try output.flush()
        } else {
            try output.endLine()
        }
        if result.stopReason == .interrupt { throw Failure.interrupted }
    }

    /// A seed that nobody chose is shown once, so that what it led to can be had again.
    private func showSeed(of session: Session, options: GenerationOptions) {
        guard let loaded, !loaded.hasShownSeed, settings.seed == nil, options.sampling.isRandom else { return }
        noteSeed(of: session)
        loaded.hasShownSeed = true
    }

    private func noteSeed(of session: Session) {
        output.note(Style.faint.applied(to: "seed \(session.seed)", if: output.hasColour))
    }

    func warn(about unknown: [UnknownCharacter]) {
        if unknown.isEmpty { return }
        let count = unknown.reduce(0) { $0 + $1.count }
        let shown = unknown.prefix(8).map { quoted($0.text, limit: 20) + ($0.count > 1 ? " \($0.count) times" : "") }
        let rest = unknown.count > shown.count ? " and \(unknown.count - shown.count) more" : ""
        output.warn(
            "the model does not know \(shown.joined(separator: ", "))\(rest): \(count == 1 ? "it was" : "they were") replaced or skipped"
        )
    }
}

extension SamplingOptions {
    /// Whether what is drawn depends on the seed.
    var isRandom: Bool { temperature > 0 || !stages.contains(.temperature) }
}

extension GenerationResult {
    func json(seed: UInt64) -> JSON {
        .object([
            ("prompt_ids", .ids(promptIDs)), ("ids", .ids(ids)), ("text", .string(text)), ("seed", .unsigned(seed)),
            ("stop_reason", .string(stopReason.rawValue)), ("tokens_per_second", .number(tokensPerSecond, digits: 6)),
        ])
    }
}
