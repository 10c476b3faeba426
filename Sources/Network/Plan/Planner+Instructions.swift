extension Planner {
    /// The instruction of a node that is no view and not pointwise.
    mutating func emitInstruction(_ id: Graph.ID) {
        let node = graph[id]
        switch node.op {
        case .product:
            emitProduct(id)
            return
        case .table(let matrixFirst):
            emitTable(id, matrixFirst: matrixFirst)
            return
        case .number, .tensor, .input, .matrixPart: return
        default: break
        }
        let operands = node.op == .gather ? [read(node.operands[0])] : node.operands.map { read($0) }
        let first = node.operands.first.map { graph[$0].shape } ?? []
        let result = place(of: id)
        let instruction: any Instruction
        switch node.op {
        case .sum: instruction = LastAxis(.sum, operand: operands[0], result: result, shape: first, clock: node.clock)
        case .mean: instruction = LastAxis(.mean, operand: operands[0], result: result, shape: first, clock: node.clock)
        case .softmax: instruction = LastAxis(.softmax, operand: operands[0], result: result, shape: first, clock: node.clock)
        case .join:
            let parts = zip(operands, node.operands).map { Join.Part(place: $0, shape: graph[$1].shape) }
            instruction = Join(parts: parts, result: result, shape: node.shape, clock: node.clock)
        case .part(let index, _):
            let width = node.shape.last
            instruction = Slice(
                operand: operands[0], result: result, shape: first, columns: index * width..<(index + 1) * width,
                clock: node.clock)
        case .slice(let from, let to, _):
            instruction = Slice(operand: operands[0], result: result, shape: first, columns: from..<to, clock: node.clock)
        case .rowPart(let index, _):
            instruction = RowPart(operand: operands[0], result: result, shape: node.shape, index: index, clock: node.clock)
        case .gather:
            if isReadFromTable(id) { return }
            instruction = Gather(
                matrix: operands[0], result: result, width: node.shape.last,
                clock: node.clock)
        case .window(let length, _):
            instruction = Window(operand: operands[0], result: result, shape: first, length: length, clock: node.clock)
        case .positions: instruction = Positions(operand: operands[0], result: result, shape: first)
        default: instruction = Ends(operand: operands[0], result: result, shape: first, isLast: node.op == .last)
        }
        plan.workPerStep += node.clock.isTimed ? node.shape.count() : 0
        append(instruction, writing: [result.buffer])
    }

    // MARK: Products

    private struct Operands {
        var matrix: Graph.ID
        var vector: Graph.ID
        var matrixFirst: Bool
    }

    private func operands(ofProduct id: Graph.ID) -> Operands {
        let (a, b) = (graph[id].operands[0], graph[id].operands[1])
        let matrixFirst = graph[a].shape.rank == graph[b].shape.rank + 1
        return Operands(matrix: matrixFirst ? a : b, vector: matrixFirst ? b : a, matrixFirst: matrixFirst)
    }

    private mutating func emitProduct(_ id: Graph.ID) {
        if shared.contains(id) { return }
        let operands = operands(ofProduct: id)
        let matrix = graph[operands.matrix]
        let vector = graph[operands.vector]
        if matrix.clock == .constant, vector.clock != .constant {
            if matrix.shape.rank == 2 {
                if isOneVector(id, operands) { emitShared(id, operands) } else { emitPacked(id, operands) }
                return
            }
            if !vector.shape.dependsOnSource, matrix.shape.axes.dropLast(2) == vector.shape.axes.dropLast() {
                emitHeads(id, operands)
                return
            }
        }
        let result = place(of: id)
        append(
            ComputedProduct(
                matrix: read(operands.matrix), matrix.shape, vector: read(operands.vector), vector.shape, result: result,
                graph[id].shape, matrixFirst: operands.matrixFirst, clock: graph[id].clock), writing: [result.buffer])
        plan.workPerStep += graph[id].clock.isTimed ? matrix.shape.count(source: 32) : 0
    }

    private func isOneVector(_ id: Graph.ID, _ operands: Operands) -> Bool {
        graph[operands.vector].shape.rank == 1 && graph[operands.matrix].shape.rank == 2 && !hasPast(id)
    }

    /// The products of several constant matrices of one size with one vector, in one loop or in none, are one packed product.
    private mutating func emitShared(_ id: Graph.ID, _ first: Operands) {
        let vector = first.vector
        let outputs = graph[id].shape.last
        let sharing = readers[vector].filter { reader in
            let node = graph[reader]
            guard node.op == .product, loop[reader] == loop[id], node.shape.last == outputs, !shared.contains(reader),
                node.operands.count == graph[id].operands.count,
                node.operands.count == 2 || isReady(node.operands[2], for: reader)
            else { return false }
            let other = operands(ofProduct: reader)
            return other.vector == vector && graph[other.matrix].clock == .constant && isOneVector(reader, other)
        }
        let buffer = plan.buffers.count
        let width = Plan.padded(outputs)
        plan.buffers.append(
            Plan.Buffer(
                shape: [sharing.count * width], clock: graph[id].clock,
                isLoopLocal: loop[id] >= 0 && sharing.allSatisfy { isReadOnly(in: loop[id], $0) },
                name: graph[id].name))
        var initials: [PackedProduct.Initial] = []
        for (index, product) in sharing.enumerated() {
            shared.insert(product)
            setPlace(Plan.Place(buffer: buffer, offset: index * width), of: product)
            if let initial = initial(of: product) { initials.append(initial) }
        }
        let inputs = graph[vector].shape.last
        let head = addGroup(sharing.map { part(operands(ofProduct: $0)) }, outputs: outputs, inputs: inputs)
        append(
            PackedProduct(
                heads: [head], parts: sharing.count, vector: read(vector), initials: initials,
                result: Plan.Place(buffer: buffer), clock: graph[id].clock, vectors: [], inputs: inputs, outputs: outputs),
            writing: [buffer])
        plan.workPerStep += graph[id].clock.isTimed ? sharing.count * outputs * inputs : 0
    }

    /// What the sums of a product begin with, if it says so.
    private mutating func initial(of id: Graph.ID) -> PackedProduct.Initial? {
        guard graph[id].operands.count > 2 else { return nil }
        let operand = graph[id].operands[2]
        close(beforeReading: operand, in: id)
        if let table = table(of: operand) { return .gathered(table.place, width: table.width) }
        return .place(read(operand), graph[operand].clock)
    }

    /// One matrix and the vectors of all heads (or positions), or one vector whose product is delayed.
    private mutating func emitPacked(_ id: Graph.ID, _ operands: Operands) {
        let vector = graph[operands.vector]
        let outputs = graph[id].shape.last
        let head = addGroup([part(operands)], outputs: outputs, inputs: vector.shape.last)
        plan.workPerStep += outputs * vector.shape.count(source: 32)
        let initials = initial(of: id).map { [$0] } ?? []
        let result = place(of: id)
        append(
            PackedProduct(
                heads: [head], parts: 1, vector: read(operands.vector), initials: initials, result: result,
                clock: graph[id].clock, vectors: Shape(vector.shape.leading), inputs: vector.shape.last, outputs: outputs),
            writing: [result.buffer])
    }

    /// A matrix for each head.
    private mutating func emitHeads(_ id: Graph.ID, _ operands: Operands) {
        let vector = graph[operands.vector].shape
        let matrix = graph[operands.matrix].shape
        let outputs = graph[id].shape.last
        var whole = part(operands)
        let size = matrix.axes[matrix.rank - 2] * matrix.last
        var heads: [PackedProduct.Head] = []
        for index in 0..<vector.count() / vector.last {
            var head = addGroup([whole], outputs: outputs, inputs: vector.last)
            head.vectorOffset = index * vector.last
            head.resultOffset = index * outputs
            heads.append(head)
            whole.place.offset += size
        }
        plan.workPerStep += matrix.count()
        let result = place(of: id)
        append(
            PackedProduct(
                heads: heads, parts: 1, vector: read(operands.vector), initials: [], result: result, clock: graph[id].clock,
                vectors: [], inputs: vector.last, outputs: outputs), writing: [result.buffer])
    }

    private mutating func addGroup(_ parts: [Plan.PackedGroup.Part], outputs: Int, inputs: Int) -> PackedProduct.Head {
        plan.packed.append(Plan.PackedGroup(parts: parts, outputs: outputs, inputs: inputs))
        return PackedProduct.Head(group: plan.packed.count - 1, vectorOffset: 0, resultOffset: 0)
    }

    /// The product of a matrix with every row of an embedding, computed when the model is loaded.
    private mutating func emitTable(_ id: Graph.ID, matrixFirst: Bool) {
        let (matrix, embedding) = (graph[id].operands[0], graph[id].operands[1])
        let part = part(Operands(matrix: matrix, vector: embedding, matrixFirst: matrixFirst))
        let result = place(of: id)
        append(
            TableProduct(
                matrix: Plan.PackedGroup(parts: [part], outputs: graph[id].shape.last, inputs: graph[embedding].shape.last),
                embedding: read(embedding), result: result, rows: graph[embedding].shape.axes[0]), writing: [result.buffer])
    }

    /// A constant matrix, or a part of one, as it is to be packed. Its own buffer is not kept for this.
    private mutating func part(_ operands: Operands) -> Plan.PackedGroup.Part {
        var id = operands.matrix
        var rows = 0
        var columns = 0
        var stride = graph[id].shape.last
        while case .matrixPart(let axis, let from, _) = graph[id].op {
            if axis == 0 { rows += from } else { columns += from }
            id = graph[id].operands[0]
            stride = graph[id].shape.last
        }
        var place = place(of: id)
        place.offset += rows * stride + columns
        return operands.matrixFirst
            ? .init(place: place, outputStride: stride, inputStride: 1)
            : .init(place: place, outputStride: 1, inputStride: stride)
    }
}
