/// Rewrites done before any mode of execution is chosen, so that all modes compute the same sums. The interpreter runs the graph
/// as it was before them.
struct Rewriting {
    var graph: Graph

    /// - Parameter isTraining: what is dropped out is dropped.
    static func apply(to graph: Graph, isTraining: Bool = false) -> Graph {
        var rewriting = Rewriting(graph: graph)
        if isTraining { rewriting.dropOut() }
        rewriting.simplify()
        rewriting.graph.merge()
        rewriting.splitProductsOverJoins()
        rewriting.joinNestedSums()
        rewriting.graph.merge()
        rewriting.takeApartBeforeComputing()
        rewriting.tabulateTokens()
        rewriting.addOutsideTermsFirst()
        rewriting.tabulateSums()
        rewriting.sumIntoProducts()
        rewriting.shortenSums()
        rewriting.graph.merge()
        rewriting.writeOutDelayedValues()
        return rewriting.graph
    }

    /// A node next to an existing one in the text, with its shape and clock known.
    mutating func make(_ op: Operator, _ operands: [Graph.ID], shape: Shape, near id: Graph.ID) -> Graph.ID {
        let new = graph.appendFresh(op, operands, at: graph[id].position, name: nil)
        graph[new].shape = shape
        graph[new].clock = operands.map { graph[$0].clock }.max() ?? .constant
        return new
    }

    private mutating func replace(_ replacements: [Graph.ID: Graph.ID]) {
        guard !replacements.isEmpty else { return }
        graph.replace { id in
            var id = id
            while let other = replacements[id] { id = other }
            return id
        }
    }

    // MARK: Simplifications

    /// What has a simpler form: an outer product is a pointwise product of a column and a row; a value that does not change with
    /// time is its own last, first and whole; the only part of a value is the value; dropout is the identity when not training.
    private mutating func simplify() {
        var replacements: [Graph.ID: Graph.ID] = [:]
        for id in graph.nodes.indices {
            let node = graph[id]
            switch node.op {
            case .dropout, .part(0, of: 1): replacements[id] = node.operands[0]
            case .slice(_, _, let total) where node.shape.last == total: replacements[id] = node.operands[0]
            case .last, .first, .positions:
                if !graph[node.operands[0]].clock.isTimed { replacements[id] = node.operands[0] }
            case .outer:
                let (a, b) = (node.operands[0], node.operands[1])
                let column = make(.column, [a], shape: Shape(graph[a].shape.axes + [1]), near: id)
                let row = make(.row, [b], shape: Shape(graph[b].shape.leading + [1, graph[b].shape.last]), near: id)
                graph[id].op = .multiply
                graph[id].operands = [column, row]
            default: break
            }
        }
        replace(replacements)
        // A reshape of a reshape is one of the value below: chains have no length.
        for id in graph.nodes.indices where graph[id].op.isReshape {
            graph[id].op = .reshape(graph[id].shape)
            while graph[graph[id].operands[0]].op.isReshape { graph[id].operands[0] = graph[graph[id].operands[0]].operands[0] }
        }
    }

    /// Dropout is a product with a mask, which all that is dropped by one instance shares.
    private mutating func dropOut() {
        for id in graph.nodes.indices {
            guard case .dropout(let rate, let instance) = graph[id].op, rate > 0 else { continue }
            let mask = graph.appendFresh(.dropoutMask(rate: rate, instance: instance), [], at: graph[id].position)
            graph[mask].shape = graph[id].shape
            graph[mask].clock = graph[id].clock
            graph[id].op = .multiply
            graph[id].operands.append(mask)
        }
    }

    // MARK: Cycles

    /// For each node the number of its component, if that is a cycle.
    func cycles() -> [Int?] {
        var cycle = [Int?](repeating: nil, count: graph.nodes.count)
        for (number, component) in Components.find(in: graph, among: graph.live(from: graph.roots)).enumerated()
        where Components.isCycle(component, in: graph) {
            for id in component { cycle[id] = number }
        }
        return cycle
    }

    /// In a cycle, the product of a constant matrix and joined parts is the sum of the products with the parts inside the cycle and
    /// with those outside, which then leave it. Parts on one side stay joined. (A constant part does not change the side: a part of
    /// a matrix is only ever packed, and what is packed multiplies values that are not constant.)
    private mutating func splitProductsOverJoins() {
        let cycle = cycles()
        for id in graph.nodes.indices where id < cycle.count && graph[id].op == .product {
            guard let own = cycle[id] else { continue }
            let matrixFirst = graph[graph[id].operands[0]].shape.rank == graph[graph[id].operands[1]].shape.rank + 1
            let (matrix, joined) =
                matrixFirst ? (graph[id].operands[0], graph[id].operands[1]) : (graph[id].operands[1], graph[id].operands[0])
            guard graph[joined].op == .join, graph[joined].shape.rank == 1, graph[matrix].shape.rank == 2,
                graph[matrix].clock == .constant
            else { continue }
            var runs: [(inside: Bool, parts: [Graph.ID], from: Int, to: Int)] = []
            var offset = 0
            let sides = graph[joined].operands.map { part in
                graph[part].clock == .constant ? nil : part < cycle.count && cycle[part] == own
            }
            var inside = sides.lazy.compactMap { $0 }.first ?? true
            for (part, side) in zip(graph[joined].operands, sides) {
                inside = side ?? inside
                let end = offset + graph[part].shape.last
                if let last = runs.last, last.inside == inside {
                    runs[runs.count - 1].parts.append(part)
                    runs[runs.count - 1].to = end
                } else {
                    runs.append((inside, [part], offset, end))
                }
                offset = end
            }
            guard runs.count > 1 else { continue }
            graph[id].operands = runs.map { run in
                let axis = matrixFirst ? 1 : 0
                let size = run.to - run.from
                let shape: Shape = matrixFirst ? [graph[matrix].shape.axes[0], size] : [size, graph[matrix].shape.last]
                let part = make(.matrixPart(axis: axis, from: run.from, to: run.to), [matrix], shape: shape, near: id)
                let vector = run.parts.count == 1 ? run.parts[0] : make(.join, run.parts, shape: [size], near: id)
                return make(.product, matrixFirst ? [part, vector] : [vector, part], shape: graph[id].shape, near: id)
            }
            graph[id].op = .add
        }
    }

    /// Sums of sums become one sum where nothing else reads the inner one.
    mutating func joinNestedSums() {
        var readers = [Int](repeating: 0, count: graph.nodes.count)
        for node in graph.nodes { for operand in node.operands { readers[operand] += 1 } }
        for root in graph.roots { readers[root] += 2 }
        // Only sums that stay are written out: one for each sum on the way would be quadratic.
        var isInner = [Bool](repeating: false, count: graph.nodes.count)
        for id in graph.nodes.indices where graph[id].op == .add {
            for operand in graph[id].operands where operand != id && readers[operand] == 1 { isInner[operand] = true }
        }
        for id in graph.nodes.indices where graph[id].op == .add && !isInner[id] {
            var terms: [Graph.ID] = []
            var pending = Array(graph[id].operands.reversed())
            while let operand = pending.popLast() {
                if graph[operand].op == .add, readers[operand] == 1, operand != id {
                    pending.append(contentsOf: graph[operand].operands.reversed())
                } else {
                    terms.append(operand)
                }
            }
            graph[id].operands = terms
        }
    }

    /// In a cycle, the terms of a sum that come from outside are added first, in the order written, as one value that is computed
    /// for all steps at once.
    mutating func addOutsideTermsFirst() {
        let cycle = cycles()
        for id in graph.nodes.indices where id < cycle.count && graph[id].op == .add {
            guard let own = cycle[id] else { continue }
            let outside = graph[id].operands.filter { cycle[$0] != own }
            let inside = graph[id].operands.filter { cycle[$0] == own }
            guard !outside.isEmpty else { continue }
            var first = outside
            if outside.count > 1 {
                let shape = outside.reduce([] as Shape) { $0.joined(with: graph[$1].shape) ?? $0 }
                first = [make(.add, outside, shape: shape, near: id)]
            }
            graph[id].operands = first + inside
        }
    }

    /// A pass has room for so many operands at once: longer sums go on in another one, in the same order.
    private mutating func shortenSums() {
        let limit = Pass.registerLimit / 2
        for id in graph.nodes.indices where graph[id].op == .add {
            var terms = graph[id].operands[...]
            while terms.count > limit {
                let shape = terms.prefix(limit).reduce([] as Shape) { $0.joined(with: graph[$1].shape) ?? $0 }
                let sum = make(.add, Array(terms.prefix(limit)), shape: shape, near: id)
                terms = [sum] + terms.dropFirst(limit)
            }
            graph[id].operands = Array(terms)
        }
    }

    // MARK: Delays

    /// What a delay or a window reads from the past must be stored as it is, by itself: views, values of another shape or clock,
    /// and one value under delays with different starts are written out.
    private mutating func writeOutDelayedValues() {
        let number = graph.nodes.count
        for id in 0..<number {
            let node = graph[id]
            switch node.op {
            case .delay(let direction, let clock):
                if !isStored(node.operands[0], as: node.shape, clock, chainOf: direction) || delaysOnlyItself(id) {
                    writeOut(id, shape: node.shape, clock)
                }
            case .window(_, let clock):
                let operand = graph[node.operands[0]]
                if !isStored(node.operands[0], as: operand.shape, clock, chainOf: .previous) {
                    writeOut(id, shape: operand.shape, clock)
                }
            case .windowSum:
                let operand = graph[node.operands[0]]
                if !isStored(node.operands[0], as: operand.shape, node.clock, chainOf: .following) {
                    writeOut(id, shape: operand.shape, node.clock)
                }
            default: break
            }
        }
        separateStarts()
    }

    private func isStored(_ id: Graph.ID, as shape: Shape, _ clock: Clock, chainOf direction: Operator.Direction) -> Bool {
        let node = graph[id]
        guard node.clock == clock, node.shape == shape else { return false }
        switch node.op {
        case .delay(direction, _): return true
        case .number, .tensor, .input, .delay, .part, .slice, .rowPart, .matrixPart: return false
        default: return !node.op.isReshape
        }
    }

    /// `h = prev(h, start: e)`, directly or through other delays: nothing on the way stores a value.
    private func delaysOnlyItself(_ id: Graph.ID) -> Bool {
        var seen: Set<Graph.ID> = [id]
        var current = graph[id].operands[0]
        while graph[current].op.isDelay {
            guard seen.insert(current).inserted else { return true }
            current = graph[current].operands[0]
        }
        return false
    }

    private mutating func writeOut(_ id: Graph.ID, shape: Shape, _ clock: Clock) {
        let copy = graph.appendFresh(.copy, [graph[id].operands[0]], at: graph[id].position, name: graph[id].name)
        graph[copy].shape = shape
        graph[copy].clock = clock
        graph[id].operands[0] = copy
    }

    /// One stored value has one past: a delay with another start reads a copy.
    private mutating func separateStarts() {
        var pasts: [Graph.ID: Past] = [:]
        for id in graph.nodes.indices {
            guard let chain = DelayChain(id, in: graph) else { continue }
            var past = pasts[chain.stored, default: Past()]
            if past.takes(chain) {
                pasts[chain.stored] = past
            } else {
                let outermost = graph[id]
                writeOut(id, shape: outermost.op.isDelay ? outermost.shape : graph[outermost.operands[0]].shape, outermost.clock)
                if let copied = DelayChain(id, in: graph) {
                    var fresh = Past()
                    _ = fresh.takes(copied)
                    pasts[copied.stored] = fresh
                }
            }
        }
    }

    /// The starts of a stored value, by how many steps before the first (or after the last) they stand; nil means zero.
    private struct Past {
        var starts: [DelayChain.Side: [Int: Graph.ID?]] = [:]

        mutating func takes(_ chain: DelayChain) -> Bool {
            var own = starts[chain.side, default: [:]]
            for (index, start) in chain.starts.enumerated() {
                if let known = own[index], known != start { return false }
                own[index] = .some(start)
            }
            starts[chain.side] = own
            return true
        }
    }
}

/// A delay, the delays under it, and the stored value at the end of the chain.
struct DelayChain {
    enum Side: Hashable { case before, after }

    let stored: Graph.ID
    /// Steps between the stored value and what is read.
    let depth: Int
    let side: Side
    /// Index 0: the value one step before the first (or after the last). nil: zero.
    let starts: [Graph.ID?]

    /// nil for a node that is no delay, no window and no adjoint of one.
    init?(_ id: Graph.ID, in graph: Graph) {
        var starts: [Graph.ID?] = []
        var current = id
        var side = Side.before
        if case .window(let count, _) = graph[id].op {
            current = graph[id].operands[0]
            starts = [Graph.ID?](repeating: nil, count: count - 1)
        } else if graph[id].op == .windowSum {
            current = graph[id].operands[0]
            starts = [Graph.ID?](repeating: nil, count: graph[current].windowLength - 1)
            side = .after
        } else if case .delay(let direction, _) = graph[id].op {
            side = direction == .previous ? .before : .after
        } else {
            return nil
        }
        while case .delay = graph[current].op {
            let start = graph[current].operands[1]
            starts.append(graph.number(start) == 0 ? nil : start)
            current = graph[current].operands[0]
        }
        stored = current
        depth = starts.count
        self.side = side
        self.starts = starts.reversed()
    }
}
