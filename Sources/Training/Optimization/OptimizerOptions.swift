/// Which rule changes the parameters, and its numbers. Names, defaults and meaning are those of `torch.optim`.
public struct OptimizerOptions: Sendable, Equatable {
    public enum Rule: String, Sendable, CaseIterable {
        /// Gradient descent, with momentum where that is not 0: dampening 0, not Nesterov's.
        case sgd
        /// Kingma and Ba, "Adam", 2015. Weight decay is an L2 term of the loss.
        case adam
        /// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
        case adamw
        /// Hinton's, with epsilon outside the root.
        case rmsprop
    }

    public var rule: Rule
    /// Where there is a schedule, its highest.
    public var learningRate: Double
    /// Of `sgd` and `rmsprop`.
    public var momentum = 0.0
    public var weightDecay: Double
    /// The share that the first moment keeps at each step, of `adam` and `adamw`.
    public var beta1 = 0.9
    /// The share that the second moment keeps.
    public var beta2 = 0.999
    /// The share that the mean of the squared gradient keeps, of `rmsprop`.
    public var alpha = 0.99
    /// Added to the root that a step is divided by; not used by `sgd`.
    public var epsilon = 1e-8

    /// PyTorch's defaults for the rule.
    public init(_ rule: Rule) {
        self.rule = rule
        learningRate = rule == .rmsprop ? 1e-2 : 1e-3
        weightDecay = rule == .adamw ? 1e-2 : 0
    }

    /// What a rule remembers of each parameter's past gradients, each as large as the parameter.
    var slotNames: [String] {
        switch rule {
        case .sgd: momentum == 0 ? [] : ["momentum"]
        case .adam, .adamw: ["first_moment", "second_moment"]
        case .rmsprop: momentum == 0 ? ["square_average"] : ["square_average", "momentum"]
        }
    }
}

extension OptimizerOptions {
    /// - Throws: `TrainingError.option`, naming the number that is out of its range.
    func check() throws(TrainingError) {
        let unlimited = 0...Double.greatestFiniteMagnitude
        let shares = 0..<1.0
        func require(_ holds: Bool, _ name: String, _ value: Double, _ expected: String) throws(TrainingError) {
            guard holds else { throw .option(name: name, value: "\(value)", expected: expected) }
        }
        try require(unlimited.contains(learningRate), "lr", learningRate, "a number, at least 0")
        try require(unlimited.contains(weightDecay), "weight-decay", weightDecay, "a number, at least 0")
        try require(unlimited.contains(epsilon), "eps", epsilon, "a number, at least 0")
        let among = "a number of at least 0 and less than 1"
        try require(shares.contains(momentum), "momentum", momentum, among)
        try require(shares.contains(beta1), "beta1", beta1, among)
        try require(shares.contains(beta2), "beta2", beta2, among)
        try require((0...1).contains(alpha), "alpha", alpha, "a number from 0 to 1")
        guard momentum == 0 || rule == .sgd || rule == .rmsprop else {
            throw .option(name: "momentum", value: "\(momentum)", expected: "0, as \(rule.rawValue) has none")
        }
    }
}
