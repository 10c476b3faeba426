import Tokenization

extension Session {
    /// Generates tokens until the limit, a stop string, the model's end token or an interruption.
    ///
    /// A session that has been fed nothing begins with the model's start token, else with its start text. Every generated token
    /// is fed back, the end token too: a next call goes on after it.
    ///
    /// - Parameters:
    ///   - isInterrupted: asked once before each token.
    ///   - onText: gets the text as it comes, whole UTF-8 characters only. It may take a snapshot.
    /// - Throws: `GenerationError.noStart`, `.nothingToDraw`, what the options' `validated()` throws; then the session is as it was.
    public func generate(
        _ options: GenerationOptions, isInterrupted: () -> Bool, onText: (String) -> Void
    ) throws -> GenerationResult {
        try options.validated()
        let before = snapshot
        do {
            if !hasBegun { try feedStart() }
            return try run(options, isInterrupted: isInterrupted, onText: onText)
        } catch {
            try restore(before)
            throw error
        }
    }

    /// The same, where nobody interrupts.
    public func generate(
        _ options: GenerationOptions = GenerationOptions(), onText: (String) -> Void = { _ in }
    ) throws -> GenerationResult {
        try generate(options, isInterrupted: { false }, onText: onText)
    }

    private func run(
        _ options: GenerationOptions, isInterrupted: () -> Bool, onText: (String) -> Void
    ) throws -> GenerationResult {
        var result = GenerationResult(promptIDs: prompt, ids: [], text: "", stopReason: .length, tokensPerSecond: 0)
        prompt = []
        func emit(_ text: String) {
            if text.isEmpty { return }
            if options.keepsOutput { result.text += text }
            onText(text)
        }
        var sampler = Sampler(options.sampling)
        var decoder = TokenDecoder(pending: pending)
        var matcher = StopMatcher(options.stops)
        var count = 0
        var reason = pass(held, through: &matcher, emit)
        let start = secondsNow()
        while reason == nil {
            if count == options.limit {
                reason = .length
            } else if isInterrupted() {
                reason = .interrupt
            } else {
                let token = try draw(with: &sampler)
                try advance(token)
                if token == model.header.special.end {
                    reason = .eos
                    continue
                }
                count += 1
                if options.keepsOutput { result.ids.append(token) }
                reason = decode(token, with: &decoder, through: &matcher, emit)
            }
        }
        let seconds = secondsNow() - start
        if reason == .stop || reason == .eos { pending = [] }
        held = ""
        emit(matcher.finish())
        if let reason { result.stopReason = reason }
        if count > 0, seconds > 0 { result.tokensPerSecond = Double(count) / seconds }
        return result
    }

    private func decode(
        _ token: Int, with decoder: inout TokenDecoder, through matcher: inout StopMatcher, _ emit: (String) -> Void
    ) -> StopReason? {
        guard let tokenizer = model.tokenizer else { return nil }
        let text = decoder.push(token, of: tokenizer)
        pending = decoder.pending
        return pass(text, through: &matcher, emit)
    }

    /// Hands on what is no part of a stop string, and says whether one was found.
    private func pass(_ text: String, through matcher: inout StopMatcher, _ emit: (String) -> Void) -> StopReason? {
        if text.isEmpty { return nil }
        let (sure, isStopped) = matcher.push(text)
        held = matcher.held
        emit(sure)
        return isStopped ? .stop : nil
    }

    private func draw(with sampler: inout Sampler) throws -> Int {
        let token = logits.withUnsafeBufferPointer { sampler.draw($0, history: history, using: &generator) }
        guard let token else { throw GenerationError.nothingToDraw(afterTokens: history.count) }
        return token
    }
}
