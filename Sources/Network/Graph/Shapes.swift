/// The shape of every value, from the shapes of the tensors. `zoo/NOTATION.md`, sections 5 and 6.
///
/// All delays begin as unknown; an unknown operand leaves a pointwise operator with the other's shape. The rules are applied to
/// the whole graph until nothing changes, and only then are errors reported: a mismatch seen on the way may come of an unknown.
struct Shapes {
    static let roundLimit = 40

    private var graph: Graph
    private let tensors: [String: [Int]]
    private var shapes: [Shape?]

    static func infer(_ graph: inout Graph, tensors: [String: [Int]]) throws(NotationErrors) {
        var inference = Shapes(graph: graph, tensors: tensors, shapes: [Shape?](repeating: nil, count: graph.nodes.count))
        let unsettled = inference.settle()
        let errors = inference.errors(unsettled: unsettled)
        if !errors.isEmpty { throw NotationErrors(errors) }
        for id in graph.nodes.indices { graph[id].shape = inference.shapes[id] ?? [] }
    }

    /// The nodes whose shapes still change after the last round.
    private mutating func settle() -> [Graph.ID] {
        var changed: [Graph.ID] = []
        for _ in 0..<Self.roundLimit {
            changed = []
            for id in graph.nodes.indices {
                let shape = (try? self.shape(of: id)) ?? nil
                if shape != shapes[id] {
                    shapes[id] = shape
                    changed.append(id)
                }
            }
            if changed.isEmpty { break }
        }
        return changed
    }

    private func errors(unsettled: [Graph.ID]) -> [Diagnostic] {
        if let growing = unsettled.first(where: { graph[$0].op.isDelay }) ?? unsettled.first {
            let shown = graph.shown(growing)
            let node = graph[growing]
            let start = node.op.isDelay ? shapes[node.operands[1]]?.shown ?? "a number" : "a value"
            return [Diagnostic(node.position, "\(shown) grows at every step: \(start) + itself")]
        }
        var errors = misusedTokens()
        for id in graph.nodes.indices {
            do { _ = try shape(of: id) } catch { errors.append(Diagnostic(graph[id].position, error.message)) }
        }
        if !errors.isEmpty { return errors }
        // What depends only on itself: named at its delays, which is where a start would help.
        let unknown = graph.nodes.indices.filter { shapes[$0] == nil }
        let delays = unknown.filter { graph[$0].op.isDelay }
        return (delays.isEmpty ? unknown : delays).map {
            Diagnostic(
                graph[$0].position,
                "the shape of \(graph.shown($0)) cannot be found: it depends only on itself. Give it a start: of the right size")
        }
    }

    /// A token id is not a number to calculate with: it takes a row of a matrix.
    private func misusedTokens() -> [Diagnostic] {
        var errors: [Diagnostic] = []
        for node in graph.nodes {
            for (place, operand) in node.operands.enumerated() where !(node.op == .gather && place == 1) {
                guard case .input(_, let name, nil) = graph[operand].op else { continue }
                errors.append(
                    Diagnostic(
                        node.position,
                        "\(name) is a token, not a number: take a row of a matrix with it, as in embedding[\(name)]"))
            }
        }
        for id in graph.roots {
            guard case .input(_, let name, nil) = graph[id].op else { continue }
            errors.append(Diagnostic(graph[id].position, "\(name) is a token: it cannot be a result"))
        }
        return errors
    }

    private struct Mismatch: Error { var message: String }

    // MARK: Rules

    /// - Returns: nil while an operand that decides it is unknown.
    private func shape(of id: Graph.ID) throws(Mismatch) -> Shape? {
        guard let shape = try unlimitedShape(of: graph[id]) else { return nil }
        if shape.isWithinLimits { return shape }
        throw Mismatch(
            message: shape.rank > Shape.rankLimit
                ? "\(graph.shown(id)) has \(shape.rank) axes, more than \(Shape.rankLimit)"
                : "\(graph.shown(id)) has more than \(Shape.elementLimit) elements: \(shape.shown)")
    }

    private func unlimitedShape(of node: Graph.Node) throws(Mismatch) -> Shape? {
        let operands = node.operands.map { shapes[$0] }
        switch node.op {
        case .number: return []
        case .tensor(let name): return Shape(tensors[name] ?? [])
        case .input(_, _, let size): return size.map { [$0] } ?? []
        case .add, .multiply, .divide, .maximum, .minimum, .delay:
            return try together(operands.compactMap { $0 }, node, allKnown: !operands.contains(nil))
        case .product: return try product(node, operands[0], operands[1])
        default:
            let known = operands.compactMap { $0 }
            return known.count == operands.count ? try shape(of: node, known) : nil
        }
    }

    private func together(_ shapes: [Shape], _ node: Graph.Node, allKnown: Bool) throws(Mismatch) -> Shape? {
        guard var result = shapes.first else { return nil }
        for shape in shapes.dropFirst() {
            guard let joined = result.joined(with: shape) else {
                throw Mismatch(message: "\(node.op.name): \(result.shown) and \(shape.shown) do not go together")
            }
            result = joined
        }
        if node.op.isDelay, !allKnown, result.rank == 0 { return nil }
        return result
    }

    private func product(_ node: Graph.Node, _ a: Shape?, _ b: Shape?) throws(Mismatch) -> Shape? {
        func isMatrix(_ operand: Int) -> Bool {
            if case .tensor = graph[node.operands[operand]].op { shapes[node.operands[operand]]?.rank == 2 } else { false }
        }
        guard let a, let b else {
            if let a, isMatrix(0) { return [a.axes[0]] }
            if let b, isMatrix(1) { return [b.axes[1]] }
            return nil
        }
        let matrixFirst = a.rank == b.rank + 1
        guard matrixFirst || b.rank == a.rank + 1, min(a.rank, b.rank) >= 1 else {
            throw Mismatch(
                message: "@ multiplies a matrix and a vector; these are \(a.shown) and \(b.shown). "
                    + "sum(a * b) is a dot product, outer(a, b) makes a matrix")
        }
        let (matrix, vector) = matrixFirst ? (a, b) : (b, a)
        let (rows, columns) = (matrix.axes[matrix.rank - 2], matrix.last)
        guard (matrixFirst ? columns : rows) == vector.last else {
            let names = node.operands.compactMap { graph[$0].name }.joined(separator: ", ")
            let met =
                matrixFirst
                ? "@: a \(matrix.shown) matrix does not meet a \(vector.shown) vector: \(columns) columns, \(vector.last) elements"
                : "@: a \(vector.shown) vector does not meet a \(matrix.shown) matrix: \(vector.last) elements, \(rows) rows"
            throw Mismatch(message: names.isEmpty ? met : "\(met) (\(names))")
        }
        guard let leading = Shape(Array(matrix.axes.dropLast(2))).joined(with: Shape(vector.leading)) else {
            throw Mismatch(message: "@: the heads of \(a.shown) and \(b.shown) do not go together")
        }
        return Shape(leading.axes + [matrixFirst ? rows : columns])
    }

    private func shape(of node: Graph.Node, _ operands: [Shape]) throws(Mismatch) -> Shape {
        let x = operands[0]
        switch node.op {
        case .outer:
            guard let leading = Shape(x.leading).joined(with: Shape(operands[1].leading)), x.rank > 0, operands[1].rank > 0 else {
                throw Mismatch(message: "outer: \(x.shown) and \(operands[1].shown) do not go together")
            }
            return Shape(leading.axes + [x.last, operands[1].last])
        case .sum, .mean: return x.rank == 0 ? x : Shape(x.leading + [1])
        case .softmax:
            if x.last == 1 { throw Mismatch(message: "softmax over an axis of one element is always 1") }
            return x
        case .join: return try joined(operands)
        case .part, .slice, .rowPart: return try part(node.op, of: x)
        case .heads(let count):
            guard x.rank > 0, x.last > 0, x.last % count == 0 else {
                throw Mismatch(message: "heads: \(shownLast(x)) do not divide into \(count) equal parts")
            }
            return Shape(x.leading + [count, x.last / count])
        case .flat:
            guard x.rank >= 2, !x.axes.suffix(2).contains(Shape.sourceLength) else {
                throw Mismatch(message: "flat joins the last two axes; this is \(x.shown)")
            }
            return Shape(x.axes.dropLast(2) + [x.axes[x.rank - 2] * x.last])
        case .column: return Shape(x.axes + [1])
        case .row: return Shape(x.leading + [1] + x.axes.suffix(1))
        case .gather: return try gathered(node, x)
        case .window(let count, _): return x.rank == 0 ? [count] : Shape(x.leading + [count, x.last])
        case .positions:
            guard graph[node.operands[0]].clock == .source else { return x }
            return x.rank == 0 ? [Shape.sourceLength] : Shape(x.leading + [Shape.sourceLength, x.last])
        case .matrixPart(let axis, let from, let to):
            return axis == 0 ? [to - from, x.last] : [x.axes[0], to - from]
        default: return x  // functions, powers, dropout, last, first, copy
        }
    }

    private func joined(_ operands: [Shape]) throws(Mismatch) -> Shape {
        var leading: Shape = []
        for shape in operands {
            guard shape.rank > 0 else { throw Mismatch(message: "[…]: a number has no axis to join along") }
            guard shape.last != Shape.sourceLength else {
                throw Mismatch(message: "[…]: \(shape.shown) cannot be joined along the source's length")
            }
            guard let joined = leading.joined(with: Shape(shape.leading)) else {
                let shown = operands.map(\.shown).joined(separator: ", ")
                throw Mismatch(message: "[…]: \(shown) do not go together before their last axis")
            }
            leading = joined
        }
        return Shape(leading.axes + [operands.reduce(0) { $0 + $1.last }])
    }

    private func part(_ op: Operator, of x: Shape) throws(Mismatch) -> Shape {
        switch op {
        case .part(_, let count):
            guard x.rank > 0, x.last > 0, x.last % count == 0 else {
                throw Mismatch(message: "\(shownLast(x)) do not split into \(count) equal parts")
            }
            return Shape(x.leading + [x.last / count])
        case .slice(let from, let to, let total):
            guard x.rank > 0, x.last == total else {
                throw Mismatch(message: "split: the sizes add up to \(total), the value has \(shownLast(x))")
            }
            return Shape(x.leading + [to - from])
        default:
            guard case .rowPart(_, let count) = op, x.rank >= 2, x.axes[0] == count else {
                throw Mismatch(message: "rows: the names are not as many as the rows of \(x.shown)")
            }
            return Shape(Array(x.axes.dropFirst()))
        }
    }

    private func gathered(_ node: Graph.Node, _ matrix: Shape) throws(Mismatch) -> Shape {
        guard case .input(_, let name, nil) = graph[node.operands[1]].op else {
            throw Mismatch(message: "[ ]: the index must be a token, not \(graph.shown(node.operands[1]))")
        }
        guard matrix.rank == 2 else {
            throw Mismatch(message: "[\(name)]: a row is taken from a matrix; this is \(matrix.shown)")
        }
        guard graph[node.operands[0]].clock == .constant else {
            throw Mismatch(message: "[\(name)]: the matrix must be known when the archive is opened")
        }
        return [matrix.last]
    }

    private func shownLast(_ x: Shape) -> String {
        x.last == Shape.sourceLength ? "the source's positions" : "\(x.last) value\(x.last == 1 ? "" : "s")"
    }
}
