import Kernels

/// Graph to plan: gives stored values memory, and turns nodes into instructions.
struct Planner {
    let graph: Graph
    /// How the tensors are stored.
    let tensors: [String: StoredTensor]
    var plan = Plan()
    private let isTraining: Bool
    /// For each node, the nodes that read it.
    let readers: [[Graph.ID]]
    let roots: Set<Graph.ID>
    /// For each node, the loop that computes it; -1 for none.
    private(set) var loop: [Int]
    private var places: [Plan.Place?]
    /// Starts of stored values, nearest first.
    private var before: [Graph.ID: [Graph.ID?]] = [:]
    private var after: [Graph.ID: [Graph.ID?]] = [:]
    private var passes = PassBuilder()
    var tasks: [Plan.Task] = []
    /// Remembered matrices, and what is computed with them.
    private var updates: [Graph.ID: StateUpdates.Update] = [:]
    private var absorbed: [Graph.ID: Graph.ID] = [:]
    /// Products that share an instruction with one before them.
    var shared: Set<Graph.ID> = []
    /// For each vector, where the readers begin that may still share an instruction.
    var firstUnshared: [Graph.ID: Int] = [:]
    /// For each view that has been followed: see `origin(of:)`.
    private var origins: [(id: Graph.ID, offset: Int)?]
    /// Whether a node's instruction, or the pass that it is a part of, stands before what comes next.
    private var isEmitted: [Bool]

    struct StoredTensor {
        var type: ElementType
        /// Of q8 and q4.
        var layout: BlockLayout?
    }

    /// Where vectors are rounded for products with quantized matrices.
    struct QuantizedKey: Hashable {
        var vector: Graph.ID
        var loop: Int
    }
    var quantized: [QuantizedKey: Int] = [:]

    /// - Parameter isTraining: the whole of every sequence is known, and what is to come may decide what was: all that is not constant
    ///   is computed together.
    static func plan(_ graph: Graph, tensors: [String: Tensor], isTraining: Bool = false) -> Plan {
        let stored = tensors.mapValues { StoredTensor(type: $0.elementType, layout: $0.blockLayout) }
        return plan(graph, stored: stored, isTraining: isTraining)
    }

    /// The same before there are tensors.
    static func plan(_ graph: Graph, stored: [String: StoredTensor], isTraining: Bool = false) -> Plan {
        var planner = Planner(graph, stored, isTraining)
        planner.findPasts()
        let computed = graph.live(from: graph.roots).filter { !planner.isLeaf($0) }
        let constants = computed.filter { graph[$0].clock == .constant }
        let known = computed.filter { !isTraining && (graph[$0].clock == .once || graph[$0].clock == .source) }
        let generated = computed.filter { graph[$0].clock != .constant && (isTraining || graph[$0].clock == .target) }
        let schedules = [constants, known, generated].map { nodes in
            Schedule(of: graph, computing: nodes, isTraining: isTraining) { members in
                let found = StateUpdates(in: graph, readers: planner.readers, roots: planner.roots, members: members)
                planner.updates.merge(found.updates) { $1 }
                planner.absorbed.merge(found.absorbed) { $1 }
                return found
            }
        }
        var loops = 0
        for schedule in schedules {
            for case .loop(let nodes, _) in schedule.stages {
                for id in nodes { planner.loop[id] = loops }
                loops += 1
            }
        }
        planner.plan.loading = planner.stages(of: schedules[0])
        planner.plan.reading = planner.stages(of: schedules[1])
        planner.plan.stepping = planner.stages(of: schedules[2])
        planner.describeEnds()
        planner.plan.placeBarriers()
        return planner.plan
    }

    private init(_ graph: Graph, _ tensors: [String: StoredTensor], _ isTraining: Bool) {
        self.graph = graph
        self.tensors = tensors
        self.isTraining = isTraining
        var readers = [[Graph.ID]](repeating: [], count: graph.nodes.count)
        for id in graph.live(from: graph.roots) {
            for operand in graph[id].operands where readers[operand].last != id { readers[operand].append(id) }
        }
        self.readers = readers
        roots = Set(graph.roots)
        loop = [Int](repeating: -1, count: graph.nodes.count)
        places = [Plan.Place?](repeating: nil, count: graph.nodes.count)
        origins = [(id: Graph.ID, offset: Int)?](repeating: nil, count: graph.nodes.count)
        isEmitted = [Bool](repeating: false, count: graph.nodes.count)
    }

    private func isLeaf(_ id: Graph.ID) -> Bool {
        switch graph[id].op {
        case .number, .tensor, .input: true
        default: false
        }
    }

    // MARK: The past

    private mutating func findPasts() {
        for id in graph.live(from: graph.roots) {
            guard let chain = DelayChain(id, in: graph) else { continue }
            if chain.side == .before {
                before[chain.stored] = longer(before[chain.stored], chain.starts)
            } else {
                after[chain.stored] = longer(after[chain.stored], chain.starts)
            }
        }
    }

    private func longer(_ a: [Graph.ID?]?, _ b: [Graph.ID?]) -> [Graph.ID?] {
        guard let a, a.count >= b.count else { return b }
        return a
    }

    // MARK: Places

    /// Where the value of a node is; makes room for it when it is asked for the first time.
    mutating func place(of id: Graph.ID) -> Plan.Place {
        if let place = places[id] { return place }
        let node = graph[id]
        var place: Plan.Place
        switch node.op {
        case .reshape: place = self.place(of: node.operands[0])
        case .delay(let direction, _):
            place = self.place(of: node.operands[0])
            place.shift += direction == .previous ? -1 : 1
        case .part, .slice, .rowPart:
            if let offset = offset(of: id) {
                place = self.place(of: node.operands[0])
                place.offset += offset
            } else {
                place = Plan.Place(buffer: store(id))
            }
        default: place = placeInJoin(id) ?? Plan.Place(buffer: store(id))
        }
        places[id] = place
        return place
    }

    /// A value of whole vectors that is computed in a pass and joined to others is written where it will stand among them.
    private mutating func placeInJoin(_ id: Graph.ID) -> Plan.Place? {
        let node = graph[id]
        guard node.op.isPointwise, node.clock != .constant, node.shape.rank == 1, node.shape.last % vectorWidth == 0,
            !hasPast(id), !roots.contains(id), readers[id].allSatisfy({ loop[$0] == loop[id] })
        else { return nil }
        let joins = readers[id].filter { graph[$0].op == .join && graph[$0].shape.rank == 1 && graph[$0].clock == node.clock }
        guard joins.count == 1, graph[joins[0]].operands.count(where: { $0 == id }) == 1 else { return nil }
        var offset = 0
        for operand in graph[joins[0]].operands.prefix(while: { $0 != id }) { offset += graph[operand].shape.last }
        guard offset % vectorWidth == 0 else { return nil }
        var place = self.place(of: joins[0])
        place.offset += offset
        return place
    }

    /// Where a part of a value begins in it, when the part lies in one piece.
    private func offset(of id: Graph.ID) -> Int? {
        let node = graph[id]
        guard let operand = node.operands.first else { return nil }
        let whole = graph[operand].shape
        switch node.op {
        case .part(let index, _) where isOneLine(whole): return index * node.shape.last
        case .slice(let from, _, _) where isOneLine(whole): return from
        case .rowPart(let index, _) where !node.shape.dependsOnSource: return index * node.shape.count()
        default: return nil
        }
    }

    private func isOneLine(_ shape: Shape) -> Bool { shape.leading.allSatisfy { $0 == 1 } }

    /// Whether a node is another's value, seen otherwise, and needs no instruction.
    private func isView(_ id: Graph.ID) -> Bool {
        switch graph[id].op {
        case .delay, .matrixPart: true
        default: graph[id].op.isReshape || offset(of: id) != nil
        }
    }

    /// Whether a node's elements stand side by side in those of its operand, at the same step.
    private func isWindowOnOperand(_ id: Graph.ID) -> Bool { graph[id].op.isReshape || offset(of: id) != nil }

    /// The value that a view shows, at the same step, and where in it. Each view is followed once, however long the chain.
    private mutating func origin(of id: Graph.ID) -> (id: Graph.ID, offset: Int) {
        var path: [Graph.ID] = []
        var current = id
        while origins[current] == nil, isWindowOnOperand(current) {
            path.append(current)
            current = graph[current].operands[0]
        }
        var origin = origins[current] ?? (current, 0)
        for view in path.reversed() {
            origin.offset += offset(of: view) ?? 0
            origins[view] = origin
        }
        return origin
    }

    private mutating func store(_ id: Graph.ID) -> Int {
        let node = graph[id]
        let index = plan.buffers.count
        plan.buffers.append(Plan.Buffer(shape: node.shape, clock: node.clock, values: values(of: id)))
        switch node.op {
        case .number(let value): plan.constants.append(.init(buffer: index, content: .number(Float(value))))
        case .tensor(let name): plan.constants.append(.init(buffer: index, content: .tensor(name)))
        default: break
        }
        plan.buffers[index].isLoopLocal = loop[id] >= 0 && isReadOnly(in: loop[id], id)
        let starts = (before[id, default: []].map { start($0) }, after[id, default: []].map { start($0) })
        (plan.buffers[index].before, plan.buffers[index].after) = starts
        return index
    }

    /// What is looked at where a node is stored by itself. Most rows of a table are of tokens that never come: they are looked at
    /// where they are read.
    private func values(of id: Graph.ID) -> [Plan.Buffer.Value] {
        func isTable(_ id: Graph.ID) -> Bool { if case .table = graph[id].op { true } else { false } }
        if isTable(id) || graph[id].op == .add && graph[id].operands.contains(where: isTable) { return [] }
        return [Plan.Buffer.Value(shape: graph[id].shape, name: shown(id))]
    }

    /// How a node is called where something is wrong with its value: instance and name, or the operator, its line, and the next
    /// named value that it is a part of.
    func shown(_ id: Graph.ID) -> String {
        let node = graph[id]
        if let name = node.name { return name }
        if node.op == .copy, !graph[node.operands[0]].op.isDelay { return shown(node.operands[0]) }
        var reader = id
        for _ in 0..<16 where graph[reader].name == nil { reader = readers[reader].first ?? reader }
        let whole = graph[reader].name.map { " (a part of \($0))" } ?? ""
        return "“\(node.op.name)” in line \(node.position.line)\(whole)"
    }

    private mutating func start(_ id: Graph.ID?) -> Plan.Buffer.Start {
        guard let id else { return .number(0) }
        if let number = graph.number(id) { return .number(Float(number)) }
        return .value(read(id), shape: graph[id].shape, clock: graph[id].clock)
    }

    /// Whether nothing outside a loop reads the value, as it is, delayed or through a view.
    func isReadOnly(in number: Int, _ id: Graph.ID) -> Bool {
        var pending = [id]
        while let id = pending.popLast() {
            if roots.contains(id) || readers[id].contains(where: { loop[$0] != number }) { return false }
            pending += readers[id].filter { isView($0) }
        }
        return true
    }

    /// The place of a value that an instruction reads as it is.
    mutating func read(_ id: Graph.ID) -> Plan.Place {
        let place = place(of: id)
        if graph[id].clock == .constant { plan.keptConstants.insert(place.buffer) }
        return place
    }

    // MARK: Stages

    private mutating func stages(of schedule: Schedule) -> [Plan.Stage] {
        schedule.stages.flatMap { stage -> [Plan.Stage] in
            tasks = []
            guard case .loop(let nodes, let direction) = stage else {
                for id in stage.nodes { emit(id) }
                closeAllPasses()
                return tasks.isEmpty ? [] : [.straight(tasks)]
            }
            for id in nodes { emitStart(id) }
            let starts = tasks
            tasks = []
            for id in nodes { emit(id) }
            closeAllPasses()
            let loop = Plan.Stage.loop(tasks, clock: graph[nodes[0]].clock, backward: direction == .following)
            return (starts.isEmpty ? [] : [.straight(starts)]) + (tasks.isEmpty ? [] : [loop])
        }
    }

    /// A start that depends on the source itself is known only when the values before it have been computed. (All others are in
    /// place before a sequence begins.)
    private mutating func emitStart(_ id: Graph.ID) {
        guard case .delay(_, let clock) = graph[id].op, clock == .source || isTraining,
            graph[graph[id].operands[1]].clock == .once,
            let chain = DelayChain(id, in: graph)
        else { return }
        close(beforeReading: graph[id].operands[1], in: id)
        let buffer = place(of: chain.stored).buffer
        append(WriteStart(buffer: buffer, side: chain.side, index: chain.depth - 1), writing: [])
    }

    private mutating func emit(_ id: Graph.ID) {
        defer { isEmitted[id] = true }
        if isView(id) {
            if loop[id] < 0 { emitStart(id) }
            return
        }
        if absorbed[id] != nil { return }
        if let update = updates[id] {
            emitUpdate(update)
            return
        }
        if graph[id].op.isPointwise {
            addToPass(id)
            return
        }
        for operand in graph[id].operands { close(beforeReading: operand, in: id) }
        emitInstruction(id)
    }

    /// Whether the operand can be read by now.
    mutating func isReady(_ operand: Graph.ID, for reader: Graph.ID) -> Bool {
        guard let producer = producer(of: operand, readBy: reader) else { return true }
        return isLeaf(producer) || isEmitted[producer]
    }

    mutating func close(beforeReading operand: Graph.ID, in reader: Graph.ID) {
        if let producer = producer(of: operand, readBy: reader), let pass = passes.pass(containing: producer) { close(pass) }
    }

    mutating func append(_ instruction: any Instruction, writing buffers: [Int]) {
        let delayed = buffers.filter { !plan.buffers[$0].before.isEmpty || !plan.buffers[$0].after.isEmpty }
        tasks.append(Plan.Task(instruction: instruction, written: buffers, delayed: delayed))
    }

    /// The node of the same step whose instruction must have run before the operand can be read; nil for one that is delayed within
    /// the reader's loop.
    private mutating func producer(of operand: Graph.ID, readBy reader: Graph.ID) -> Graph.ID? {
        var id = operand
        while isView(id) {
            if graph[id].op.isDelay, loop[reader] >= 0, let chain = DelayChain(id, in: graph), loop[chain.stored] == loop[reader]
            {
                return nil
            }
            id = isWindowOnOperand(id) ? origin(of: id).id : graph[id].operands[0]
        }
        return id
    }

    // MARK: Passes

    private mutating func addToPass(_ id: Graph.ID) {
        let key = PassBuilder.Key(graph[id])
        var target = passes.pass(for: key)
        for operand in graph[id].operands {
            guard let producer = producer(of: operand, readBy: id), let pass = passes.pass(containing: producer) else { continue }
            if pass == target, isRegister(operand, in: id) { continue }
            close(pass)
            if pass == target { target = nil }
        }
        if let target, passes.isFull(target, adding: graph[id]) { close(target) }
        passes.add(id, key, graph[id])
    }

    /// Whether a reader in the same pass finds the operand element by element: only its axes may look different.
    func isRegister(_ operand: Graph.ID, in reader: Graph.ID) -> Bool {
        var id = operand
        while graph[id].op.isReshape { id = graph[id].operands[0] }
        return graph[id].op.isPointwise && PassBuilder.Key(graph[operand]) == PassBuilder.Key(graph[reader])
    }

    private mutating func close(_ pass: Int) {
        let nodes = passes.remove(pass)
        var writer = PassWriter(nodes: nodes)
        if let (instruction, buffers) = writer.write(&self) { append(instruction, writing: buffers) }
    }

    private mutating func closeAllPasses() { while let pass = passes.first { close(pass) } }

    // MARK: Rows of tables

    /// Where a pass that reads the row which a token names, or a part of it, finds it in the table itself; nil for anything else.
    mutating func table(of id: Graph.ID) -> (place: Plan.Place, width: Int)? {
        let (gather, first) = origin(of: id)
        guard graph[gather].op == .gather, graph[graph[gather].operands[0]].clock == .constant, !hasPast(gather) else {
            return nil
        }
        var place = read(graph[gather].operands[0])
        place.offset += first
        return (place, graph[gather].shape.last)
    }

    /// Whether only passes read a gathered row, element by element, and products that begin with it: then it is not written out.
    func isReadFromTable(_ id: Graph.ID) -> Bool {
        var pending = [id]
        while let id = pending.popLast() {
            if roots.contains(id) || hasPast(id) { return false }
            for reader in readers[id] {
                if absorbed[reader] != nil || updates[reader] != nil { return false }
                if isWindowOnOperand(reader) {
                    pending.append(reader)
                } else if graph[reader].op == .product {
                    if graph[reader].operands[..<2].contains(id) { return false }
                } else {
                    guard graph[reader].op.isPointwise,
                        case .contiguous = Access(of: graph[id].shape, in: graph[reader].shape).kind
                    else { return false }
                }
            }
        }
        return true
    }

    // MARK: Ends

    private mutating func describeEnds() {
        for (entry, results) in graph.results {
            plan.outputs[entry] = results.map { result in
                Plan.Output(
                    name: result.name, place: read(result.node), shape: graph[result.node].shape, clock: graph[result.node].clock)
            }
        }
        for (id, node) in graph.nodes.enumerated() {
            if case .input(let entry, let name, let size?) = node.op, !readers[id].isEmpty || roots.contains(id) {
                plan.vectorInputs.append((entry, name, place(of: id).buffer, size))
            }
        }
        describeSlots()
        let elements = plan.buffers.filter { $0.clock == .target }.reduce(0) { $0 + $1.shape.count(source: 64) }
        plan.chunk = max(1, min(64, (1 << 21) / max(1, elements)))
    }

    private mutating func describeSlots() {
        var used: [String: Int] = [:]
        for id in graph.live(from: graph.roots) where graph[id].clock == .target {
            guard let chain = DelayChain(id, in: graph), chain.depth > 0, chain.side == .before else { continue }
            var depths = chain.depth...chain.depth
            if case .window(let length, _) = graph[id].op {
                guard length > 1 else { continue }
                depths = (chain.depth - length + 2)...chain.depth
            }
            let name = graph[id].name ?? graph[chain.stored].name ?? graph[id].op.name
            used[name, default: 0] += 1
            let count = used[name, default: 1]
            plan.slots.append(
                Plan.Slot(
                    name: count == 1 ? name : "\(name)#\(count)", shape: graph[chain.stored].shape,
                    buffer: place(of: chain.stored).buffer, depths: depths))
        }
    }

    // MARK: Used by instructions

    mutating func setPlace(_ place: Plan.Place, of id: Graph.ID) { places[id] = place }

    func hasPast(_ id: Graph.ID) -> Bool { before[id] != nil || after[id] != nil }
}
