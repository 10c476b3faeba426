/// The order in which nodes are computed: stretches in which every node is computed for all steps at once, and loops over time.
struct Schedule {
    enum Stage {
        case straight([Graph.ID])
        case loop([Graph.ID], Operator.Direction)

        var nodes: [Graph.ID] {
            switch self {
            case .straight(let nodes), .loop(let nodes, _): nodes
            }
        }
    }

    private(set) var stages: [Stage]

    /// - Parameter nodes: those that this schedule computes; all others are ready before it begins.
    /// - Parameter updates: finds the states of a loop, which decide what else must wait.
    /// - Parameter isTraining: many steps are computed, and their values kept: see `keepValuesInCycles`.
    init(of graph: Graph, computing nodes: [Graph.ID], isTraining: Bool, updates: ([Graph.ID]) -> StateUpdates) {
        var builder = Builder(graph: graph, nodes: nodes, isTraining: isTraining)
        builder.findCycles()
        builder.keepValuesInCycles()
        builder.addReadersOfStates()
        stages = builder.ordered()
        var order = Order(of: graph)
        stages = stages.map { stage in
            switch stage {
            case .straight(let nodes): return .straight(order.withProductsLast(nodes, inLoop: false))
            case .loop(let nodes, let direction):
                let edges = updates(nodes).edges()
                return .loop(order.withProductsLast(nodes, inLoop: true, edges: edges), direction)
            }
        }
    }

    /// Operands before readers, and products as late as they can be: those that share a vector then stand together, and what their
    /// sums begin with before all of them.
    private struct Order {
        private let graph: Graph
        private var isInside: [Bool]
        private var waiting: [Int]
        private var place: [Int]

        init(of graph: Graph) {
            self.graph = graph
            isInside = [Bool](repeating: false, count: graph.nodes.count)
            waiting = [Int](repeating: 0, count: graph.nodes.count)
            place = waiting
        }

        /// - Parameter edges: what else must wait for what.
        mutating func withProductsLast(
            _ nodes: [Graph.ID], inLoop: Bool, edges: [(before: Graph.ID, after: Graph.ID)] = []
        ) -> [Graph.ID] {
            for (index, id) in nodes.enumerated() {
                isInside[id] = true
                place[id] = index
            }
            var readers: [[Graph.ID]] = nodes.map { _ in [] }
            for id in nodes where !(inLoop && graph[id].op.isDelay) {
                for operand in graph[id].operands where isInside[operand] {
                    readers[place[operand]].append(id)
                    waiting[id] += 1
                }
            }
            for (before, after) in edges where isInside[before] && isInside[after] {
                readers[place[before]].append(after)
                waiting[after] += 1
            }
            var (others, products) = (Heap(), Heap())
            func push(_ id: Graph.ID) {
                if graph[id].op == .product { products.push(place[id]) } else { others.push(place[id]) }
            }
            for id in nodes where waiting[id] == 0 { push(id) }
            var ordered: [Graph.ID] = []
            while let next = others.pop() ?? products.pop() {
                ordered.append(nodes[next])
                for reader in readers[next] {
                    waiting[reader] -= 1
                    if waiting[reader] == 0 { push(reader) }
                }
            }
            for id in nodes { isInside[id] = false }
            return ordered
        }
    }

    private struct Builder {
        let graph: Graph
        let nodes: [Graph.ID]
        let isTraining: Bool
        /// The nodes, operands before readers but for delays.
        private var upward: [Graph.ID] = []
        /// For each node the cycle that it is computed in, as an index of `cycles`; -1 for none.
        private var cycle: [Int]
        private var cycles: [[Graph.ID]] = []
        private var included: [Bool]
        private var readers: [[Graph.ID]]

        init(graph: Graph, nodes: [Graph.ID], isTraining: Bool) {
            self.graph = graph
            self.isTraining = isTraining
            self.nodes = nodes
            cycle = [Int](repeating: -1, count: graph.nodes.count)
            included = [Bool](repeating: false, count: graph.nodes.count)
            readers = [[Graph.ID]](repeating: [], count: graph.nodes.count)
            for id in nodes { included[id] = true }
            for id in nodes { for operand in graph[id].operands { readers[operand].append(id) } }
        }

        mutating func findCycles() {
            let components = Components.find(in: graph, among: nodes)
            upward = components.flatMap { $0 }
            for component in components where Components.isCycle(component, in: graph) {
                for id in component { cycle[id] = cycles.count }
                cycles.append(component)
            }
        }

        // MARK: What must not leave a cycle

        /// A pointwise or index expression that is larger than what it is made of and is read only by one cycle is computed in it:
        /// hoisted, it would be stored for every step. So is, where every step is kept anyway, what is made of one value: that is read
        /// in the cycle instead.
        mutating func keepValuesInCycles() {
            let roots = Set(graph.roots)
            // Readers come before operands, so that chains are followed up from the cycle.
            var candidate = [Int](repeating: -1, count: graph.nodes.count)
            for id in upward.reversed() where cycle[id] < 0 && !roots.contains(id) && !readers[id].isEmpty {
                let op = graph[id].op
                guard op.isPointwise || op.isReshape, op != .copy, graph[id].clock.isTimed else { continue }
                let targets = Set(readers[id].map { cycle[$0] >= 0 ? cycle[$0] : candidate[$0] })
                if targets.count == 1, let target = targets.first, target >= 0, graph[cycles[target][0]].clock == graph[id].clock
                {
                    candidate[id] = target
                }
            }
            for id in upward where candidate[id] >= 0 {
                let timed = graph[id].operands.filter { graph[$0].clock.isTimed }
                let largest = timed.map { graph[$0].shape.count() }.max() ?? 0
                let grows = graph[id].shape.count() > largest
                let isOfOne = isTraining && timed.count == 1 && graph[id].shape.count() == largest
                if grows || isOfOne || timed.contains(where: { candidate[$0] >= 0 && cycle[$0] == candidate[id] }) {
                    absorb(id, into: candidate[id])
                }
            }
        }

        /// A reader that makes a matrix state smaller joins the cycle, so that the state itself need not be kept: unless it waits for
        /// something that comes out of the cycle.
        mutating func addReadersOfStates() {
            // For each node, the last cycle that it was found downstream of.
            var downstream = [Int](repeating: -1, count: graph.nodes.count)
            for number in cycles.indices {
                let states = cycles[number].filter { graph[$0].shape.rank >= 2 }
                if !states.contains(where: { readers[$0].contains { isReader($0, of: number) } }) { continue }
                markDownstream(of: number, in: &downstream)
                for state in states {
                    for reader in readers[state] where isReader(reader, of: number) {
                        guard graph[reader].shape.count() < graph[state].shape.count(),
                            !graph[reader].operands.contains(where: { cycle[$0] != number && downstream[$0] == number })
                        else { continue }
                        absorb(reader, into: number)
                    }
                }
            }
        }

        private func isReader(_ reader: Graph.ID, of number: Int) -> Bool {
            cycle[reader] < 0 && graph[reader].op == .product && graph[reader].clock == graph[cycles[number][0]].clock
        }

        /// All of another cycle is computed at once: what waits for one of its members waits for what any of them needs.
        private func markDownstream(of number: Int, in downstream: inout [Int]) {
            var pending = cycles[number]
            while let id = pending.popLast() {
                for reader in readers[id] where downstream[reader] != number && cycle[reader] != number {
                    let group = cycle[reader] < 0 ? [reader] : cycles[cycle[reader]]
                    for member in group { downstream[member] = number }
                    pending += group
                }
            }
        }

        private mutating func absorb(_ id: Graph.ID, into number: Int) {
            cycle[id] = number
            cycles[number].append(id)
        }

        // MARK: Order

        /// Operands first; among what is ready, straight nodes before loops and earlier before later ones.
        func ordered() -> [Stage] {
            // A group is a cycle, or a node by itself.
            let groupCount = cycles.count + nodes.count
            var group = [Int](repeating: -1, count: graph.nodes.count)
            var members = [[Graph.ID]](repeating: [], count: groupCount)
            for (number, cycle) in cycles.enumerated() {
                members[number] = cycle
                for id in cycle { group[id] = number }
            }
            for (place, id) in nodes.enumerated() where group[id] < 0 {
                group[id] = cycles.count + place
                members[cycles.count + place] = [id]
            }
            var waiting = [Int](repeating: 0, count: groupCount)
            var dependants = [[Int]](repeating: [], count: groupCount)
            for id in nodes {
                for operand in graph[id].operands where included[operand] && group[operand] != group[id] {
                    waiting[group[id]] += 1
                    dependants[group[operand]].append(group[id])
                }
            }
            var straight = Heap()
            var loops = Heap()
            func push(_ number: Int) { if number < cycles.count { loops.push(number) } else { straight.push(number) } }
            for number in 0..<groupCount where waiting[number] == 0 && !members[number].isEmpty { push(number) }

            var stages: [Stage] = []
            var run: [Graph.ID] = []
            while let number = straight.pop() ?? loops.pop() {
                if number < cycles.count {
                    if !run.isEmpty { stages.append(.straight(run)) }
                    run = []
                    stages.append(loop(members[number]))
                } else {
                    run.append(contentsOf: members[number])
                }
                for dependant in dependants[number] {
                    waiting[dependant] -= 1
                    if waiting[dependant] == 0 { push(dependant) }
                }
            }
            if !run.isEmpty { stages.append(.straight(run)) }
            return stages
        }

        private func loop(_ members: [Graph.ID]) -> Stage {
            let inside = Set(members)
            var direction = Operator.Direction.previous
            for id in members {
                if case .delay(.following, _) = graph[id].op, inside.contains(graph[id].operands[0]) { direction = .following }
            }
            // The clocks' check has shown that every cycle can be cut; absorbed nodes add no new cycles.
            return .loop(Components.order(members.sorted(), in: graph) ?? members, direction)
        }
    }
}

/// The smallest number first.
private struct Heap {
    private var items: [Int] = []

    mutating func push(_ item: Int) {
        items.append(item)
        var child = items.count - 1
        while child > 0, items[(child - 1) / 2] > items[child] {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Int? {
        guard let top = items.first else { return nil }
        let last = items.removeLast()
        if items.isEmpty { return top }
        items[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && items[child] < items[smallest] {
                smallest = child
            }
            if smallest == parent { return top }
            items.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
