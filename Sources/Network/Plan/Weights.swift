import Kernels

/// The numbers of a model as a plan needs them: constants that are read as they are, and packed matrices. Read-only once made, but for
/// training, where `refresh` follows parameters that have changed.
final class Weights: @unchecked Sendable {
    private(set) var packed: [PackedMatrix] = []
    /// By buffer. Those that only packing reads are gone once it is done.
    private var constants: [UnsafeMutablePointer<Float>?]
    private var owned: [Int: UnsafeMutablePointer<Float>] = [:]
    /// Keeps the bytes of tensors that are used in place.
    private var tensors: [Int: TensorStorage] = [:]
    private let placeholder: UnsafeMutablePointer<Float>
    /// With checks, what was found in a value that is computed here.
    private(set) var nonFinite: Frame.Found?

    /// - Parameter parameters: memory of tensors that are learned, which is read in place and outlives the weights.
    init(
        plan: Plan, tensors source: [String: Tensor], parameters: [String: UnsafeMutablePointer<Float>] = [:], team: ThreadTeam,
        checks: Bool = false
    ) {
        constants = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.buffers.count)
        placeholder = .allocate(capacity: vectorWidth)
        placeholder.initialize(repeating: 0, count: vectorWidth)
        for constant in plan.constants {
            if case .tensor(let name) = constant.content, let parameter = parameters[name] {
                constants[constant.buffer] = parameter
            } else {
                take(constant, from: source)
            }
        }
        for (index, buffer) in plan.buffers.enumerated() where buffer.clock == .constant && constants[index] == nil {
            reserve(index, buffer.shape.count())
        }
        compute(plan, team, checks)
        packed = plan.packed.map { group in
            PackedMatrix(
                sources(of: group, tensors: source), type: group.type, outputs: group.outputs, inputs: group.inputs, team: team)
        }
        for index in constants.indices where parameters.isEmpty && !plan.keptConstants.contains(index) {
            owned.removeValue(forKey: index)?.deallocate()
            tensors[index] = nil
            constants[index] = nil
        }
    }

    /// Computes and packs anew what depends on parameters.
    /// - Parameter dropoutSeed: for what is dropped from constants; nil: nothing is.
    func refresh(_ plan: Plan, tensors: [String: Tensor], team: ThreadTeam, dropoutSeed: UInt64?) {
        compute(plan, team, false, dropoutSeed)
        for (matrix, group) in zip(packed, plan.packed) { matrix.pack(sources(of: group, tensors: tensors), team) }
    }

    deinit {
        for pointer in owned.values { pointer.deallocate() }
        placeholder.deallocate()
    }

    /// The elements of a constant buffer.
    func constant(_ buffer: Int) -> UnsafeMutablePointer<Float> { constants[buffer] ?? placeholder }

    /// The parts of a group where they stand before they are packed.
    func sources(of group: Plan.PackedGroup, tensors: [String: Tensor]) -> [PackedMatrix.Source] {
        group.parts.map { part in
            var base = UnsafeRawPointer(placeholder)
            switch part.storage {
            case .constant(let place): base = UnsafeRawPointer(constant(place.buffer) + place.offset)
            case .tensor(let name, let offset):
                // The tensors outlive the packing.
                tensors[name]?.storage.withUnsafeBytes { bytes in if let start = bytes.baseAddress { base = start + offset } }
            }
            return PackedMatrix.Source(base: base, outputStride: part.outputStride, inputStride: part.inputStride)
        }
    }

    private func reserve(_ index: Int, _ count: Int) {
        let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count + vectorWidth)
        pointer.initialize(repeating: 0, count: count + vectorWidth)
        owned[index] = pointer
        constants[index] = pointer
    }

    private func take(_ constant: Plan.Constant, from source: [String: Tensor]) {
        switch constant.content {
        case .number(let value):
            reserve(constant.buffer, 1)
            constants[constant.buffer]?[0] = value
        case .tensor(let name):
            guard let tensor = source[name] else { return }
            if tensor.elementType == .f32 {
                // Read in place; nothing writes to a tensor's buffer.
                tensors[constant.buffer] = tensor.storage
                tensor.storage.withUnsafeBytes { bytes in
                    constants[constant.buffer] = bytes.baseAddress.map {
                        UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: Float.self))
                    }
                }
            } else {
                reserve(constant.buffer, tensor.count)
                tensor.convert(into: UnsafeMutableBufferPointer(start: constants[constant.buffer], count: tensor.count))
            }
        }
    }

    /// What depends on parameters alone is computed once.
    private func compute(_ plan: Plan, _ team: ThreadTeam, _ checks: Bool, _ dropoutSeed: UInt64? = nil) {
        guard !plan.loading.isEmpty else { return }
        let frame = Frame(plan: plan, weights: self, batch: 1, sourceCapacity: 0, targetCapacity: 0, threads: team.count)
        frame.dropoutSeed = dropoutSeed
        for case .straight(let tasks) in plan.loading {
            for task in tasks {
                if let table = task.instruction as? TableProduct {
                    table.compute(frame, sources(of: table.matrix, tensors: [:]), team)
                } else {
                    team.run { member in task.instruction.run(frame, steps: 0..<1, member: member) }
                }
                if checks { frame.inspect(task, steps: 0..<1) }
            }
        }
        nonFinite = frame.nonFinite
    }
}
