import Kernels

/// A remembered matrix that each step scales and gives rank-one terms: the state of RWKV-5 to 7, Mamba, Mamba-2, the matrix LSTM and gated
/// delta nets. It is one instruction, which traverses the matrix once, together with the products that read it.
struct StateUpdates {
    struct Update {
        var state: Graph.ID
        /// The matrix one step before.
        var past: Graph.ID?
        /// What that is multiplied with; nil for nothing.
        var decay: (factor: Graph.ID, kind: StateUpdate.Decay)?
        var terms: [Term] = []
        /// Products that are computed on the way.
        var readings: [Reading] = []
    }

    /// ± column ⊗ row.
    struct Term {
        var column: Graph.ID
        var row: Graph.ID
        var isNegative: Bool
    }

    struct Reading {
        var product: Graph.ID
        var vector: Graph.ID
        /// Of the matrix one step before.
        var isBefore: Bool
        var matrixFirst: Bool
        /// Whether it is the column of a term.
        var isColumn = false
    }

    /// By state.
    private(set) var updates: [Graph.ID: Update] = [:]
    /// Nodes that are computed with a state, by that state: its terms, and the products that read it.
    private(set) var absorbed: [Graph.ID: Graph.ID] = [:]

    static let termLimit = 2

    /// - Parameter members: of one loop.
    init(in graph: Graph, readers: [[Graph.ID]], roots: Set<Graph.ID>, members: [Graph.ID]) {
        let inside = Set(members)
        var order = Order()
        for id in members where graph[id].op == .add && graph[id].shape.rank >= 2 && !graph[id].shape.dependsOnSource {
            var finder = Finder(graph: graph, readers: readers, roots: roots, inside: inside, order: order)
            let found = finder.update(of: id)
            order.budget = finder.order.budget
            guard let update = found else { continue }
            // What another state has taken is not taken twice.
            guard finder.absorbed.allSatisfy({ absorbed[$0] == nil }) else { continue }
            updates[id] = update
            order = finder.order
            for node in finder.absorbed { absorbed[node] = id }
        }
    }

    /// What an update must wait for besides the state's own operands, and what must wait for it.
    func edges() -> [(before: Graph.ID, after: Graph.ID)] {
        updates.values.flatMap { update in
            update.readings.flatMap { reading in
                [(reading.vector, update.state)] + (reading.isColumn ? [] : [(update.state, reading.product)])
            }
        }
    }

    /// What must wait for what besides operands, in a loop: two states may read each other.
    private struct Order {
        /// For each node, what else comes before it.
        var before: [Graph.ID: [Graph.ID]] = [:]
        /// Nodes that may still be looked at: of very many states, the last ones are read by instructions of their own.
        var budget = 1 << 21
    }

    private struct Finder {
        let graph: Graph
        let readers: [[Graph.ID]]
        let roots: Set<Graph.ID>
        let inside: Set<Graph.ID>
        var order: Order
        var absorbed: [Graph.ID] = []

        mutating func update(of id: Graph.ID) -> Update? {
            var update = Update(state: id)
            for operand in graph[id].operands {
                if isPast(operand, of: id) {
                    if update.past != nil { return nil }
                    update.past = operand
                } else if let (past, factor, kind) = decay(operand, of: id) {
                    if update.past != nil { return nil }
                    (update.past, update.decay) = (past, (factor, kind))
                    absorbed.append(operand)
                } else if let term = term(operand, of: id) {
                    update.terms.append(term)
                } else {
                    return nil
                }
            }
            guard update.past != nil, (1...StateUpdates.termLimit).contains(update.terms.count) else { return nil }
            addReadings(to: &update)
            return update
        }

        /// Whether a node is the state one step ago.
        private func isPast(_ node: Graph.ID, of id: Graph.ID) -> Bool {
            graph[node].op.isDelay && graph[node].operands[0] == id && inside.contains(node)
        }

        private func isOnlyRead(_ node: Graph.ID, by reader: Graph.ID) -> Bool {
            !roots.contains(node) && readers[node] == [reader] && graph[reader].operands.count { $0 == node } == 1
        }

        /// The state one step ago and its factor, where a node is their product.
        private func decay(
            _ node: Graph.ID, of id: Graph.ID
        ) -> (past: Graph.ID, factor: Graph.ID, kind: StateUpdate.Decay)? {
            guard graph[node].op == .multiply, graph[node].shape == graph[id].shape, isOnlyRead(node, by: id) else { return nil }
            var (past, factor) = (graph[node].operands[0], graph[node].operands[1])
            if !isPast(past, of: id) { swap(&past, &factor) }
            guard isPast(past, of: id), !isPast(factor, of: id), let kind = kind(of: factor, in: id) else { return nil }
            return (past, factor, kind)
        }

        private mutating func term(_ node: Graph.ID, of id: Graph.ID) -> Term? {
            var product = node
            var reader = id
            var passed: [Graph.ID] = []
            let isNegative = graph[node].op == .function(.negate)
            if isNegative {
                guard isOnlyRead(node, by: id) else { return nil }
                passed.append(node)
                (product, reader) = (graph[node].operands[0], node)
            }
            guard graph[product].op == .multiply, graph[product].shape == graph[id].shape, isOnlyRead(product, by: reader) else {
                return nil
            }
            let (a, b) = (graph[product].operands[0], graph[product].operands[1])
            let column = kind(of: a, in: id) == .line ? a : b
            let row = column == a ? b : a
            guard kind(of: column, in: id) == .line, kind(of: row, in: id) == .column else { return nil }
            absorbed += passed + [product]
            return Term(column: column, row: row, isNegative: isNegative)
        }

        /// How a factor goes together with a state [heads, n, m]: one for each line [heads, n, 1], for each column [heads, 1, m], …
        /// The axes of the heads may be repeated to fit.
        private func kind(of factor: Graph.ID, in id: Graph.ID) -> StateUpdate.Decay? {
            let (own, state) = (graph[factor].shape.axes, graph[id].shape.axes)
            if own.allSatisfy({ $0 == 1 }) { return .number }
            guard own.count == state.count, fits(own.dropLast(2), state.dropLast(2)) else { return nil }
            switch (own[own.count - 2], own[own.count - 1]) {
            case (state[state.count - 2], state[state.count - 1]): return .element
            case (state[state.count - 2], 1): return .line
            case (1, state[state.count - 1]): return .column
            case (1, 1): return .number
            default: return nil
            }
        }

        private func fits(_ own: some Sequence<Int>, _ heads: some Sequence<Int>) -> Bool {
            zip(own, heads).allSatisfy { $0 == $1 || $0 == 1 }
        }

        // MARK: Products that read the state

        private mutating func addReadings(to update: inout Update) {
            let id = update.state
            let pasts = readers[id].filter { isPast($0, of: id) }
            for (matrix, isBefore) in [(id, false)] + pasts.map({ ($0, true) }) {
                for product in readers[matrix] {
                    guard var reading = reading(product, of: matrix, isBefore: isBefore, id) else { continue }
                    if reaches(from: product, to: id) {
                        // A term's column may be such a product, where nothing else reads it.
                        guard isBefore, isColumn(product, of: update), reading.matrixFirst else { continue }
                        reading.isColumn = true
                    }
                    // The vector must be there before the state is.
                    if reaches(from: id, to: reading.vector) || reaches(from: product, to: reading.vector) { continue }
                    update.readings.append(reading)
                    order.before[id, default: []].append(reading.vector)
                    if !reading.isColumn { order.before[product, default: []].append(id) }
                    absorbed.append(product)
                }
            }
        }

        private func reading(_ product: Graph.ID, of matrix: Graph.ID, isBefore: Bool, _ id: Graph.ID) -> Reading? {
            let node = graph[product]
            guard node.op == .product, inside.contains(product), node.operands.count == 2, node.operands[0] != node.operands[1]
            else { return nil }
            let matrixFirst = node.operands[0] == matrix
            let vector = node.operands[matrixFirst ? 1 : 0]
            let (own, state) = (graph[vector].shape.axes, graph[id].shape.axes)
            guard own.count == state.count - 1, fits(own.dropLast(), state.dropLast(2)) else { return nil }
            return Reading(product: product, vector: vector, isBefore: isBefore, matrixFirst: matrixFirst)
        }

        /// Whether a product is read as columns of the update's terms and not otherwise.
        private func isColumn(_ product: Graph.ID, of update: Update) -> Bool {
            !roots.contains(product)
                && readers[product].allSatisfy { reader in
                    graph[reader].op.isReshape && !roots.contains(reader)
                        && update.terms.contains { $0.column == reader && $0.row != reader }
                        && readers[reader].allSatisfy { absorbed.contains($0) }
                }
        }

        /// Whether a value comes after another one of the same step; also where that would take too long to find out.
        private mutating func reaches(from: Graph.ID, to: Graph.ID) -> Bool {
            var seen: Set<Graph.ID> = []
            var pending = [to]
            while let id = pending.popLast() {
                if id == from { return true }
                guard inside.contains(id), !graph[id].op.isDelay, seen.insert(id).inserted else { continue }
                order.budget -= 1
                if order.budget < 0 { return true }
                pending += graph[id].operands + order.before[id, default: []]
            }
            return false
        }
    }
}
