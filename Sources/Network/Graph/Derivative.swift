/// The program run backwards: nodes for the derivative of a loss with respect to tensors and inputs, in the same graph and of the
/// same operators, so that the same compiler compiles them. `zoo/NOTATION.md`, section 6, has the rule of each operator.
///
/// A delay's adjoint is the adjoint one step later: `prev` becomes `next` and the reverse. An operand that is computed less often
/// than its reader gets the sum over the steps: a parameter the total over all steps of all sequences.
struct Derivative {
    /// With the adjoints added.
    private(set) var graph: Graph
    /// The derivative of the loss with respect to a node's value, where there is one.
    private(set) var adjoints: [Graph.ID: Graph.ID] = [:]

    /// Delays whose adjoint one step later is part of the adjoint of what they delay, in the order of nodes.
    private(set) var delays: [Graph.ID] = []

    /// What has been found so far of a node's adjoint: terms of a sum.
    private var terms: [Graph.ID: [Graph.ID]] = [:]
    /// Adjoints of some of a node's columns (elements of the last axis), and of some of its rows (the first axis).
    private var columns: [Graph.ID: [Part]] = [:]
    private var rows: [Graph.ID: [Part]] = [:]
    /// Whether a node depends on what is differentiated by, and the loss on it.
    private let isActive: [Bool]

    private struct Part {
        var range: Range<Int>
        var value: Graph.ID
    }

    /// - Parameters:
    ///   - seeds: nodes, and the derivative of the loss with respect to them as far as other nodes do not say it.
    ///   - isVariable: what to differentiate by, among tensors and inputs.
    init(of source: Graph, seeds: [(node: Graph.ID, adjoint: Graph.ID)], by isVariable: (Graph.Node) -> Bool) {
        graph = source
        let live = source.live(from: seeds.map(\.node))
        isActive = Self.active(source, live, isVariable)
        for seed in seeds { add(seed.adjoint, to: seed.node) }
        let mirrors = mirrorDelays(live)
        delays = mirrors.map(\.delay)
        // Operands before readers, delays cut: from its end, every reader comes before its operands.
        for id in (Components.order(live, in: source) ?? live).reversed() where isActive[id] {
            guard let adjoint = sum(for: id) else { continue }
            adjoints[id] = adjoint
            propagate(adjoint, of: id)
        }
        for (delay, mirror) in mirrors { graph[mirror].operands[0] = adjoints[delay] ?? zeros(graph[delay].shape, near: delay) }
    }

    private static func active(_ graph: Graph, _ live: [Graph.ID], _ isVariable: (Graph.Node) -> Bool) -> [Bool] {
        var (active, isLive) = (
            [Bool](repeating: false, count: graph.nodes.count), [Bool](repeating: false, count: graph.nodes.count)
        )
        for id in live { isLive[id] = true }
        let readers = graph.readers
        var pending = live.filter { isVariable(graph[$0]) }
        for id in pending { active[id] = true }
        while let id = pending.popLast() {
            for reader in readers[id] where isLive[reader] && !active[reader] {
                active[reader] = true
                pending.append(reader)
            }
        }
        return active
    }

    /// A delay's adjoint is known only after that of the delayed value has been asked for: nodes whose operand is filled in at the end.
    private mutating func mirrorDelays(_ live: [Graph.ID]) -> [(delay: Graph.ID, mirror: Graph.ID)] {
        var mirrors: [(delay: Graph.ID, mirror: Graph.ID)] = []
        for id in live where isActive[id] {
            guard case .delay(let direction, let clock) = graph[id].op, isActive[graph[id].operands[0]] else { continue }
            let zero = number(0, near: id)
            let mirror = make(.delay(direction.reversed, clock), [zero, zero], graph[id].shape, clock, near: id)
            add(mirror, to: graph[id].operands[0])
            mirrors.append((id, mirror))
        }
        return mirrors
    }

    // MARK: Sums of terms

    private mutating func sum(for id: Graph.ID) -> Graph.ID? {
        let node = graph[id]
        let all = terms[id, default: []] + joined(columns[id, default: []], of: id) + stacked(rows[id, default: []], of: id)
        guard var sum = all.first else { return nil }
        let clock = node.clock == .constant ? .total : node.clock
        if all.count > 1 { sum = make(.add, all, node.shape, clock, near: id) }
        if graph[sum].shape != node.shape || graph[sum].clock != clock { sum = make(.copy, [sum], node.shape, clock, near: id) }
        if graph[sum].name == nil { graph[sum].name = node.name.map { "the gradient of \($0)" } }
        return sum
    }

    /// Adds to the adjoint of an operand what one of its readers contributes. What was repeated to fit is added up, over axes and over
    /// steps; what is the same for all elements is repeated where it is added.
    private mutating func add(_ term: Graph.ID, to operand: Graph.ID) {
        guard isActive[operand] else { return }
        var term = term
        let (shape, clock) = (graph[operand].shape, graph[operand].clock)
        if graph[term].shape.joined(with: shape) != shape {
            term = make(.sumToFit, [term], shape, graph[term].clock, near: operand)
        }
        if clock == .constant, graph[term].clock != .total {
            term = make(.total, [term], graph[term].shape, .total, near: operand)
        } else if clock == .once, graph[term].clock.isTimed {
            term = make(.sumOverSteps, [term], graph[term].shape, .once, near: operand)
        }
        terms[operand, default: []].append(term)
    }

    private mutating func add(_ value: Graph.ID, toColumns range: Range<Int>, of operand: Graph.ID) {
        if isActive[operand] { columns[operand, default: []].append(Part(range: range, value: value)) }
    }

    private mutating func joined(_ parts: [Part], of id: Graph.ID) -> [Graph.ID] {
        let shape = graph[id].shape
        return layers(parts, end: shape.last).map { layer in
            let values = layer.map { part in
                part.value ?? zeros([part.range.count], near: id)
            }
            return make(.join, values, shape, clock(of: values), near: id)
        }
    }

    private mutating func stacked(_ parts: [Part], of id: Graph.ID) -> [Graph.ID] {
        let shape = graph[id].shape
        let row = Shape(Array(shape.axes.dropFirst()))
        return layers(parts, end: shape.axes.first ?? 1).map { layer in
            let values = layer.flatMap { part in
                part.value.map { [$0] } ?? part.range.map { _ in zeros(row, near: id) }
            }
            return make(.stack, values, shape, clock(of: values), near: id)
        }
    }

    /// The parts in their order with the gaps between them (nil); those that overlap others go into further layers.
    private func layers(_ parts: [Part], end: Int) -> [[(range: Range<Int>, value: Graph.ID?)]] {
        var rest = parts.sorted { $0.range.lowerBound < $1.range.lowerBound }
        var layers: [[(range: Range<Int>, value: Graph.ID?)]] = []
        while !rest.isEmpty {
            var layer: [(range: Range<Int>, value: Graph.ID?)] = []
            var later: [Part] = []
            var place = 0
            for part in rest {
                guard part.range.lowerBound >= place else {
                    later.append(part)
                    continue
                }
                if part.range.lowerBound > place { layer.append((place..<part.range.lowerBound, nil)) }
                layer.append((part.range, part.value))
                place = part.range.upperBound
            }
            if place < end { layer.append((place..<end, nil)) }
            layers.append(layer)
            rest = later
        }
        return layers
    }

    // MARK: Nodes

    /// A node near another one in the text.
    private mutating func make(
        _ op: Operator, _ operands: [Graph.ID], _ shape: Shape, _ clock: Clock? = nil, near id: Graph.ID
    ) -> Graph.ID {
        let new = graph.appendFresh(op, operands, at: graph[id].position)
        graph[new].shape = shape
        graph[new].clock = clock ?? self.clock(of: operands)
        return new
    }

    private func clock(of operands: [Graph.ID]) -> Clock { operands.map { graph[$0].clock }.max() ?? .constant }

    private mutating func number(_ value: Double, near id: Graph.ID) -> Graph.ID { make(.number(value), [], [], near: id) }

    private mutating func zeros(_ shape: Shape, near id: Graph.ID) -> Graph.ID {
        make(.copy, [number(0, near: id)], shape, .constant, near: id)
    }
}

// MARK: Rules

extension Derivative {
    /// Adds to the adjoints of a node's operands what it contributes.
    private mutating func propagate(_ g: Graph.ID, of id: Graph.ID) {
        let node = graph[id]
        guard let a = node.operands.first else { return }
        switch node.op {
        case .function(let function): propagate(g, function, y: id, a)
        case .power(let exponent):
            if exponent == 0 { return }
            let power = exponent == 2 ? a : pointwise(.power(exponent - 1), [a], id)
            add(pointwise(.multiply, [g, pointwise(.multiply, [number(exponent, near: id), power], id)], id), to: a)
        case .add: for operand in node.operands { add(g, to: operand) }
        case .multiply:
            let b = node.operands[1]
            if isActive[a] { add(pointwise(.multiply, [g, b], id), to: a) }
            if isActive[b] { add(pointwise(.multiply, [g, a], id), to: b) }
        case .divide:
            let b = node.operands[1]
            let quotient = pointwise(.divide, [g, b], id)
            add(quotient, to: a)
            if isActive[b] { add(negated(pointwise(.multiply, [quotient, id], id), id), to: b) }
        case .maximum, .minimum: propagateChoice(g, of: id)
        case .copy: add(g, to: a)
        case .dropout: add(make(node.op, [g], node.shape, near: id), to: a)  // of one instance: the same elements are dropped
        case .product: propagateProduct(g, of: id)
        case .outer:
            let b = node.operands[1]
            if isActive[a] { add(make(.product, [g, b], Shape(graph[id].shape.leading), near: id), to: a) }
            if isActive[b] {
                add(make(.product, [a, g], Shape(graph[id].shape.axes.dropLast(2) + [graph[b].shape.last]), near: id), to: b)
            }
        case .sum: add(repeated(g, like: a), to: a)
        case .mean:
            let count =
                graph[a].shape.last == Shape.sourceLength ? sourceLength(near: id) : number(Double(graph[a].shape.last), near: id)
            add(repeated(pointwise(.divide, [g, count], id), like: a), to: a)
        case .softmax:
            let product = pointwise(.multiply, [g, id], id)
            let sum = make(.sum, [product], Shape(node.shape.leading + [1]), near: id)
            add(pointwise(.multiply, [id, pointwise(.add, [g, negated(sum, id)], id)], id), to: a)
        default: propagateArrangement(g, of: id)
        }
    }

    private mutating func propagate(_ g: Graph.ID, _ function: Operator.Function, y: Graph.ID, _ a: Graph.ID) {
        let derivative: Graph.ID
        switch function {
        case .negate: return add(negated(g, y), to: a)
        case .exp: derivative = y
        case .log: return add(pointwise(.divide, [g, a], y), to: a)
        case .sqrt: return add(pointwise(.divide, [g, pointwise(.multiply, [number(2, near: y), y], y)], y), to: a)
        case .tanh: derivative = oneMinus(pointwise(.power(2), [y], y), y)
        case .sigmoid: derivative = pointwise(.multiply, [y, oneMinus(y, y)], y)
        case .relu: derivative = pointwise(.function(.positive), [y], y)
        case .abs:
            let negative = pointwise(.function(.positive), [negated(a, y)], y)
            derivative = pointwise(.add, [pointwise(.function(.positive), [a], y), negated(negative, y)], y)
        case .softplus: derivative = pointwise(.function(.sigmoid), [a], y)
        case .sin: derivative = pointwise(.function(.cos), [a], y)
        case .cos: derivative = negated(pointwise(.function(.sin), [a], y), y)
        case .positive: return
        }
        add(pointwise(.multiply, [g, derivative], y), to: a)
    }

    /// Where the first operand was chosen; a tie goes to the second.
    private mutating func propagateChoice(_ g: Graph.ID, of id: Graph.ID) {
        let (a, b) = (graph[id].operands[0], graph[id].operands[1])
        let (more, less) = graph[id].op == .maximum ? (a, b) : (b, a)
        let first = pointwise(.function(.positive), [pointwise(.add, [more, negated(less, id)], id)], id)
        if isActive[a] { add(pointwise(.multiply, [g, first], id), to: a) }
        if isActive[b] { add(pointwise(.multiply, [g, oneMinus(first, id)], id), to: b) }
    }

    private mutating func propagateProduct(_ g: Graph.ID, of id: Graph.ID) {
        let (p, q) = (graph[id].operands[0], graph[id].operands[1])
        let matrixFirst = graph[p].shape.rank == graph[q].shape.rank + 1
        let (matrix, vector) = matrixFirst ? (p, q) : (q, p)
        if isActive[vector] {
            let shape = Shape(graph[id].shape.leading + [graph[vector].shape.last])
            add(make(.product, matrixFirst ? [g, matrix] : [matrix, g], shape, near: id), to: vector)
        }
        guard isActive[matrix] else { return }
        let factors = matrixFirst ? [g, vector] : [vector, g]
        let shape = graph[matrix].shape
        if graph[matrix].clock == .constant, clock(of: factors) != .total,
            Shape(Array(shape.axes.dropLast(2))) == Shape(graph[id].shape.leading)
        {
            add(make(.outerTotal, factors, shape, .total, near: id), to: matrix)
        } else {
            let full = Shape(graph[id].shape.leading + shape.axes.suffix(2))
            add(make(.outer, factors, full, near: id), to: matrix)
        }
    }

    /// Operators that move elements about, and those that know time.
    private mutating func propagateArrangement(_ g: Graph.ID, of id: Graph.ID) {
        let node = graph[id]
        let a = node.operands[0]
        switch node.op {
        case .join:
            var from = 0
            let total = node.shape.last
            for operand in node.operands {
                let width = graph[operand].shape.last
                if isActive[operand] {
                    let part = make(
                        .slice(from: from, to: from + width, total: total), [g], Shape(node.shape.leading + [width]), near: id)
                    add(part, to: operand)
                }
                from += width
            }
        case .part(let index, _): add(g, toColumns: index * node.shape.last..<(index + 1) * node.shape.last, of: a)
        case .slice(let from, let to, _): add(g, toColumns: from..<to, of: a)
        case .rowPart(let index, _): if isActive[a] { rows[a, default: []].append(Part(range: index..<index + 1, value: g)) }
        case .heads, .flat, .column, .row, .reshape: add(make(.reshape(graph[a].shape), [g], graph[a].shape, near: id), to: a)
        case .gather: add(make(.scatterTotal, [g, node.operands[1]], graph[a].shape, .total, near: id), to: a)
        case .table(let matrixFirst):
            let embedding = node.operands[1]
            if isActive[a] {
                add(make(.outerTotal, matrixFirst ? [g, embedding] : [embedding, g], graph[a].shape, .total, near: id), to: a)
            }
            if isActive[embedding] {
                add(make(.table(matrixFirst: !matrixFirst), [a, g], graph[embedding].shape, .total, near: id), to: embedding)
            }
        case .delay(let direction, _):
            // The delayed value's own part is a mirror of this node.
            let start = node.operands[1]
            if isActive[start] {
                add(make(direction == .previous ? .atBeginning : .last, [g], node.shape, .once, near: id), to: start)
            }
        case .window(_, let clock): add(make(.windowSum, [g], graph[a].shape, clock, near: id), to: a)
        case .last, .first:
            guard graph[a].clock.isTimed else { return add(g, to: a) }
            // 1 at that step alone: what is there before the first step, or after the last one, and no longer.
            let direction: Operator.Direction = node.op == .last ? .following : .previous
            let isThere = make(
                .delay(direction, graph[a].clock), [number(0, near: id), number(1, near: id)], [], graph[a].clock, near: id)
            add(pointwise(.multiply, [g, isThere], id), to: a)
        case .positions:
            add(graph[a].clock == .source ? make(.atPosition, [g], graph[a].shape, .source, near: id) : g, to: a)
        default: break  // leaves, and what is made for training: nothing beyond them is differentiated
        }
    }

    // MARK: Expressions

    private mutating func pointwise(_ op: Operator, _ operands: [Graph.ID], _ id: Graph.ID) -> Graph.ID {
        let shape = operands.reduce([] as Shape) { $0.joined(with: graph[$1].shape) ?? $0 }
        return make(op, operands, shape, near: id)
    }

    private mutating func negated(_ a: Graph.ID, _ id: Graph.ID) -> Graph.ID { pointwise(.function(.negate), [a], id) }

    private mutating func oneMinus(_ a: Graph.ID, _ id: Graph.ID) -> Graph.ID {
        pointwise(.add, [number(1, near: id), negated(a, id)], id)
    }

    private mutating func repeated(_ a: Graph.ID, like other: Graph.ID) -> Graph.ID {
        make(.copy, [a], graph[other].shape, near: other)
    }

    /// The length of the source as a value.
    private mutating func sourceLength(near id: Graph.ID) -> Graph.ID {
        let ones = make(.copy, [number(1, near: id)], [Shape.sourceLength], .once, near: id)
        return make(.sum, [ones], [1], near: id)
    }
}
