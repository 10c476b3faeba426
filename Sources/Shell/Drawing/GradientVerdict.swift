/// The first number of steps back at which a gradient has less than 1 % of the norm that it has where the loss is taken.
/// - Parameter norms: k steps back, k = 0, 1, …; nil: not finite.
/// - Returns: nil where it stays above within what was measured, or there is nothing to compare with.
func gradientHorizon(_ norms: [Double?]) -> Int? {
    guard let first = norms.first ?? nil, first > 0 else { return nil }
    return norms.indices.dropFirst().first { steps in norms[steps].map { $0 < GradientVerdict.horizonShare * first } ?? false }
}

/// How gradients fare on their way back through time.
///
/// Going back one step multiplies the gradient by the transposed Jacobian of the step, so over k steps it shrinks or grows
/// roughly as the k-th power of a number (Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991; Bengio, Simard,
/// Frasconi, "Learning long-term dependencies with gradient descent is difficult", 1994). Pascanu, Mikolov, Bengio, "On the
/// difficulty of training recurrent neural networks", 2013, section 2: that the Jacobians' largest singular value stays below 1
/// suffices for it to vanish; that it is above 1 is necessary, not sufficient, for it to explode. The spectral radius is at
/// most that singular value, and says what happens in the long run. So measured norms decide, and the radius decides only where
/// norms alone leave doubt.
struct GradientVerdict: Codable, Sendable, Equatable {
    enum Kind: String, Codable, Sendable {
        case exploding, vanishing, healthy
        /// Nothing was measured that could tell.
        case unknown
    }

    var kind: Kind
    /// What was found, in words.
    var finding: String
    /// What can be done about it, the likeliest first.
    var advice: [String]

    /// The share of the first norm below which a gradient no longer teaches anything: noise of other steps is larger.
    static let horizonShare = 0.01
    /// Growth that needs no other sign: as far up as the horizon is down.
    static let certainGrowth = 100.0
    /// Growth that counts where the mean spectral radius is above 1 as well: it will go on in longer windows.
    static let doubtfulGrowth = 10.0
    /// Steps; a horizon below it needs no other sign. With dependencies of 10 or 20 steps, gradient descent hardly ever trains
    /// a network whose gradients vanish (Goodfellow, Bengio, Courville, "Deep Learning", 2016, section 10.7).
    static let certainHorizon = 10
    /// Part of the window; a horizon below it counts where the mean spectral radius is below 1 as well: the rest of the window
    /// then costs time and teaches nothing.
    static let doubtfulPart = 0.25

    /// - Parameters:
    ///   - states: the norms of the loss gradient with respect to each state.
    ///   - meanSpectralRadius: of the Jacobian of a step; nil: not known.
    init(states: [StateGradient], meanSpectralRadius: Double?) {
        let radius = meanSpectralRadius.map { "; the mean spectral radius of a step is \(compact($0, digits: 3))" } ?? ""
        if let overflow = states.first(where: { $0.norms.contains(nil) }) {
            let finding = "The gradient of \(overflow.state) is not a finite number on its way back through time\(radius)."
            self.init(kind: .exploding, finding: finding, advice: Self.explodingAdvice)
            return
        }
        let measured = states.filter { $0.norms.count > 1 && $0.norms.first != .some(0) }
        guard !measured.isEmpty else {
            self.init(kind: .unknown, finding: Self.unknownFinding(states), advice: [])
            return
        }
        // One state that explodes spoils all parameters; as long as one does not vanish, something is learned from afar.
        let growths = measured.map { state in (state, growth: state.growth ?? 0) }
        if let (state, growth) = growths.max(by: { $0.growth < $1.growth }),
            growth >= Self.certainGrowth || growth >= Self.doubtfulGrowth && meanSpectralRadius.map({ $0 > 1 }) == true
        {
            let finding =
                "The gradient of \(state.state) grows to \(compact(growth, digits: 3)) times its norm"
                + " on its way back through time\(radius)."
            self.init(kind: .exploding, finding: finding, advice: Self.explodingAdvice)
            return
        }
        let window = measured.map { $0.norms.count - 1 }.max() ?? 0
        let horizons = measured.map(\.horizon)
        guard let horizon = horizons.contains(nil) ? nil : horizons.compactMap({ $0 }).max() else {
            let finding =
                "The gradient keeps 1 % of its norm or more through all \(counted(window, "step")) that were looked"
                + " at\(radius)."
            self.init(kind: .healthy, finding: finding, advice: [])
            return
        }
        let finding =
            "After \(counted(horizon, "step")) of \(window) back, less than 1 % of the gradient's norm is left in every"
            + " state\(radius)."
        let isShort = Double(horizon) < Self.doubtfulPart * Double(window) && meanSpectralRadius.map { $0 < 1 } == true
        if horizon < Self.certainHorizon || isShort {
            self.init(kind: .vanishing, finding: finding, advice: Self.vanishingAdvice(horizon: horizon, window: window))
        } else {
            self.init(kind: .healthy, finding: finding, advice: [])
        }
    }

    private init(kind: Kind, finding: String, advice: [String]) {
        self.kind = kind
        self.finding = finding
        self.advice = advice
    }

    private static func unknownFinding(_ states: [StateGradient]) -> String {
        if states.isEmpty { return "No gradient was followed through time." }
        return states.contains { $0.norms.first == .some(0) }
            ? "No gradient reaches the states: the loss does not depend on them."
            : "One step says nothing about the way back through time; look at more."
    }

    private static let explodingAdvice = [
        "Clip the norm of the gradients (Pascanu, Mikolov, Bengio 2013): 1 is a usual threshold.",
        "Lower the learning rate, or let it rise slowly over the first steps.",
        "Initialise recurrent matrices orthogonally, so that a step neither grows nor shrinks at first.",
        "Shorten the window of back-propagation: growth is a power of its length.",
    ]

    private static func vanishingAdvice(horizon: Int, window: Int) -> [String] {
        [
            "Use a gated cell, an LSTM or a GRU, whose state is carried on by a sum rather than a product.",
            "Start the bias of forget gates at 1 or more, so that they are open at first (Gers, Schmidhuber, Cummins 2000).",
            "Initialise recurrent matrices orthogonally, so that a step neither grows nor shrinks at first.",
        ]
            + (window > 2 * horizon
                ? [
                    "Until then, a shorter window costs less and teaches the same:"
                        + " nothing is learned from more than \(counted(horizon, "step")) back."
                ]
                : ["Look at a longer window as well: this one is hardly longer than the horizon."])
    }
}
