#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The learning rate of each step: a linear warm-up to the highest rate, then a way down to a floor.
public struct Schedule: Sendable, Equatable {
    public enum Decay: Sendable, Equatable {
        case constant
        /// In a straight line to the floor at the end of the run.
        case linear
        /// Half a cosine to the floor at the end of the run (Loshchilov and Hutter, "SGDR", 2017, without restarts).
        case cosine
        /// Multiplied by `factor` after each `every` steps.
        case step(every: Int, factor: Double)
        /// The same, smoothly: `factor` to the power of steps / `every`.
        case exponential(every: Int, factor: Double)
    }

    public var decay: Decay
    /// Steps; the first has 1 / warmUp of the highest rate.
    public var warmUp: Int
    /// A learning rate that decay does not fall below. The warm-up does.
    public var floor: Double

    public init(_ decay: Decay = .constant, warmUp: Int = 0, floor: Double = 0) {
        self.decay = decay
        self.warmUp = warmUp
        self.floor = floor
    }

    /// Whether the length of the run has to be known.
    public var needsLength: Bool { decay == .linear || decay == .cosine }

    /// - Parameters:
    ///   - step: from 0.
    ///   - length: steps of the whole run; of no meaning where `needsLength` is false.
    ///   - highest: the rate after the warm-up.
    public func learningRate(step: Int, of length: Int, highest: Double) -> Double {
        if step < warmUp { return highest * Double(step + 1) / Double(warmUp) }
        let steps = Double(step - warmUp)
        let progress = min(1, steps / Double(max(1, length - warmUp)))
        // A floor above the highest rate would turn decay into growth.
        let floor = min(floor, highest)
        switch decay {
        case .constant: return highest
        case .linear: return floor + (highest - floor) * (1 - progress)
        case .cosine: return floor + (highest - floor) * (1 + cos(.pi * progress)) / 2
        case .step(let every, let factor): return max(floor, highest * power(factor, (step - warmUp) / every))
        case .exponential(let every, let factor): return max(floor, highest * pow(factor, steps / Double(every)))
        }
    }

    func check() throws(TrainingError) {
        guard warmUp >= 0 else { throw .option(name: "warm-up", value: "\(warmUp)", expected: "a number of steps, at least 0") }
        guard floor >= 0, floor.isFinite else {
            throw .option(name: "lr-floor", value: "\(floor)", expected: "a number, at least 0")
        }
        switch decay {
        case .constant, .linear, .cosine: break
        case .step(let every, let factor), .exponential(let every, let factor):
            guard every >= 1 else {
                throw .option(name: "decay-every", value: "\(every)", expected: "a number of steps, at least 1")
            }
            guard factor > 0, factor <= 1 else {
                throw .option(name: "decay-factor", value: "\(factor)", expected: "a number greater than 0 and at most 1")
            }
        }
    }
}
