import Kernels
import Network
import Zoo

extension GradientDiagnosis {
    /// Windows that are looked at unless another number is asked for.
    static let usualWindowCount = 16

    /// What a program's gradients do on their way back through windows of a text, spread evenly over it.
    ///
    /// - Parameter window: steps; fewer where the text is shorter.
    /// - Throws: `Failure` for a text of less than two tokens, and where it does not fit into memory; what `GradientProbe` throws.
    init(
        program: String, hyperparameters: [String: Double], tensors: [String: Tensor], tokens: [Int32], window: Int,
        windowCount: Int = usualWindowCount, threads: Int?, availableMemory: Int? = AvailableMemory.bytes()
    ) throws {
        guard tokens.count >= 2 else { throw Failure(.badData, "the text is too short to follow a gradient through it") }
        let length = min(window, tokens.count - 1)
        let last = tokens.count - 1 - length
        let count = min(windowCount, last + 1)
        let size = TrainingRunner.Size(batch: count, steps: length)
        let needed = try GradientProbe.memoryNeed(
            program: program, hyperparameters: hyperparameters, shapes: tensors.mapValues(\.shape), size: size)
        if let availableMemory, needed > Double(availableMemory) {
            throw Failure(
                .failed,
                "following gradients through \(counted(count, "window")) of \(counted(length, "step")) takes about "
                    + "\(AvailableMemory.shown(Int(min(needed, 9e18)))) of memory, and \(AvailableMemory.shown(availableMemory)) are "
                    + "available; take a shorter window, or fewer of them")
        }
        let probe = try GradientProbe(
            program: program, hyperparameters: hyperparameters, tensors: tensors, size: size, threads: threads)
        let windows = (0..<count).map { index -> TrainingRunner.Sequence in
            let ids = tokens.dropFirst(count > 1 ? last * index / (count - 1) : 0).prefix(length + 1).map { Int($0) }
            return .init(tokens: ids.dropLast(), targets: Array(ids.dropFirst()), begins: true)
        }
        let found = try probe.measure(windows)
        self.init(
            states: found.states.map { StateGradient(state: $0.name, norms: $0.norms) },
            gates: found.gates.map { gate in
                GateSaturation(
                    gate: gate.name, function: gate.isSigmoid ? .sigmoid : .tanh,
                    activations: gate.activations.lazy.map { Double($0) })
            }, spectralRadius: found.spectralRadii.isEmpty ? nil : SpectralRadius(found.spectralRadii))
    }
}
