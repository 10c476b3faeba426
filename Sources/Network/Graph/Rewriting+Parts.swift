/// Values that are only read in parts are computed in parts: the gates of a cell become products and sums of the size of its state,
/// which one pass can take together, and which one member of a team computes from end to end.
extension Rewriting {
    mutating func takeApartBeforeComputing() {
        var readers = graph.readers
        let roots = Set(graph.roots)
        // Taking apart multiplies nodes by the number of parts: that has an end.
        let limit = 2 * graph.nodes.count + 4096
        var pending = Array(graph.nodes.indices)
        while let id = pending.popLast() {
            let own = readers[id]
            guard canBeTakenApart(id), !roots.contains(id), !own.isEmpty, own.allSatisfy({ graph[$0].op.isPart }),
                graph.nodes.count + own.count * graph[id].operands.count <= limit
            else { continue }
            let node = graph[id]
            for reader in own {
                let part = graph[reader]
                graph[reader].op = node.op
                graph[reader].operands = node.operands.enumerated().map { place, operand in
                    let new = self.part(of: operand, at: place, in: node, like: part)
                    if new != operand {
                        readers.append(contentsOf: repeatElement([], count: graph.nodes.count - readers.count))
                        readers[graph[new].operands[0]].append(new)
                    }
                    readers[new].append(reader)
                    return new
                }
            }
            for operand in node.operands { readers[operand].removeAll { $0 == id } }
            pending += node.operands
        }
        graph.merge()
    }

    private func canBeTakenApart(_ id: Graph.ID) -> Bool {
        let node = graph[id]
        guard node.clock != .constant, node.shape.rank == 1 else { return false }
        switch node.op {
        case .function, .power, .add, .multiply, .divide, .maximum, .minimum: return true
        case .product:
            let matrix = graph[matrixOperand(of: id)]
            return matrix.clock == .constant && matrix.shape.rank == 2
        default: return false
        }
    }

    /// The matrix of a product: the operand with one axis more.
    private func matrixOperand(of id: Graph.ID) -> Graph.ID {
        let (a, b) = (graph[id].operands[0], graph[id].operands[1])
        return graph[a].shape.rank == graph[b].shape.rank + 1 ? a : b
    }

    /// What the part of a result needs of an operand.
    private mutating func part(of operand: Graph.ID, at place: Int, in node: Graph.Node, like part: Graph.Node) -> Graph.ID {
        let shape = graph[operand].shape
        guard node.op == .product else {
            // What is one number for all elements is the same for a part of them.
            return shape.last == 1 ? operand : make(part.op, [operand], shape: [part.shape.last], near: operand)
        }
        guard shape.rank == 2 else { return operand }
        var from = 0
        switch part.op {
        case .part(let index, _): from = index * part.shape.last
        case .slice(let first, _, _): from = first
        default: break
        }
        let axis = place == 0 ? 0 : 1
        let taken: Shape = axis == 0 ? [part.shape.last, shape.last] : [shape.axes[0], part.shape.last]
        return make(.matrixPart(axis: axis, from: from, to: from + part.shape.last), [operand], shape: taken, near: operand)
    }
}

// MARK: Tables

/// What depends on the token alone is computed when the model is loaded, once for each token, where that takes little memory.
extension Rewriting {
    /// `W @ E[token]` is the row of a table.
    /// - Parameter rowLimit: of a table.
    mutating func tabulateTokens(rowLimit: Int = .max) {
        for id in graph.nodes.indices where graph[id].op == .product {
            let matrix = matrixOperand(of: id)
            let vector = graph[id].operands[0] == matrix ? graph[id].operands[1] : graph[id].operands[0]
            guard graph[matrix].clock == .constant, graph[matrix].shape.rank == 2, graph[vector].op == .gather,
                graph[graph[vector].operands[0]].clock == .constant
            else { continue }
            let embedding = graph[vector].operands[0]
            let (rows, inputs, outputs) = (graph[embedding].shape.axes[0], graph[embedding].shape.last, graph[id].shape.last)
            guard rows <= rowLimit, rows <= max(4 * inputs, 512), rows * outputs <= 1 << 24 else { continue }
            let table = make(
                .table(matrixFirst: graph[id].operands[0] == matrix), [matrix, embedding], shape: [rows, outputs], near: id)
            graph[id].op = .gather
            graph[id].operands = [table, graph[vector].operands[1]]
        }
    }

    /// So is the sum of such a row and constants.
    mutating func tabulateSums() {
        for id in graph.nodes.indices where graph[id].op == .add && graph[id].shape.rank == 1 && graph[id].clock.isTimed {
            let operands = graph[id].operands
            let gathers = operands.filter { graph[$0].clock != .constant }
            guard gathers.count == 1, let gather = gathers.first, graph[gather].op == .gather,
                graph[gather].shape == graph[id].shape, operands.allSatisfy({ $0 == gather || graph[$0].shape.rank <= 1 })
            else { continue }
            let table = graph[gather].operands[0]
            guard case .table = graph[table].op else { continue }
            let sum = make(.add, operands.map { $0 == gather ? table : $0 }, shape: graph[table].shape, near: id)
            graph[id].op = .gather
            graph[id].operands = [sum, graph[gather].operands[1]]
        }
    }
}

// MARK: Sums

/// A product with a constant matrix begins its sums with what is added to it, rather than with zero: biases, what a cycle gets from
/// outside, and other products. Such a product has that value as its third operand.
extension Rewriting {
    mutating func sumIntoProducts() {
        let cycle = cycles()
        func cycleOf(_ id: Graph.ID) -> Int? { id < cycle.count ? cycle[id] : nil }
        var readerCount = [Int](repeating: 0, count: graph.nodes.count)
        for node in graph.nodes { for operand in node.operands { readerCount[operand] += 1 } }
        for root in graph.roots { readerCount[root] += 2 }
        for id in graph.nodes.indices where graph[id].op == .add && graph[id].shape.rank == 1 && graph[id].clock.isTimed {
            let node = graph[id]
            let products = node.operands.filter { operand in
                let product = graph[operand]
                guard product.op == .product, product.operands.count == 2, operand < readerCount.count, readerCount[operand] == 1,
                    product.shape == node.shape, product.clock == node.clock, cycleOf(operand) == cycleOf(id)
                else { return false }
                let matrix = matrixOperand(of: operand)
                return graph[matrix].clock == .constant && graph[matrix].shape.rank == 2
            }
            guard !products.isEmpty, let begin = begin(of: id, without: Set(products)) else { continue }
            var sum = begin
            for product in products {
                if let value = sum { graph[product].operands.append(value) }
                sum = product
            }
            guard let last = sum else { continue }
            graph[id].op = .product
            graph[id].operands = graph[last].operands
        }
    }

    /// What is added to the products of a sum: `.some(nil)` for nothing, nil where it has not the sum's own size.
    private mutating func begin(of id: Graph.ID, without products: Set<Graph.ID>) -> Graph.ID?? {
        let node = graph[id]
        var terms = node.operands.filter { !products.contains($0) }
        if terms.isEmpty { return .some(nil) }
        let constants = terms.filter { graph[$0].clock == .constant }
        if constants.count > 1 {
            terms = [sum(of: constants, near: id)] + terms.filter { graph[$0].clock != .constant }
        }
        let size = terms.reduce([] as Shape) { $0.joined(with: graph[$1].shape) ?? $0 }
        guard size == node.shape else { return nil }
        return .some(terms.count == 1 ? terms[0] : sum(of: terms, near: id))
    }

    private mutating func sum(of terms: [Graph.ID], near id: Graph.ID) -> Graph.ID {
        make(.add, terms, shape: terms.reduce([] as Shape) { $0.joined(with: graph[$1].shape) ?? $0 }, near: id)
    }
}
