import Archive

/// Notices that a training goes wrong while its loss is still a number.
///
/// The losses of single steps are noisy, so an exponential mean is looked at (of about the last 50 steps, and corrected for having begun
/// at 0, as Adam's are). When it has stood more than half a nat above the lowest that it ever was for 100 steps in a row, the training
/// diverges: a passage that is harder than others lifts it by less, or not for as long. It is said once, and again only after the mean
/// has come down.
public struct DivergenceMonitor: Sendable, Equatable {
    static let kept = 0.98
    /// Nats for each target.
    static let margin = 0.5
    static let patience = 100

    private var sum = 0.0
    private var weight = 0.0
    private var lowest: Double?
    private var stepsAbove = 0

    public init() {}

    /// The mean of the last losses; nil before the first.
    public var mean: Double? { weight == 0 ? nil : sum / weight }
    /// The lowest that the mean has been.
    public var lowestMean: Double? { lowest }

    /// - Returns: whether it is now that the training is seen to diverge.
    mutating func add(_ loss: Double) -> Bool {
        sum = Self.kept * sum + (1 - Self.kept) * loss
        weight = Self.kept * weight + (1 - Self.kept)
        let mean = sum / weight
        let least = min(lowest ?? mean, mean)
        lowest = least
        stepsAbove = mean > least + Self.margin ? stepsAbove + 1 : 0
        return stepsAbove == Self.patience
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "sum": .number(sum), "weight": .number(weight), "steps_above": JSONValue(stepsAbove),
        ]
        members["lowest"] = lowest.map { .number($0) }
        return .object(members)
    }

    init(fields: RecordFields) throws(TrainingError) {
        sum = try fields.number("sum")
        weight = try fields.number("weight")
        stepsAbove = try fields.count("steps_above")
        if fields.json["lowest"] != nil { lowest = try fields.number("lowest") }
    }
}
