/// When each value is computed, and whether it can be. `zoo/NOTATION.md`, section 5.
enum Clocks {
    /// Infers the clock of every node, to a fixed point, and reports values that are asked for before they can be known.
    static func infer(_ graph: inout Graph) throws(NotationErrors) {
        settle(&graph)
        var errors = contradictions(in: graph)
        if errors.isEmpty { errors = impossibleCycles(in: graph) }
        if !errors.isEmpty { throw NotationErrors(errors) }
    }

    static func settle(_ graph: inout Graph) {
        var changed = true
        while changed {
            changed = false
            for id in graph.nodes.indices {
                let clock = clock(of: id, in: graph)
                if clock != graph[id].clock {
                    graph[id].clock = clock
                    changed = true
                }
            }
        }
    }

    private static func clock(of id: Graph.ID, in graph: Graph) -> Clock {
        let node = graph[id]
        let highest = node.operands.map { graph[$0].clock }.max() ?? .constant
        switch node.op {
        case .input(let entry, _, _): return entry == .encode ? .source : .target
        case .delay(_, let clock), .window(_, let clock): return clock
        case .positions, .last, .first: return min(highest, .once)
        default: return max(highest, node.clock)
        }
    }

    private static func contradictions(in graph: Graph) -> [Diagnostic] {
        var errors: [Diagnostic] = []
        let generating = graph.generating.rawValue
        for (id, node) in graph.nodes.enumerated() {
            let clocks = Set(node.operands.map { graph[$0].clock })
            switch node.op {
            case .delay(let direction, let clock):
                if graph[node.operands[1]].clock.isTimed {
                    let start = graph.shown(node.operands[1])
                    errors.append(
                        Diagnostic(
                            node.position, "start: must be known before the first step, but \(start) changes at every step"))
                }
                if direction == .following, clock == .target {
                    errors.append(
                        Diagnostic(
                            node.position,
                            "\(generating) generates one token at a time, so \(graph.shown(id)) cannot be read with next: "
                                + "the future is not known"))
                }
            case .last where clocks.contains(.target), .first where clocks.contains(.target):
                errors.append(
                    Diagnostic(
                        node.position, "\(generating) generates one token at a time: \(node.op.name) needs the whole sequence"))
            default: break
            }
        }
        return errors
    }

    /// A cycle goes one way in time, by one clock, and is cut by its delays.
    private static func impossibleCycles(in graph: Graph) -> [Diagnostic] {
        var errors: [Diagnostic] = []
        for component in Components.find(in: graph, among: Array(graph.nodes.indices))
        where Components.isCycle(component, in: graph) {
            let delays = component.filter { graph[$0].op.isDelay }
            let named = component.first { graph[$0].name != nil && !graph[$0].op.isDelay } ?? component[0]
            let shown = graph.shown(named)
            func delay(_ direction: Operator.Direction) -> Graph.Node? {
                delays.lazy.map { graph[$0] }.first { if case .delay(direction, _) = $0.op { true } else { false } }
            }
            if Set(component.map { graph[$0].clock }).count > 1 {
                errors.append(
                    Diagnostic(
                        graph[named].position, "\(shown) needs a value of the whole sequence before the sequence is known"))
            } else if let past = delay(.previous), let future = delay(.following) {
                errors.append(
                    Diagnostic(
                        max(past, future).position,
                        "\(shown) depends on both its past (prev, line \(past.position.line)) and its future "
                            + "(next, line \(future.position.line))"))
            } else if Components.order(component, in: graph) == nil {
                errors.append(
                    Diagnostic(
                        graph[named].position,
                        "\(shown) needs itself in the same step: put prev(…) somewhere on the way back to it"))
            }
        }
        return errors
    }

    private static func max(_ a: Graph.Node, _ b: Graph.Node) -> Graph.Node { a.position.line >= b.position.line ? a : b }
    private static func max(_ a: Clock, _ b: Clock) -> Clock { a > b ? a : b }
}
