import Kernels

/// What a program does with its tensors, as far as it decides how they can be stored. Found from the graph as it is written, without
/// any tensor's numbers.
public struct TensorUses: Sendable, Equatable {
    /// The tensors that can be quantized, each with the axis that its blocks should run along.
    ///
    /// These are the matrices that are multiplied with vectors that change, and those whose rows are looked up by token, where the
    /// program does nothing else with them: they are nearly all of a model's numbers, and an error in one of them is averaged over
    /// a sum. What is added, scaled by, started from or folded into a constant is small and stays exact.
    ///
    /// Blocks run along the axis that the products sum over: the last in `W @ x`, the one before the last in `x @ W`. A tensor that is
    /// only looked up, or that products sum over along both axes, has its blocks along the last.
    public let blockAxes: [String: Int]
    /// The tensors that are packed for products when a model is loaded.
    public let multiplied: Set<String>

    /// - Throws: `NotationErrors`.
    public init(program: String, hyperparameters: [String: Double] = [:], shapes: [String: [Int]]) throws {
        var graph = try Expander.expand(Parser.parse(program), hyperparameters: hyperparameters, tensors: shapes).graph
        try Clocks.infer(&graph)
        try Shapes.infer(&graph, tensors: shapes)
        self.init(graph)
    }

    init(_ graph: Graph) {
        var summed: [String: Set<Int>] = [:]
        var lookedUp: [String: Int] = [:]
        var usedOtherwise: Set<String> = []
        for root in graph.roots { if case .tensor(let name) = graph[graph.undropped(root)].op { usedOtherwise.insert(name) } }
        for id in graph.live(from: graph.roots) {
            let node = graph[id]
            // A model in use drops nothing: what is done with the result of a dropout is done with its operand.
            if case .dropout = node.op { continue }
            for (place, operand) in node.operands.enumerated() {
                guard case .tensor(let name) = graph[graph.undropped(operand)].op else { continue }
                if let product = graph.weightProduct(id), product.matrix == place {
                    summed[name, default: []].insert(product.summedAxis)
                } else if node.op == .gather, place == 0 {
                    lookedUp[name] = graph[operand].shape.rank - 1
                } else {
                    usedOtherwise.insert(name)
                }
            }
        }
        multiplied = Set(summed.keys)
        var axes = lookedUp
        for (name, found) in summed { axes[name] = found.count == 1 ? found.first : found.max() }
        blockAxes = axes.filter { !usedOtherwise.contains($0.key) }
    }
}

extension Network {
    public var tensorUses: TensorUses { TensorUses(graph) }

    /// Whether products may round their vectors to 8 bits, because they are computed with the integers of quantized weights.
    public var hasIntegerProducts: Bool { !integerProducts.isEmpty }

    /// The products that can be computed with the integers of blocks: their matrix is a quantized tensor whose blocks run along the
    /// axis that is summed over.
    var integerProducts: Set<Graph.ID> {
        Set(
            graph.live(from: graph.roots).filter { id in
                guard let product = graph.weightProduct(id),
                    case .tensor(let name) = graph[graph.undropped(graph[id].operands[product.matrix])].op
                else { return false }
                return tensors[name]?.blockAxis == product.summedAxis
            })
    }
}

extension Graph {
    /// The value itself where a node drops parts of it while training.
    func undropped(_ id: ID) -> ID {
        var id = id
        while case .dropout = nodes[id].op { id = nodes[id].operands[0] }
        return id
    }

    /// Of a product of a constant matrix with a vector that changes: which operand is the matrix, and which of its axes is summed over.
    func weightProduct(_ id: ID) -> (matrix: Int, summedAxis: Int)? {
        guard nodes[id].op == .product else { return nil }
        let operands = nodes[id].operands.map { nodes[$0] }
        let matrix = operands[0].shape.rank == operands[1].shape.rank + 1 ? 0 : 1
        guard operands[matrix].clock == .constant, operands[1 - matrix].clock != .constant else { return nil }
        return (matrix, operands[matrix].shape.rank - (matrix == 0 ? 1 : 2))
    }
}

extension Interpreter.Value {
    /// As the vector of an integer product is rounded: to 8 bits, each 256 elements along the last axis by their own scale.
    var roundedInStretches: Self {
        var result = self
        for start in stride(from: 0, to: elements.count, by: last) {
            for first in stride(from: start, to: start + last, by: 256) {
                let stretch = first..<min(first + 256, start + last)
                let scale = elements[stretch].reduce(0) { max($0, abs($1)) } / 127
                guard scale > 0, scale.isFinite else { continue }
                for i in stretch { result.elements[i] = (elements[i] / scale).rounded(.toNearestOrEven) * scale }
            }
        }
        return result
    }
}
