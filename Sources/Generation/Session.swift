import Network
import Tokenization
import Zoo

/// One conversation with one model: all that changes while it goes on. Not `Sendable`: one thread at a time.
///
/// What fails leaves the session as it was.
public final class Session {
    public let model: Model
    /// What the random generator was last seeded with.
    public private(set) var seed: UInt64
    public private(set) var history = TokenHistory()

    /// Tokens fed at once: enough for whole-sequence passes, little enough to be interrupted between them.
    static let blockLength = 1024

    let network: Network
    let runner: LanguageRunner
    let secondsNow: () -> Double
    let fingerprint: String

    var generator: RandomGenerator
    /// After the last token; empty where none has been fed. [vocabulary]
    private(set) var logits: [Float] = []
    /// Ids fed since the last generation.
    var prompt: [Int] = []
    /// The first bytes of a character whose others have not been generated yet.
    var pending: [UInt8] = []
    /// Generated text that may be the beginning of a stop string. Empty between generations.
    var held = ""

    /// - Parameters:
    ///   - secondsNow: a clock, for the tokens per second.
    /// - Throws: `GenerationError.noNetwork`, and what `LanguageRunner` throws for a program that cannot generate.
    public init(_ model: Model, seed: UInt64, secondsNow: @escaping () -> Double = Session.monotonicSeconds) throws {
        guard let network = model.network else { throw GenerationError.noNetwork(model: model.header.name) }
        self.model = model
        self.network = network
        self.seed = seed
        self.secondsNow = secondsNow
        generator = RandomGenerator(seed: seed)
        runner = try LanguageRunner(network)
        fingerprint = modelFingerprint(model, network)
    }

    /// Seconds from some fixed point.
    public static func monotonicSeconds() -> Double {
        struct Clock { static let start = ContinuousClock.now }
        return Clock.start.duration(to: .now) / .seconds(1)
    }

    /// Whether a token has been fed or generated.
    public var hasBegun: Bool { !logits.isEmpty }

    /// All the past there is, as the network remembers it.
    public var state: State { runner.state() }

    /// Begins anew, as a new session with the same seed does.
    public func reset() {
        runner.reset()
        reseed(seed)
        history = TokenHistory()
        logits = []
        forgetUnfinished()
        prompt = []
    }

    /// Begins another sequence of random numbers; all else stays.
    public func reseed(_ seed: UInt64) {
        self.seed = seed
        generator = RandomGenerator(seed: seed)
    }

    // MARK: Feeding

    /// Feeds a text. What the vocabulary lacks is reported in the result.
    /// - Throws: `GenerationError.noTokenizer`, and as `feed(ids:isInterrupted:)`.
    @discardableResult
    public func feed(_ text: String, isInterrupted: () -> Bool = { false }) throws -> Encoding {
        guard let tokenizer = model.tokenizer else { throw GenerationError.noTokenizer(model: model.header.name) }
        let encoding = tokenizer.encode(text)
        try feed(ids: encoding.ids, isInterrupted: isInterrupted)
        return encoding
    }

    /// Feeds tokens as they are.
    /// - Parameter isInterrupted: asked now and then while a long sequence is fed.
    /// - Throws: `GenerationError.tokenOutOfRange`, `.interrupted`; `NetworkError.notFinite` from a model with checks, its step being
    ///   the place among all tokens of the session.
    public func feed(ids: [Int], isInterrupted: () -> Bool = { false }) throws {
        if let limit = network.inputVocabulary, let id = ids.first(where: { !(0..<limit ~= $0) }) {
            throw GenerationError.tokenOutOfRange(id: id, limit: limit)
        }
        if ids.isEmpty { return }
        let before = runner.state()
        do {
            var last: [Float] = []
            for start in stride(from: 0, to: ids.count, by: Self.blockLength) {
                if isInterrupted() { throw GenerationError.interrupted }
                do {
                    last = try runner.feed(Array(ids[start..<min(start + Self.blockLength, ids.count)]))
                } catch let error as NetworkError {
                    throw error.after(history.count + start)
                }
            }
            logits = last
        } catch {
            try runner.setState(before)
            throw error
        }
        for id in ids { history.append(id) }
        prompt += ids
        forgetUnfinished()
    }

    /// Feeds what the model begins a text with.
    func feedStart() throws {
        if let start = model.header.special.start {
            try feed(ids: [start])
        } else if let text = model.header.special.startText {
            try feed(text)
        }
        if !hasBegun { throw GenerationError.noStart(model: model.header.name) }
    }

    /// Feeds one generated token.
    func advance(_ token: Int) throws {
        do {
            try runner.step([token]) { next in
                if logits.count == next.count {
                    logits.withUnsafeMutableBufferPointer { _ = $0.update(from: next) }
                } else {
                    logits = Array(next)
                }
            }
        } catch let error as NetworkError {
            throw error.after(history.count)
        }
        history.append(token)
    }

    private func forgetUnfinished() {
        pending = []
        held = ""
    }

    // MARK: Snapshots

    /// The session as it is now. A small value: it shares memory with the session until one of them changes.
    public var snapshot: Snapshot {
        Snapshot(
            model: model.header.name, fingerprint: fingerprint, seed: seed, generator: generator, state: runner.state(),
            logits: logits, history: history, prompt: prompt, pendingBytes: pending, heldText: held)
    }

    /// Goes on where a snapshot was taken, with the same bits.
    /// - Throws: `SnapshotError.anotherModel`, `.doesNotFit`; then nothing has changed.
    public func restore(_ snapshot: Snapshot) throws {
        guard snapshot.fingerprint == fingerprint else {
            throw SnapshotError.anotherModel(saved: snapshot.model, loaded: model.header.name)
        }
        try checkFit(of: snapshot)
        do {
            try runner.setState(snapshot.state)
        } catch {
            throw SnapshotError.doesNotFit("\(error)")
        }
        seed = snapshot.seed
        generator = snapshot.generator
        logits = snapshot.logits
        history = snapshot.history
        prompt = snapshot.prompt
        pending = snapshot.pendingBytes
        held = snapshot.heldText
    }

    /// A file may be damaged on purpose: its checksum says little.
    private func checkFit(of snapshot: Snapshot) throws(SnapshotError) {
        guard snapshot.logits.isEmpty || snapshot.logits.count == network.vocabulary else {
            throw .doesNotFit("it has \(snapshot.logits.count) logits")
        }
        guard snapshot.pendingBytes.count <= 3 else {
            throw .doesNotFit("\(snapshot.pendingBytes.count) bytes of a character are pending")
        }
        let initial = network.initialState
        guard snapshot.state.slots.map(\.name) == initial.slots.map(\.name),
            snapshot.state.slots.map(\.values.count) == initial.slots.map(\.values.count)
        else { throw .doesNotFit("its state has other parts") }
        let limit = network.inputVocabulary ?? .max
        if let id = snapshot.state.tokens.first(where: { !(0..<limit ~= $0) && !initial.tokens.contains($0) }) {
            throw .doesNotFit("its state holds the token \(id)")
        }
    }
}
