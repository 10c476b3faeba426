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
        for graph in [gradients, loss] { floats += TrainingStage.floats(of: graph, shapes: shapes, size).frame }
        return 4 * floats
    }
}

extension GradientProbe {
    /// About how many bytes a probe and its measurement take, known before any of it is asked for.
    /// - Throws: `NotationErrors`, `NetworkError.cannotTrain`, as making the probe would.
    public static func memoryNeed(
        program: String, hyperparameters: [String: Double] = [:], shapes: [String: [Int]], size: TrainingRunner.Size
    ) throws -> Double {
        let probed = try TrainingGraph.probe(of: TrainingGraph.read(program, hyperparameters, shapes: shapes).graph).graph
        let (frame, plan) = TrainingStage.floats(of: probed, shapes: shapes, size)
        let gates = (plan.outputs[probed.generating] ?? []).filter { $0.name.hasPrefix("gate/") }
        let width = gates.reduce(0.0) { $0 + Double($1.shape.count(source: size.sourceSteps)) }
        let tensors = shapes.values.reduce(0.0) { $0 + $1.reduce(1.0) { $0 * Double($1) } }
        return 4 * (tensors + frame + width * Double(size.batch) * Double(size.steps))
    }
}

extension TrainingStage {
    /// Floats of the frame that a stage of a graph would have, and of its packed matrices.
    fileprivate static func floats(
        of graph: Graph, shapes: [String: [Int]], _ size: TrainingRunner.Size
    ) -> (frame: Double, plan: Plan) {
        let stored = shapes.mapValues { _ in Planner.StoredTensor(type: .f32, layout: nil) }
        let plan = Planner.plan(Rewriting.apply(to: graph, isTraining: true), stored: stored, isTraining: true)
        let tensors = Set(plan.constants.map(\.buffer))
        var floats = 0.0
        for (index, buffer) in plan.buffers.enumerated() where !tensors.contains(index) {
            let layout = Frame.Layout(buffer, batch: size.batch, sourceCapacity: size.sourceSteps, targetCapacity: size.steps)
            floats += Double(layout.steps) * Double(layout.batch) * Double(layout.width)
        }
        for group in plan.packed {
            floats += Double(group.parts.count) * Double(Plan.padded(group.outputs)) * Double(group.inputs)
        }
        return (floats, plan)
    }
}
