/// The graph of a program's loss and of its derivative.
enum TrainingGraph {
    /// A program that can be trained, and the tensors that it reads.
    /// - Throws: `NotationErrors`, `NetworkError.cannotTrain`.
    static func read(
        _ program: String, _ hyperparameters: [String: Double], shapes: [String: [Int]]
    ) throws -> (graph: Graph, tensors: Set<String>) {
        let expansion = try Expander.expand(Parser.parse(program), hyperparameters: hyperparameters, tensors: shapes)
        var graph = expansion.graph
        try Clocks.infer(&graph)
        try Shapes.infer(&graph, tensors: shapes)
        if graph.nodes.contains(where: { if case .input(_, _, .some) = $0.op { true } else { false } }) {
            throw NetworkError.cannotTrain(reason: "it reads vectors, not tokens")
        }
        return (graph, expansion.usedTensors.intersection(shapes.keys))
    }

    /// The loss alone, forward: its one result, of the clock `total`, is the sum over all steps and sequences.
    static func loss(of graph: Graph) throws(NetworkError) -> Graph {
        var graph = graph
        let (_, loss) = try addLoss(to: &graph)
        graph.results = [graph.generating: [Graph.Result(name: "loss", node: loss)]]
        graph.merge()
        return graph
    }

    /// The loss, and for each tensor that it depends on the gradient, under the tensor's name after a slash: a tensor may be called
    /// “loss”.
    ///
    /// - Parameter tokenLimit: tokens that one step of training reads. What depends on a token alone is computed for each token of a
    ///   vocabulary that is no larger.
    static func gradients(of graph: Graph, by isLearned: (String) -> Bool, tokenLimit: Int) throws(NetworkError) -> Graph {
        var graph = graph
        let (seed, loss) = try addLoss(to: &graph)
        graph.results = [graph.generating: [Graph.Result(name: "loss", node: loss)]]
        var rewriting = Rewriting(graph: graph)
        rewriting.joinNestedSums()
        rewriting.tabulateTokens(rowLimit: tokenLimit)
        rewriting.addOutsideTermsFirst()
        rewriting.tabulateSums()
        let derivative = Derivative(of: rewriting.graph, seeds: [seed]) { node in
            if case .tensor(let name) = node.op { isLearned(name) } else { false }
        }
        graph = derivative.graph
        for id in rewriting.graph.nodes.indices {
            guard case .tensor(let name) = graph[id].op, let adjoint = derivative.adjoints[id] else { continue }
            graph.results[graph.generating]?.append(Graph.Result(name: "/" + name, node: adjoint))
        }
        graph.merge()
        return graph
    }

    /// What a probe looks at. Results: for state i `state/i`, the adjoint of the value, and `delay/i`, that of the value a step ago as
    /// this step reads it; `gate/i`, the value of a squashing function.
    static func probe(
        of graph: Graph
    ) throws(NetworkError) -> (graph: Graph, states: [String], gates: [(name: String, function: Operator.Function)]) {
        var graph = graph
        let (seed, _) = try addLoss(to: &graph)
        let derivative = Derivative(of: graph, seeds: [seed]) { if case .tensor = $0.op { true } else { false } }
        var probed = derivative.graph
        var (results, states, gates): ([Graph.Result], [String], [(name: String, function: Operator.Function)]) = ([], [], [])
        for delay in derivative.delays {
            let value = graph[delay].operands[0]
            guard case .delay(.previous, .target) = graph[delay].op, let adjoint = derivative.adjoints[delay],
                let whole = derivative.adjoints[value]
            else { continue }
            results.append(.init(name: "state/\(states.count)", node: whole))
            results.append(.init(name: "delay/\(states.count)", node: adjoint))
            states.append(graph[delay].name ?? graph[value].name ?? "state \(states.count)")
        }
        for (id, node) in graph.nodes.enumerated() {
            guard case .function(let function) = node.op, function == .sigmoid || function == .tanh, node.clock == .target,
                let name = node.name ?? graph[node.operands[0]].name
            else { continue }
            results.append(.init(name: "gate/\(gates.count)", node: id))
            gates.append((name, function))
        }
        probed.results = [graph.generating: results]
        probed.merge()
        return (probed, states, gates)
    }

    /// What the loss is taken of: the first result of the entry that answers, a vector.
    static func logits(of graph: Graph) -> Graph.ID? {
        let entry: Entry = graph.results[.answer] != nil ? .answer : graph.generating
        guard let logits = graph.results[entry]?.first?.node, graph[logits].shape.rank == 1,
            !graph[logits].shape.dependsOnSource
        else { return nil }
        return logits
    }

    /// - Returns: the logits with the loss's derivative by them, and the loss's total.
    private static func addLoss(
        to graph: inout Graph
    ) throws(NetworkError) -> (seed: (node: Graph.ID, adjoint: Graph.ID), loss: Graph.ID) {
        guard let logits = logits(of: graph) else {
            throw .cannotTrain(reason: "its first result is no vector of logits, one for each token")
        }
        func make(_ op: Operator, _ operand: Graph.ID, _ shape: Shape, _ clock: Clock) -> Graph.ID {
            let id = graph.appendFresh(op, [operand], at: graph[logits].position, name: "loss")
            graph[id].shape = shape
            graph[id].clock = clock
            return id
        }
        let size = graph[logits].shape.last
        let clock = graph.results[.answer] != nil ? Clock.once : .target
        let both = make(.crossEntropy, logits, [size + 1], clock)
        let gradient = make(.slice(from: 0, to: size, total: size + 1), both, [size], clock)
        let loss = make(.slice(from: size, to: size + 1, total: size + 1), both, [1], clock)
        return ((logits, gradient), make(.total, loss, [1], .total))
    }
}
