import Kernels

/// A batch of sequences that advance through a language model (`step`, or `encode` and `answer` over a window).
///
/// Several tokens at once are computed as a whole, one token as a step; both give the same bits, for any batch and any number of
/// threads. Not Sendable: a runner belongs to one conversation.
///
/// Of a network with checks, a call that meets a NaN or an infinity throws `NetworkError.notFinite`, whose steps count from the first
/// token of the call, and leaves every sequence as it was before.
public final class LanguageRunner {
    public let network: Network
    public let batch: Int
    private let stepping: Frame
    /// For whole sequences; made when first needed.
    private var whole: Frame?
    /// Whether the state is in `whole` rather than in `stepping`.
    private var stateIsInWhole = false
    /// Of a window model, for each sequence.
    private var texts: [[Int]]
    /// [batch * vocabulary]
    private let logits: UnsafeMutableBufferPointer<Float>

    /// - Throws: `NetworkError.cannotGenerate` with the reason when the program does not continue a text; `.tooMuchMemory` for a batch
    ///   that is too large for what one sequence needs.
    public init(_ network: Network, batch: Int = 1) throws(NetworkError) {
        precondition(batch > 0, "a batch has at least one sequence")
        switch network.kind {
        case .languageModel, .window: break
        case .features:
            throw .cannotGenerate(
                reason: "this program reads whole sequences (encode, without step): it cannot generate, the future is not known")
        case .answer: throw .windowMissing
        case .translation: throw .cannotGenerate(reason: "this model translates: it needs a source, and does not continue a text")
        case .vectors: throw .cannotGenerate(reason: "this program takes vectors, not tokens: it is no language model")
        }
        if batch > 1 { try Network.checkMemory(network.plan, batch: batch) }
        self.network = network
        self.batch = batch
        var sourceCapacity = 0
        if case .window(let window) = network.kind { sourceCapacity = window }
        stepping = Frame(
            plan: network.plan, weights: network.weights, batch: batch, sourceCapacity: sourceCapacity, targetCapacity: 1,
            threads: network.team.count, checks: network.options.checks)
        texts = [[Int]](repeating: [], count: batch)
        logits = .allocate(capacity: max(1, batch * (network.vocabulary ?? 0)))
        logits.initialize(repeating: 0)
        reset()
    }

    deinit { logits.deallocate() }

    private var vocabulary: Int { network.vocabulary ?? 0 }

    /// Puts all sequences back to the initial state.
    public func reset() {
        stepping.begin(.target)
        stateIsInWhole = false
        texts = [[Int]](repeating: [], count: batch)
    }

    // MARK: State

    public func state(of sequence: Int = 0) -> State {
        let frame = stateIsInWhole ? whole ?? stepping : stepping
        return State(slots: network.slots(of: frame.state(of: sequence)), tokens: texts[sequence])
    }

    public func setState(_ state: State, of sequence: Int = 0) throws(NetworkError) {
        let values = try network.values(of: state)
        try network.check(state.tokens)
        if case .window(let window) = network.kind {
            guard state.tokens.count <= window else {
                throw .stateDoesNotFit("it has \(state.tokens.count) tokens, the window is \(window)")
            }
        } else if !state.tokens.isEmpty {
            throw .stateDoesNotFit("it is that of a window model")
        }
        moveState(toWhole: false)
        stepping.setState(values, of: sequence)
        texts[sequence] = state.tokens
    }

    private func moveState(toWhole: Bool) {
        guard toWhole != stateIsInWhole else { return }
        let frame = wholeFrame()
        if toWhole { frame.takeState(from: stepping) } else { stepping.takeState(from: frame) }
        stateIsInWhole = toWhole
    }

    private func wholeFrame() -> Frame {
        if let whole { return whole }
        let frame = Frame(
            plan: network.plan, weights: network.weights, batch: batch, sourceCapacity: 0,
            targetCapacity: max(2, min(network.plan.chunk, 64 / batch)), threads: network.team.count,
            checks: network.options.checks)
        whole = frame
        return frame
    }

    // MARK: Feeding

    /// One token for each sequence.
    /// - Parameter body: gets the logits [batch * vocabulary], which are valid while it runs.
    public func step<Result>(_ tokens: [Int], _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        guard tokens.count == batch else {
            throw NetworkError.inputMismatch("\(tokens.count) tokens for a batch of \(batch)")
        }
        try network.check(tokens)
        try allOrNothing {
            if case .window(let window) = network.kind {
                for (sequence, token) in tokens.enumerated() { append(token, to: sequence, window) }
                try answer(window, step: 0)
            } else {
                moveState(toWhole: false)
                for (sequence, token) in tokens.enumerated() {
                    stepping.targetTokens[sequence] = Int32(truncatingIfNeeded: token)
                    stepping.targetLengths[sequence] = 1
                }
                try stepping.advance(network.team) {
                    for sequence in 0..<batch { copyLogits(stepping, step: 0, sequence) }
                }
            }
        }
        return try withExtendedLifetime(self) { try body(UnsafeBufferPointer(logits)) }
    }

    /// Tokens for each sequence, as many as it likes; an empty list leaves a sequence as it is.
    /// - Returns: the logits after the last token of each (empty where there was none). [batch][vocabulary]
    public func feed(_ tokens: [[Int]]) throws -> [[Float]] {
        guard tokens.count == batch else {
            throw NetworkError.inputMismatch("\(tokens.count) lists of tokens for a batch of \(batch)")
        }
        var results = [[Float]](repeating: [], count: batch)
        try feed(tokens) { sequence, index, logits in
            if index == tokens[sequence].count - 1 { results[sequence] = Array(logits) }
        }
        return results
    }

    /// Tokens for a batch of one.
    /// - Returns: the logits after the last. [vocabulary]
    public func feed(_ tokens: [Int]) throws -> [Float] { try feed([tokens])[0] }

    /// Tokens for a batch of one, with the logits after each, in order. Memory does not grow with the text.
    public func feed(_ tokens: [Int], each body: (_ index: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void) throws {
        try feed([tokens]) { _, index, logits in try body(index, logits) }
    }

    /// The logits after each token of each sequence: in order for one sequence, in step for all.
    public func feed(
        _ tokens: [[Int]], each body: (_ sequence: Int, _ index: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        for list in tokens { try network.check(list) }
        if case .window(let window) = network.kind {
            return try allOrNothing { try feedWindow(tokens, window, body) }
        }
        let longest = tokens.map(\.count).max() ?? 0
        // A single token is a step; otherwise whole chunks.
        if longest == 1, tokens.allSatisfy({ $0.count == 1 }) {
            try step(tokens.map { $0[0] }) { logits in
                for sequence in 0..<batch {
                    let own = logits[sequence * vocabulary..<(sequence + 1) * vocabulary]
                    try body(sequence, 0, UnsafeBufferPointer(rebasing: own))
                }
            }
            return
        }
        guard longest > 0 else { return }
        try allOrNothing { try feedWhole(tokens, longest, body) }
    }

    /// A value that is not finite, found by checks, leaves all sequences as they were.
    private func allOrNothing(_ work: () throws -> Void) throws {
        guard network.options.checks else { return try work() }
        let before = (0..<batch).map { state(of: $0) }
        do {
            try work()
        } catch NetworkError.notFinite(let found) {
            for (sequence, state) in before.enumerated() { try setState(state, of: sequence) }
            throw NetworkError.notFinite(found)
        }
    }

    private func feedWhole(
        _ tokens: [[Int]], _ longest: Int,
        _ body: (_ sequence: Int, _ index: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        moveState(toWhole: true)
        let frame = wholeFrame()
        var start = 0
        while start < longest {
            let count = min(frame.targetCapacity, longest - start)
            for (sequence, list) in tokens.enumerated() {
                let own = max(0, min(count, list.count - start))
                frame.targetLengths[sequence] = own
                for step in 0..<count {
                    frame.targetTokens[step * batch + sequence] = step < own ? Int32(truncatingIfNeeded: list[start + step]) : 0
                }
            }
            frame.firstStep = start
            try frame.advance(network.team) {
                guard let output = network.plan.outputs[.step]?.first else { return }
                for step in 0..<count {
                    for sequence in 0..<batch where step < frame.targetLengths[sequence] {
                        let row = frame.row(output.place, step: step, sequence: sequence)
                        try body(sequence, start + step, UnsafeBufferPointer(start: row, count: vocabulary))
                    }
                }
            }
            start += count
        }
    }

    private func copyLogits(_ frame: Frame, step: Int, _ sequence: Int) {
        guard let output = network.plan.outputs[.step]?.first else { return }
        let row = frame.row(output.place, step: step, sequence: sequence)
        logits.baseAddress?.advanced(by: sequence * vocabulary).update(from: row, count: vocabulary)
    }

    // MARK: Windows

    private func append(_ token: Int, to sequence: Int, _ window: Int) {
        texts[sequence].append(token)
        if texts[sequence].count > window { texts[sequence].removeFirst(texts[sequence].count - window) }
    }

    /// Runs the program over the last tokens of every sequence.
    /// - Parameter step: the place of the last one among those that are being fed.
    private func answer(_ window: Int, step: Int) throws(NetworkError) {
        let padding = Int32(truncatingIfNeeded: network.options.padding ?? 0)
        for (sequence, text) in texts.enumerated() {
            stepping.sourceLengths[sequence] = window
            for position in 0..<window {
                let index = position - (window - text.count)
                stepping.sourceTokens[position * batch + sequence] =
                    index < 0 ? padding : Int32(truncatingIfNeeded: text[index])
            }
        }
        stepping.firstStep = step
        try stepping.read(network.team)
        guard let output = network.plan.outputs[.answer]?.first else { return }
        for sequence in 0..<batch {
            let row = stepping.row(output.place, step: 0, sequence: sequence)
            for i in 0..<vocabulary { logits[sequence * vocabulary + i] = row[i] }
        }
    }

    private func feedWindow(
        _ tokens: [[Int]], _ window: Int,
        _ body: (_ sequence: Int, _ index: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        for index in 0..<(tokens.map(\.count).max() ?? 0) {
            for (sequence, list) in tokens.enumerated() where index < list.count { append(list[index], to: sequence, window) }
            try answer(window, step: index)
            for (sequence, list) in tokens.enumerated() where index < list.count {
                let own = UnsafeBufferPointer(logits)[sequence * vocabulary..<(sequence + 1) * vocabulary]
                try body(sequence, index, UnsafeBufferPointer(rebasing: own))
            }
        }
    }
}
