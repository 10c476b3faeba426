extension TrainingRunner {
    /// Names of the tensors that the program reads: the parameters that a runner would have.
    /// - Throws: `NotationErrors`, `NetworkError.cannotTrain`.
    public static func usedTensors(
        program: String, hyperparameters: [String: Double] = [:], shapes: [String: [Int]]
    ) throws -> Set<String> {
        try TrainingGraph.read(program, hyperparameters, shapes: shapes).tensors
    }

    /// About how many bytes a runner takes with its parameters and their gradients, known before any of it is asked for. The optimizer
    /// comes on top.
    /// - Throws: `NotationErrors`, `NetworkError.cannotTrain`, as making the runner would.
    public static func memoryNeed(
        program: String, hyperparameters: [String: Double] = [:], shapes: [String: [Int]], size: Size
    ) throws -> Double {
        let (graph, learned) = try TrainingGraph.read(program, hyperparameters, shapes: shapes)
        let gradients = try TrainingGraph.gradients(of: graph, by: learned.contains, tokenLimit: size.batch * size.steps)
        let loss = try TrainingGraph.loss(of: graph)
        var floats = 0.0
        // First values are kept as they came; the frame below has most of the gradients.
        for (name, shape) in shapes { floats += shape.reduce(learned.contains(name) ? 2 : 1) { $0 * Double($1) } }
        for graph in [gradients, loss] {
            let stored = shapes.mapValues { _ in Planner.StoredTensor(type: .f32, layout: nil) }
            let plan = Planner.plan(Rewriting.apply(to: graph, isTraining: true), stored: stored, isTraining: true)
            let tensors = Set(plan.constants.map(\.buffer))
            for (index, buffer) in plan.buffers.enumerated() where !tensors.contains(index) {
                let layout = Frame.Layout(
                    buffer, batch: size.batch, sourceCapacity: size.sourceSteps, targetCapacity: size.steps)
                floats += Double(layout.steps) * Double(layout.batch) * Double(layout.width)
            }
            for group in plan.packed {
                floats += Double(group.parts.count) * Double(Plan.padded(group.outputs)) * Double(group.inputs)
            }
        }
        return 4 * floats
    }
}
