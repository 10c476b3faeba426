import Kernels

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
        case .crossEntropy, .dropoutMask, .sumToFit, .sumOverSteps, .total, .outerTotal, .scatterTotal, .stack, .windowSum,
            .atBeginning, .atPosition:
            emitForTraining(id)
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
            var column = 0
            let parts = zip(operands, node.operands).map { place, operand in
                defer { column += graph[operand].shape.last }
                return Join.Part(place: place, shape: graph[operand].shape, column: column)
            }
            let apart = parts.filter { $0.place.buffer != result.buffer || $0.place.offset != result.offset + $0.column }
            if apart.isEmpty { return }
            instruction = Join(parts: apart, result: result, shape: node.shape, clock: node.clock)
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

    // MARK: States

    mutating func emitUpdate(_ update: StateUpdates.Update) {
        guard let past = update.past else { return }
        let id = update.state
        let shape = graph[id].shape
        let inputs =
            update.terms.flatMap { [$0.column, $0.row] } + update.readings.map(\.vector)
            + (update.decay.map { [$0.factor] } ?? [])
        for input in inputs { close(beforeReading: input, in: id) }
        let heads = Array(shape.axes.dropLast(2))
        /// A value whose last `own` axes belong to one head.
        func operand(_ node: Graph.ID, _ place: Plan.Place, own: Int) -> UpdateState.Operand {
            let axes = graph[node].shape.axes
            let leading = axes.dropLast(own)
            return UpdateState.Operand(
                place, own: leading.allSatisfy { $0 == 1 } ? [] : Array(leading), heads: heads,
                size: axes.suffix(own).reduce(1, *))
        }
        let new = place(of: id)
        let readings = update.readings.map { reading in
            UpdateState.Reading(
                vector: operand(reading.vector, read(reading.vector), own: 1),
                result: operand(reading.product, place(of: reading.product), own: 1), isBefore: reading.isBefore,
                matrixFirst: reading.matrixFirst)
        }
        let terms = update.terms.map { term in
            UpdateState.Term(
                column: operand(term.column, read(term.column), own: 2), row: operand(term.row, read(term.row), own: 2),
                isNegative: term.isNegative)
        }
        let scale = update.decay.map { decay in
            UpdateState.Scale(factor: operand(decay.factor, read(decay.factor), own: 2), kind: decay.kind)
        }
        plan.workPerStep += shape.count() * (1 + terms.count + readings.count)
        append(
            UpdateState(
                old: operand(past, read(past), own: 2), new: operand(id, new, own: 2), shape: shape, scale: scale, terms: terms,
                readings: readings, clock: graph[id].clock), writing: [new.buffer] + readings.map(\.result.place.buffer))
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
        let type = part(first).type
        let sharing = candidates(for: id, of: vector).filter { reader in
            let node = graph[reader]
            guard node.op == .product, loop[reader] == loop[id], node.shape.last == outputs, !shared.contains(reader),
                node.operands.count == graph[id].operands.count,
                node.operands.count == 2 || isReady(node.operands[2], for: reader)
            else { return false }
            let other = operands(ofProduct: reader)
            return other.vector == vector && graph[other.matrix].clock == .constant && isOneVector(reader, other)
                && part(other).type == type
        }
        let buffer = plan.buffers.count
        let width = Plan.padded(outputs)
        plan.buffers.append(
            Plan.Buffer(
                shape: [sharing.count * width], clock: graph[id].clock,
                isLoopLocal: loop[id] >= 0 && sharing.allSatisfy { isReadOnly(in: loop[id], $0) },
                values: sharing.enumerated().map { .init(offset: $0 * width, shape: [outputs], name: shown($1)) }))
        var initials: [PackedProduct.Initial] = []
        for (index, product) in sharing.enumerated() {
            shared.insert(product)
            setPlace(Plan.Place(buffer: buffer, offset: index * width), of: product)
            if let initial = initial(of: product) { initials.append(initial) }
        }
        let inputs = graph[vector].shape.last
        let head = addGroup(sharing.map { part(operands(ofProduct: $0)).part }, type, outputs: outputs, inputs: inputs)
        let multiplied = multiplied(vector, by: type, in: id)
        append(
            PackedProduct(
                heads: [head], parts: sharing.count, vector: multiplied.place, initials: initials,
                result: Plan.Place(buffer: buffer), clock: graph[id].clock, vectors: [], vectorSize: multiplied.size,
                outputs: outputs, rounded: multiplied.rounded), writing: [buffer])
        plan.workPerStep += graph[id].clock.isTimed ? sharing.count * outputs * inputs : 0
    }

    /// Among what reads the vector, the product itself and those that may share its instruction: of very many only the next few
    /// hundred, so that looking for them is not quadratic.
    private mutating func candidates(for id: Graph.ID, of vector: Graph.ID) -> [Graph.ID] {
        let all = readers[vector]
        var first = firstUnshared[vector, default: 0]
        while first < all.count, shared.contains(all[first]) || graph[all[first]].op != .product { first += 1 }
        firstUnshared[vector] = first
        let next = all[first...].prefix(256)
        return next.contains(id) ? Array(next) : next + [id]
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
        let (part, type) = part(operands)
        let head = addGroup([part], type, outputs: outputs, inputs: vector.shape.last)
        let multiplied = multiplied(operands.vector, by: type, in: id)
        plan.workPerStep += outputs * vector.shape.count(source: 32)
        let initials = initial(of: id).map { [$0] } ?? []
        let result = place(of: id)
        append(
            PackedProduct(
                heads: [head], parts: 1, vector: multiplied.place, initials: initials, result: result,
                clock: graph[id].clock, vectors: Shape(vector.shape.leading), vectorSize: multiplied.size, outputs: outputs,
                rounded: multiplied.rounded), writing: [result.buffer])
    }

    /// A matrix for each head.
    private mutating func emitHeads(_ id: Graph.ID, _ operands: Operands) {
        let vector = graph[operands.vector].shape
        let matrix = graph[operands.matrix].shape
        let outputs = graph[id].shape.last
        let type = part(operands).type
        let multiplied = multiplied(operands.vector, by: type, in: id)
        var heads: [PackedProduct.Head] = []
        for index in 0..<vector.count() / vector.last {
            var head = addGroup([part(operands, head: index).part], type, outputs: outputs, inputs: vector.last)
            head.vectorOffset = index * multiplied.size
            head.resultOffset = index * outputs
            heads.append(head)
        }
        plan.workPerStep += matrix.count()
        let result = place(of: id)
        append(
            PackedProduct(
                heads: heads, parts: 1, vector: multiplied.place, initials: [], result: result, clock: graph[id].clock,
                vectors: [], vectorSize: multiplied.size, outputs: outputs), writing: [result.buffer])
    }

    private mutating func addGroup(
        _ parts: [Plan.PackedGroup.Part], _ type: ElementType, outputs: Int, inputs: Int
    ) -> PackedProduct.Head {
        plan.packed.append(Plan.PackedGroup(parts: parts, type: type, outputs: outputs, inputs: inputs))
        return PackedProduct.Head(group: plan.packed.count - 1, vectorOffset: 0, resultOffset: 0)
    }

    /// Where a product finds its vectors, and the floats that each takes: rounded to eight bits first, for a quantized matrix.
    private mutating func multiplied(
        _ vector: Graph.ID, by type: ElementType, in id: Graph.ID
    ) -> (place: Plan.Place, size: Int, rounded: (place: Plan.Place, size: Int)?) {
        let shape = graph[vector].shape
        guard type.isQuantized else { return (read(vector), shape.last, nil) }
        let rounded = shape.rank == 1 ? (place: read(vector), size: shape.last) : nil
        if rounded != nil { plan.quantizedSize = max(plan.quantizedSize, QuantizedVector.floats(shape.last)) }
        let size = QuantizedVector.floats(shape.last)
        let key = QuantizedKey(vector: vector, loop: loop[id])
        if let buffer = quantized[key] { return (Plan.Place(buffer: buffer), size, rounded) }
        let buffer = plan.buffers.count
        // Its rows are no floats: there is no value to look at.
        plan.buffers.append(
            Plan.Buffer(shape: Shape(shape.leading + [size]), clock: graph[id].clock, isLoopLocal: loop[id] >= 0))
        quantized[key] = buffer
        append(
            QuantizeVectors(operand: read(vector), shape: shape, result: Plan.Place(buffer: buffer), clock: graph[id].clock),
            writing: [buffer])
        return (Plan.Place(buffer: buffer), size, rounded)
    }

    /// The product of a matrix with every row of an embedding, computed when the model is loaded.
    private mutating func emitTable(_ id: Graph.ID, matrixFirst: Bool) {
        let (matrix, embedding) = (graph[id].operands[0], graph[id].operands[1])
        if graph[id].clock == .total {
            emitPacked(id, Operands(matrix: matrix, vector: embedding, matrixFirst: matrixFirst))
            return
        }
        let part = floats(of: Operands(matrix: matrix, vector: embedding, matrixFirst: matrixFirst))
        let result = place(of: id)
        append(
            TableProduct(
                matrix: Plan.PackedGroup(
                    parts: [part], type: .f32, outputs: graph[id].shape.last, inputs: graph[embedding].shape.last),
                embedding: read(embedding), result: result, rows: graph[embedding].shape.axes[0]), writing: [result.buffer])
    }

    /// Of a matrix: what it is a part of, and from which row and column on.
    private func whole(_ operands: Operands) -> (id: Graph.ID, row: Int, column: Int) {
        var id = operands.matrix
        var (row, column) = (0, 0)
        while case .matrixPart(let axis, let from, _) = graph[id].op {
            if axis == 0 { row += from } else { column += from }
            id = graph[id].operands[0]
        }
        return (id, row, column)
    }

    /// A constant matrix, or a part of one, as it is to be packed: in the type of its tensor where that can be, else as floats.
    /// - Parameter head: which matrix, where there is one for each head.
    private mutating func part(_ operands: Operands, head: Int = 0) -> (part: Plan.PackedGroup.Part, type: ElementType) {
        let (id, row, column) = whole(operands)
        guard case .tensor(let name) = graph[id].op, let tensor = tensors[name], tensor.type != .f32 else {
            return (floats(of: operands, head: head), .f32)
        }
        let shape = graph[id].shape
        guard let layout = tensor.layout else {
            let size = tensor.type.blockByteCount
            let first = head * shape.axes[shape.rank - 2] * shape.last + row * shape.last + column
            let (rows, columns) = (shape.last * size, size)
            return (
                Plan.PackedGroup.Part(
                    storage: .tensor(name, byteOffset: first * size), outputStride: operands.matrixFirst ? rows : columns,
                    inputStride: operands.matrixFirst ? columns : rows), tensor.type
            )
        }
        // A line of blocks is an output, if they run along what is summed over; and blocks are not taken apart.
        let summedAxis = shape.rank - (operands.matrixFirst ? 1 : 2)
        let (output, input) = operands.matrixFirst ? (row, column) : (column, row)
        guard layout.axis == summedAxis, input % BlockLayout.blockLength == 0 else {
            return (floats(of: operands, head: head), .f32)
        }
        let outputs = shape.axes[shape.rank - (operands.matrixFirst ? 2 : 1)]
        let offset =
            (head * outputs + output) * layout.lineByteCount + input / BlockLayout.blockLength * layout.blockByteCount
        return (
            Plan.PackedGroup.Part(
                storage: .tensor(name, byteOffset: offset), outputStride: layout.lineByteCount, inputStride: 0), tensor.type
        )
    }

    /// The same as floats. The buffer that they stand in is not kept for this.
    private mutating func floats(of operands: Operands, head: Int = 0) -> Plan.PackedGroup.Part {
        let (id, row, column) = whole(operands)
        let shape = graph[id].shape
        var place = place(of: id)
        place.offset += row * shape.last + column
        if head > 0 { place.offset += head * shape.axes[shape.rank - 2] * shape.last }
        return Plan.PackedGroup.Part(
            storage: .constant(place), outputStride: operands.matrixFirst ? 4 * shape.last : 4,
            inputStride: operands.matrixFirst ? 4 : 4 * shape.last)
    }
}
