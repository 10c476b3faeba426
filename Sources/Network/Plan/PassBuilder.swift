import Kernels

/// Pointwise nodes that wait to become one pass: those of one size and clock, as long as nothing else needs their values.
/// Open passes never depend on each other.
struct PassBuilder {
    /// What the nodes of a pass have in common.
    struct Key: Hashable {
        var clock: Clock
        var count: Int
        var sources: Int  // how often the source's length is a factor

        init(_ node: Graph.Node) {
            clock = node.clock
            count = node.shape.count()
            sources = node.shape.axes.count { $0 == Shape.sourceLength }
        }
    }

    private var nodes: [Int: [Graph.ID]] = [:]
    private var keys: [Key: Int] = [:]
    private var passOf: [Graph.ID: Int] = [:]
    private var operandCounts: [Int: Int] = [:]
    private var opened = 0

    var first: Int? { nodes.keys.min() }

    func pass(for key: Key) -> Int? { keys[key] }
    func pass(containing id: Graph.ID) -> Int? { passOf[id] }

    /// Whether one node more might take more registers than there are.
    func isFull(_ pass: Int, adding node: Graph.Node) -> Bool {
        operandCounts[pass, default: 0] + 1 + node.operands.count > Pass.registerLimit
    }

    mutating func add(_ id: Graph.ID, _ key: Key, _ node: Graph.Node) {
        var pass = keys[key] ?? opened
        if keys[key] == nil {
            pass = opened
            opened += 1
            keys[key] = pass
        }
        nodes[pass, default: []].append(id)
        passOf[id] = pass
        operandCounts[pass, default: 0] += 1 + node.operands.count
    }

    mutating func remove(_ pass: Int) -> [Graph.ID] {
        let removed = nodes.removeValue(forKey: pass) ?? []
        for id in removed { passOf[id] = nil }
        keys = keys.filter { $0.value != pass }
        operandCounts[pass] = nil
        return removed
    }
}

/// The nodes of a closed pass as steps over registers and memory.
struct PassWriter {
    let nodes: [Graph.ID]
    private let members: Set<Graph.ID>
    private var operands: [Pass.Operand] = []
    private var steps: [PassStep] = []
    /// Where the value of a member is, as an index of `operands`.
    private var index: [Graph.ID: Int] = [:]
    private var external: [External: Int] = [:]
    /// Members that are multiplied where they are added.
    private var multipliedInSum: Set<Graph.ID> = []
    private var free: [Int] = []
    private var registers = 0
    private var written: [Int] = []

    private struct External: Hashable {
        var id: Graph.ID
        var shape: Shape
    }

    init(nodes: [Graph.ID]) {
        self.nodes = nodes
        members = Set(nodes)
    }

    mutating func write(_ planner: inout Planner) -> (Pass, [Int])? {
        let graph = planner.graph
        let stored = Set(nodes.filter { mustStore($0, planner) })
        findFactors(planner, stored)
        var needed = stored
        for id in nodes.reversed() where needed.contains(id) {
            for operand in reads(of: id, graph) {
                let source = value(operand, graph)
                if members.contains(source) { needed.insert(source) }
            }
        }
        let order = nodes.filter { needed.contains($0) }
        guard let last = order.last else { return nil }
        var lastUse: [Graph.ID: Graph.ID] = [:]
        for id in order { for operand in reads(of: id, graph) { lastUse[value(operand, graph)] = id } }
        for id in order {
            let destination = destination(of: id, isStored: stored.contains(id), &planner)
            index[id] = destination
            write(id, to: destination, &planner)
            for operand in reads(of: id, graph) {
                let source = value(operand, graph)
                if lastUse[source] == id, !stored.contains(source), let place = index[source],
                    case .register(let register) = operands[place], !free.contains(register)
                {
                    free.append(register)
                }
            }
        }
        let work = graph[last].clock.isTimed ? steps.count * graph[last].shape.count(source: 32) / 4 : 0
        planner.plan.workPerStep += work
        let stores = Set(stored.compactMap { index[$0] })
        return (
            Pass(shape: graph[last].shape, clock: graph[last].clock, operands: operands, steps: steps, written: stores), written
        )
    }

    // MARK: What is read

    private struct Term {
        var id: Graph.ID
        var isNegative = false
    }

    /// The operands, a negated member of a sum as what it negates.
    private func terms(of id: Graph.ID, _ graph: Graph) -> [Term] {
        graph[id].operands.map { operand in
            if graph[id].op == .add, members.contains(operand), graph[operand].op == .function(.negate) {
                return Term(id: graph[operand].operands[0], isNegative: true)
            }
            return Term(id: operand)
        }
    }

    /// Products that only one sum reads are added to it as they are multiplied.
    private mutating func findFactors(_ planner: Planner, _ stored: Set<Graph.ID>) {
        for id in nodes where planner.graph[id].op == .add {
            let terms = terms(of: id, planner.graph)
            let products = terms.filter { term in
                !term.isNegative && members.contains(term.id) && planner.graph[term.id].op == .multiply
                    && !stored.contains(term.id) && planner.readers[term.id] == [id]
                    && planner.graph[id].operands.count { $0 == term.id } == 1
            }
            // A sum begins with something.
            for product in products.dropFirst(products.count == terms.count ? 1 : 0) { multipliedInSum.insert(product.id) }
        }
    }

    /// The values that a node's steps read.
    private func reads(of id: Graph.ID, _ graph: Graph) -> [Graph.ID] {
        terms(of: id, graph).flatMap { multipliedInSum.contains($0.id) ? graph[$0.id].operands : [$0.id] }
    }

    /// The node whose elements an operand has, when that is a member of the pass.
    private func value(_ operand: Graph.ID, _ graph: Graph) -> Graph.ID {
        var id = operand
        while graph[id].op.isReshape { id = graph[id].operands[0] }
        return members.contains(id) ? id : operand
    }

    /// Whether something else than the pass reads the value.
    private func mustStore(_ id: Graph.ID, _ planner: Planner) -> Bool {
        if planner.roots.contains(id) { return true }
        return planner.readers[id].contains { reader in
            if planner.graph[reader].op.isReshape { return mustStore(reader, planner) }
            return !members.contains(reader)
        }
    }

    // MARK: Operands

    private mutating func register() -> Int {
        if let register = free.popLast() { return register }
        registers += 1
        return registers - 1
    }

    private mutating func add(_ operand: Pass.Operand) -> Int {
        operands.append(operand)
        return operands.count - 1
    }

    private mutating func destination(of id: Graph.ID, isStored: Bool, _ planner: inout Planner) -> Int {
        guard isStored else { return add(.register(register())) }
        let place = planner.place(of: id)
        written.append(place.buffer)
        return add(.memory(place))
    }

    private mutating func operand(_ id: Graph.ID, in reader: Graph.ID, _ planner: inout Planner) -> Int {
        let graph = planner.graph
        if let member = index[value(id, graph)] { return member }
        let key = External(id: id, shape: graph[reader].shape)
        if let known = external[key] { return known }
        // Registers of what comes from outside last for the whole pass.
        func fresh() -> Int {
            registers += 1
            return registers - 1
        }
        let new: Int
        let access = Access(of: graph[id].shape, in: graph[reader].shape)
        if let number = graph.number(id) {
            new = add(.number(Float(number)))
        } else if case .contiguous = access.kind, let table = planner.table(of: id) {
            new = add(.gathered(table.place, width: table.width))
        } else {
            let place = planner.read(id)
            if case .contiguous = access.kind {
                new = add(.memory(place))
            } else {
                new = add(.spread(place, access, register: fresh()))
            }
        }
        external[key] = new
        return new
    }

    // MARK: Steps

    private mutating func write(_ id: Graph.ID, to destination: Int, _ planner: inout Planner) {
        let terms = terms(of: id, planner.graph)
        func append(_ operation: PointwiseOperation, _ a: Int, _ b: Int, _ c: Int? = nil) {
            steps.append(PassStep(operation: operation, destination: destination, a: a, b: b, c: c ?? a))
        }
        guard planner.graph[id].op == .add else {
            let places = terms.map { operand($0.id, in: id, &planner) }
            append(Self.operation(planner.graph[id].op), places[0], places.count > 1 ? places[1] : places[0])
            return
        }
        var sum: Int?
        for term in terms where !multipliedInSum.contains(term.id) {
            let place = operand(term.id, in: id, &planner)
            if let sum {
                append(term.isNegative ? .subtract : .add, sum, place)
            } else if term.isNegative {
                append(.negate, place, place)
            } else if terms.count == 1 {
                append(.copy, place, place)
            } else {
                sum = place
                continue
            }
            sum = destination
        }
        for term in terms where multipliedInSum.contains(term.id) {
            let factors = planner.graph[term.id].operands.map { operand($0, in: term.id, &planner) }
            append(.multiplyAdd, factors[0], factors[1], sum)
            sum = destination
        }
    }

    private static func operation(_ op: Operator) -> PointwiseOperation {
        switch op {
        case .function(let function): operation(function)
        case .power(let exponent):
            switch exponent {
            case 1: .copy
            case 2: .square
            case 3: .cube
            case 0.5: .sqrt
            case -0.5: .reciprocalSquareRoot
            case -1: .reciprocal
            default: .power(Float(exponent))
            }
        case .multiply: .multiply
        case .divide: .divide
        case .maximum: .maximum
        case .minimum: .minimum
        default: .copy  // copy, and dropout when not training
        }
    }

    private static func operation(_ function: Operator.Function) -> PointwiseOperation {
        switch function {
        case .negate: .negate
        case .tanh: .tanh
        case .sigmoid: .sigmoid
        case .relu: .relu
        case .exp: .exp
        case .log: .log
        case .sqrt: .sqrt
        case .abs: .abs
        case .softplus: .softplus
        case .sin: .sin
        case .cos: .cos
        case .positive: .positive
        }
    }
}
