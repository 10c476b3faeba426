/// What was found out about the gradients of a trained network, at one moment and for one text.
struct GradientDiagnosis: Codable, Sendable, Equatable {
    /// In the order of layers.
    let states: [StateGradient]
    let gates: [GateSaturation]
    let spectralRadius: SpectralRadius?
    let verdict: GradientVerdict

    init(states: [StateGradient], gates: [GateSaturation] = [], spectralRadius: SpectralRadius? = nil) {
        self.states = states
        self.gates = gates
        self.spectralRadius = spectralRadius
        verdict = GradientVerdict(states: states, meanSpectralRadius: spectralRadius?.mean)
    }
}

/// The loss gradient with respect to one state, back through time.
struct StateGradient: Codable, Sendable, Equatable {
    /// As in `layers.0.h`.
    let state: String
    /// The Euclidean norm k steps before the step whose loss it is; k = 0, 1, … Not finite: nil.
    @FiniteList private(set) var norms: [Double?]
    /// The first k at which less than 1 % of the first norm is left; nil: none of those that were looked at.
    let horizon: Int?

    init(state: String, norms: [Double?]) {
        self.state = state
        _norms = FiniteList(wrappedValue: norms)
        horizon = gradientHorizon(_norms.wrappedValue)
    }

    /// The largest norm as a multiple of the first; nil where there is nothing to compare with.
    var growth: Double? {
        guard let first = norms.first ?? nil, first > 0 else { return nil }
        return norms.compactMap { $0 }.max().map { $0 / first }
    }
}

/// How often a gate is so near to its limits that hardly any gradient passes.
struct GateSaturation: Codable, Sendable, Equatable {
    enum Function: String, Codable, Sendable {
        /// From 0 to 1; saturated below 0.1 (closed) and above 0.9 (open).
        case sigmoid
        /// From −1 to 1; saturated where the absolute value is above 0.9.
        case tanh
    }

    /// As in `layers.0 forget`.
    let gate: String
    let function: Function
    /// Activations in ten bins of equal width over the function's range.
    let histogram: [Int]
    /// From 0 to 1, as the other share. Of a tanh: below −0.9.
    @Finite private(set) var lowShare: Double?
    /// Of a tanh: above 0.9.
    @Finite private(set) var highShare: Double?

    static let binCount = 10

    init(gate: String, function: Function, activations: some Sequence<Double>) {
        self.gate = gate
        self.function = function
        var histogram = [Int](repeating: 0, count: Self.binCount)
        var (low, high, count) = (0, 0, 0)
        let lower = function == .sigmoid ? 0.1 : -0.9
        for value in activations where value.isFinite {
            count += 1
            if value < lower { low += 1 }
            if value > 0.9 { high += 1 }
            let share = function == .sigmoid ? value : (value + 1) / 2
            histogram[Int(min(max(share * Double(Self.binCount), 0), Double(Self.binCount - 1)))] += 1
        }
        self.histogram = histogram
        _lowShare = Finite(wrappedValue: Double(low) / Double(count))
        _highShare = Finite(wrappedValue: Double(high) / Double(count))
    }

    /// From 0 to 1; nil where there were no activations.
    var saturatedShare: Double? { lowShare.flatMap { low in highShare.map { low + $0 } } }
}

/// Of the Jacobian of one step with respect to the state before it, over the positions that were looked at.
struct SpectralRadius: Codable, Sendable, Equatable {
    @Finite var mean: Double?
    @Finite var min: Double?
    @Finite var max: Double?
    /// Positions.
    var count: Int

    /// - Parameter radii: one for each position.
    init(_ radii: [Double]) {
        count = radii.count
        _mean = Finite(wrappedValue: radii.reduce(0, +) / Double(radii.count))
        _min = Finite(wrappedValue: radii.min())
        _max = Finite(wrappedValue: radii.max())
    }
}
