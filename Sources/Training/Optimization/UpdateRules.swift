/// One step's numbers, in the precision of the parameters.
struct UpdateNumbers {
    var learningRate: Float
    var weightDecay: Float
    var momentum: Float
    /// What the gradient is multiplied by, and then the most that is left of an element's magnitude.
    var scale: Float
    var limit: Float
    var epsilon: Float
    /// The share that an average takes of what is new; the rest is kept. First and second moment.
    var share1: Float
    var share2: Float
    var kept2: Float
    /// Adam's corrections of averages that began at 0 (section 3 of the paper).
    var rootCorrection: Float
    var correctedRate: Float
    /// What decoupled decay leaves of a parameter.
    var keptParameter: Float

    init(_ options: OptimizerOptions, step: Int, learningRate: Double, scale: Double, limit: Double) {
        self.learningRate = Float(learningRate)
        let isDecoupled = options.rule == .adamw
        weightDecay = isDecoupled ? 0 : Float(options.weightDecay)
        keptParameter = isDecoupled ? Float(1 - learningRate * options.weightDecay) : 1
        momentum = Float(options.momentum)
        self.scale = Float(scale)
        self.limit = Float(limit)
        epsilon = Float(options.epsilon)
        let kept = options.rule == .rmsprop ? options.alpha : options.beta2
        share1 = Float(1 - options.beta1)
        share2 = Float(1 - kept)
        kept2 = Float(kept)
        rootCorrection = Float(1 / (1 - power(options.beta2, step)).squareRoot())
        correctedRate = Float(learningRate / (1 - power(options.beta1, step)))
    }
}

/// By squaring: the bits of `pow` differ from system to system.
func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}

/// One pass over memory for each rule: everything that is done to an element, clipping too, is done while it is in a register. Every
/// operation is rounded by itself, so the bits are the same on every machine.
enum UpdateRules {
    typealias Numbers = UnsafeMutablePointer<Float>

    @inline(__always)
    private static func clipped(_ gradient: Float, _ n: UpdateNumbers) -> Float {
        let scaled = gradient * n.scale
        let above = scaled < -n.limit ? -n.limit : scaled
        return above > n.limit ? n.limit : above
    }

    static func sgd(_ values: Numbers, _ gradient: Numbers, count: Int, _ n: UpdateNumbers) {
        for i in 0..<count {
            let g = clipped(gradient[i], n) + n.weightDecay * values[i]
            values[i] -= n.learningRate * g
        }
    }

    static func momentum(_ values: Numbers, _ gradient: Numbers, _ momentum: Numbers, count: Int, _ n: UpdateNumbers) {
        for i in 0..<count {
            let g = clipped(gradient[i], n) + n.weightDecay * values[i]
            let b = n.momentum * momentum[i] + g
            momentum[i] = b
            values[i] -= n.learningRate * b
        }
    }

    /// Adam, and AdamW where `keptParameter` is less than 1.
    static func adam(
        _ values: Numbers, _ gradient: Numbers, _ first: Numbers, _ second: Numbers, count: Int, _ n: UpdateNumbers
    ) {
        for i in 0..<count {
            let p = values[i] * n.keptParameter
            let g = clipped(gradient[i], n) + n.weightDecay * p
            let m = first[i] + n.share1 * (g - first[i])
            let v = n.kept2 * second[i] + n.share2 * (g * g)
            first[i] = m
            second[i] = v
            values[i] = p - n.correctedRate * (m / (v.squareRoot() * n.rootCorrection + n.epsilon))
        }
    }

    static func rmsprop(_ values: Numbers, _ gradient: Numbers, _ square: Numbers, count: Int, _ n: UpdateNumbers) {
        for i in 0..<count {
            let g = clipped(gradient[i], n) + n.weightDecay * values[i]
            let v = n.kept2 * square[i] + n.share2 * (g * g)
            square[i] = v
            values[i] -= n.learningRate * (g / (v.squareRoot() + n.epsilon))
        }
    }

    static func rmspropMomentum(
        _ values: Numbers, _ gradient: Numbers, _ square: Numbers, _ momentum: Numbers, count: Int, _ n: UpdateNumbers
    ) {
        for i in 0..<count {
            let g = clipped(gradient[i], n) + n.weightDecay * values[i]
            let v = n.kept2 * square[i] + n.share2 * (g * g)
            square[i] = v
            let b = n.momentum * momentum[i] + g / (v.squareRoot() + n.epsilon)
            momentum[i] = b
            values[i] -= n.learningRate * b
        }
    }
}
