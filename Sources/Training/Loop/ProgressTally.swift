#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What has happened since the last report.
struct ProgressTally {
    private var last: TrainingEvent.Step?
    private var steps = 0
    private var nats = 0.0
    private var targets = 0
    private var norms = 0.0
    private var clipped = 0
    private var seconds = 0.0

    // Of the whole run
    private var allSteps = 0
    private var allSeconds = 0.0

    var secondsPerStep: Double { allSteps == 0 ? 0 : allSeconds / Double(allSteps) }

    mutating func add(_ step: TrainingEvent.Step, targets count: Int, seconds duration: Double) {
        last = step
        steps += 1
        nats += step.loss * Double(count)
        targets += count
        norms += step.gradientNorm
        clipped += step.isClipped ? 1 : 0
        seconds += duration
        allSteps += 1
        allSeconds += duration
    }

    /// Epoch and times are left to whoever knows them.
    func progress(tokensPerCharacter: Double) -> TrainingEvent.Progress {
        let loss = nats / Double(max(1, targets))
        return TrainingEvent.Progress(
            step: last?.step ?? 0, epoch: 0, loss: loss,
            bitsPerCharacter: Training.bitsPerCharacter(nats: loss, tokensPerCharacter: tokensPerCharacter),
            tokensPerSecond: seconds > 0 ? Double(targets) / seconds : 0, gradientNorm: norms / Double(max(1, steps)),
            clippedShare: Double(clipped) / Double(max(1, steps)), learningRate: last?.learningRate ?? 0, seconds: 0)
    }

    mutating func startAnew() {
        (steps, nats, targets, norms, clipped, seconds) = (0, 0, 0, 0, 0, 0)
    }
}

/// - Parameter nats: for each token.
func bitsPerCharacter(nats: Double, tokensPerCharacter: Double) -> Double { nats / log(2) * tokensPerCharacter }
