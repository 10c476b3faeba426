/// How far a training has come.
struct TrainingProgress: Sendable, Equatable {
    /// Steps that are done.
    var step: Int
    /// Of all; nil: until someone stops it.
    var steps: Int?
    /// In nats per token.
    var loss: Double
    /// Nil where the number of characters is not known.
    var bitsPerCharacter: Double?
    var tokensPerSecond: Double?
    /// Before clipping.
    var gradientNorm: Double?
    /// From 0 to 1.
    var clippedShare: Double?
    var secondsLeft: Double?

    /// What is said of it, the most important first.
    var fields: [String] {
        func number(_ value: Double, decimals: Int) -> String {
            value.isFinite && abs(value) < 1e6 ? formatted(value, decimals: decimals) : compact(value, digits: 3)
        }
        return [
            "step \(grouped(step))" + (steps.map { "/\(grouped($0))" } ?? ""), "loss \(number(loss, decimals: 4))",
            bitsPerCharacter.map { "\(number($0, decimals: 3)) bits/char" }, secondsLeft.map { "\(duration($0)) left" },
            tokensPerSecond.map { "\(shown($0, decimals: 0)) tokens/s" },
            gradientNorm.map { "gradient \(compact($0, digits: 3))" },
            clippedShare.map { "\(formatted(100 * $0, decimals: 0)) % clipped" },
        ].compactMap { $0 }
    }
}

/// Shows how a training goes on among the messages: on a terminal as one line that is drawn again and again, elsewhere as a
/// line now and then, so that a log tells what happened without being nothing else.
struct ProgressLine {
    private let output: any Output
    /// A clock that only moves forward.
    private let secondsNow: () -> Double
    private var lastShown: Double?
    private var lastLoggedStep: Int?

    /// Seconds between two drawings; faster than that nobody reads.
    static let drawingInterval = 0.1
    /// Seconds between two lines of a log.
    static let loggingInterval = 10.0

    init(output: any Output, secondsNow: @escaping () -> Double) {
        self.output = output
        self.secondsNow = secondsNow
    }

    /// To be called after every step; shows nothing where it was shown a moment ago.
    mutating func update(_ progress: @autoclosure () -> TrainingProgress) {
        let now = secondsNow()
        let display = output.messageDisplay
        let interval = display == nil ? Self.loggingInterval : Self.drawingInterval
        if let lastShown, now - lastShown < interval { return }
        lastShown = now
        if let display {
            output.showProgress(Self.text(progress(), for: display))
        } else {
            log(progress())
        }
    }

    private mutating func log(_ progress: TrainingProgress) {
        if progress.step != lastLoggedStep { output.note(progress.fields.joined(separator: "  ")) }
        lastLoggedStep = progress.step
    }

    /// Takes the line away; a log gets a last one, with where it ended.
    mutating func finish(_ progress: TrainingProgress? = nil) {
        output.showProgress(nil)
        if let progress, output.messageDisplay == nil { log(progress) }
        lastShown = nil
    }

    /// As many whole fields as fit. The last column stays empty: a character in it makes some terminals begin a line of their
    /// own, which no return to the first column takes away.
    static func text(_ progress: TrainingProgress, for display: Display) -> String {
        let limit = max(0, display.columns - 1)
        var fields = progress.fields
        while fields.count > 1 && DisplayWidth.columns(of: fields.joined(separator: "  ")) > limit { fields.removeLast() }
        return DisplayWidth.truncated(fields.joined(separator: "  "), to: limit, isUTF8: display.isUTF8)
    }
}
