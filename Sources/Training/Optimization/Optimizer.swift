import Kernels

/// Changes parameters by their gradients, and remembers what its rule needs of past ones.
///
/// Works in place on the memory of `Parameter`, whose owner has to outlive it. Elements are independent of each other: the bits do
/// not depend on the number of threads.
public final class Optimizer {
    public let options: OptimizerOptions
    /// Steps that were taken.
    public private(set) var stepCount = 0
    private let parameters: [Parameter]
    /// [parameter][slot]
    private var slots: [[FloatMemory]]
    private let team: ThreadTeam
    private let elementCount: Int

    /// With fewer elements than this, waking other threads takes longer than the work.
    private static let sharedElements = 1 << 16

    /// - Parameter frozen: names of parameters that are left as they are.
    /// - Throws: `TrainingError.option` for a number that is out of its range, `.unknownParameters` for frozen ones that are not there,
    ///   `.nothingToTrain`.
    public init(
        _ options: OptimizerOptions, parameters: [Parameter], frozen: Set<String> = [], team: ThreadTeam = .shared
    ) throws(TrainingError) {
        try options.check()
        let unknown = frozen.subtracting(parameters.map(\.name))
        guard unknown.isEmpty else { throw .unknownParameters(names: unknown.sorted()) }
        self.options = options
        self.parameters = parameters.filter { !frozen.contains($0.name) }
        guard !self.parameters.isEmpty else { throw .nothingToTrain }
        self.team = team
        elementCount = self.parameters.reduce(0) { $0 + $1.values.count }
        slots = self.parameters.map { parameter in
            options.slotNames.map { _ in FloatMemory(count: parameter.values.count) }
        }
    }

    /// The parameters that it changes.
    public var trained: [Parameter] { parameters }

    /// Takes one step. The gradients stay as they are: clipping is applied to them on the way.
    ///
    /// - Parameters:
    ///   - learningRate: this step's.
    ///   - scale: what gradients are multiplied by.
    ///   - limit: the most that then is left of an element's magnitude.
    public func step(learningRate: Double, scale: Double = 1, limit: Double = .infinity) {
        stepCount += 1
        let numbers = UpdateNumbers(options, step: stepCount, learningRate: learningRate, scale: scale, limit: limit)
        let work = { (member: ThreadTeam.Member) in
            // Averages of a gradient that has become 0 fade through the subnormal numbers, which processors are slow with.
            let mode = FloatingPointMode.flushSubnormals()
            defer { mode.restore() }
            for (parameter, slots) in zip(self.parameters, self.slots) {
                // Whole lines of the cache, so that no two threads write into one.
                self.update(parameter, slots, member.share(of: parameter.values.count, unit: 16), numbers)
            }
        }
        if elementCount < Self.sharedElements { ThreadTeam.alone.run(work) } else { team.run(work) }
    }

    private func update(_ parameter: Parameter, _ slots: [FloatMemory], _ range: Range<Int>, _ n: UpdateNumbers) {
        guard !range.isEmpty, let values = parameter.values.baseAddress, let gradient = parameter.gradient.baseAddress else {
            return
        }
        let (start, count) = (range.lowerBound, range.count)
        let (p, g) = (values + start, gradient + start)
        switch (options.rule, slots.count) {
        case (.sgd, 0): UpdateRules.sgd(p, g, count: count, n)
        case (.sgd, _): UpdateRules.momentum(p, g, slots[0].base + start, count: count, n)
        case (.adam, _), (.adamw, _):
            UpdateRules.adam(p, g, slots[0].base + start, slots[1].base + start, count: count, n)
        case (.rmsprop, 1): UpdateRules.rmsprop(p, g, slots[0].base + start, count: count, n)
        case (.rmsprop, _):
            UpdateRules.rmspropMomentum(p, g, slots[0].base + start, slots[1].base + start, count: count, n)
        }
    }
}

extension Optimizer {
    /// All that it remembers: `first_moment/embedding`, …, each of its parameter's shape.
    public var state: [String: Tensor] {
        var state: [String: Tensor] = [:]
        for (parameter, slots) in zip(parameters, slots) {
            for (name, slot) in zip(options.slotNames, slots) {
                state["\(name)/\(parameter.name)"] = Tensor(copying: slot.elements, shape: parameter.shape)
            }
        }
        return state
    }

    /// Goes on from what another of the same rule and parameters remembered.
    ///
    /// - Throws: `TrainingError.optimizerState`, with the names that are missing or have another shape; nothing is changed then.
    public func restore(_ state: [String: Tensor], stepCount: Int) throws(TrainingError) {
        var wrong: [String] = []
        for parameter in parameters {
            for name in options.slotNames.map({ "\($0)/\(parameter.name)" }) {
                guard let tensor = state[name], tensor.shape == parameter.shape, tensor.elementType == .f32 else {
                    wrong.append(name)
                    continue
                }
            }
        }
        guard wrong.isEmpty else { throw .optimizerState(names: wrong) }
        for (parameter, slots) in zip(parameters, slots) {
            for (name, slot) in zip(options.slotNames, slots) {
                state["\(name)/\(parameter.name)"]?.convert(into: slot.elements)
            }
        }
        self.stepCount = stepCount
    }
}

/// Floats on a 64-byte boundary, zero at first.
final class FloatMemory: @unchecked Sendable {
    let elements: UnsafeMutableBufferPointer<Float>
    let base: UnsafeMutablePointer<Float>

    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(4 * count, 1), alignment: 64)
        base = raw.bindMemory(to: Float.self, capacity: count)
        base.initialize(repeating: 0, count: count)
        elements = UnsafeMutableBufferPointer(start: base, count: count)
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }
}

extension ThreadTeam {
    /// The caller alone.
    static let alone = ThreadTeam(count: 1)
}

extension Tensor {
    init(copying values: UnsafeMutableBufferPointer<Float>, shape: [Int]) {
        self.init(
            .f32, shape: shape,
            storage: TensorStorage(byteCount: values.count * 4) { $0.copyMemory(from: UnsafeRawBufferPointer(values)) })
    }
}
