/// A program expanded to operators on values: cells, repeats and groups are gone. Nodes refer to their operands by index; a delay
/// may refer to a later node, everything else only to earlier ones until rewriting begins.
struct Graph: Sendable {
    typealias ID = Int

    struct Node: Sendable {
        var op: Operator
        var operands: [ID]
        /// Inferred; empty until then.
        var shape: Shape = []
        var clock: Clock = .constant
        /// The instance and value that it is: `block.3/time_mix.s`. For states, displays and errors.
        var name: String?
        var position: Position

        /// Of a value with the shape of a window: [..., k, n], or [k] of numbers.
        var windowLength: Int { shape.rank == 1 ? shape.last : shape.axes[shape.rank - 2] }
    }

    /// A named result of an entry.
    struct Result: Sendable {
        var name: String
        var node: ID
    }

    var nodes: [Node] = []
    var results: [Entry: [Result]] = [:]
    /// The entry that advances step by step: what `step` or `decode` is called in errors.
    var generating: Entry = .step
    private var known: [Key: ID] = [:]

    private struct Key: Hashable {
        var op: Operator
        var operands: [ID]
    }

    subscript(id: ID) -> Node {
        get { nodes[id] }
        set { nodes[id] = newValue }
    }

    /// The node for an operator on operands: equal operators on equal operands are one node.
    mutating func append(_ op: Operator, _ operands: [ID], at position: Position, name: String? = nil) -> ID {
        if let value = folded(op, operands) { return append(.number(value), [], at: position) }
        let key = Key(op: op, operands: operands)
        if let id = known[key] { return id }
        let id = appendFresh(op, operands, at: position, name: name)
        known[key] = id
        return id
    }

    /// A node of its own, whose operands may be changed afterwards.
    mutating func appendFresh(_ op: Operator, _ operands: [ID], at position: Position, name: String? = nil) -> ID {
        nodes.append(Node(op: op, operands: operands, name: name, position: position))
        return nodes.count - 1
    }

    /// All results, in the order of entries.
    var roots: [ID] { Entry.allCases.flatMap { results[$0, default: []].map(\.node) } }

    /// For each node, those that read it; one that reads it twice is there twice.
    var readers: [[ID]] {
        var readers = [[ID]](repeating: [], count: nodes.count)
        for (id, node) in nodes.enumerated() { for operand in node.operands { readers[operand].append(id) } }
        return readers
    }

    /// The nodes that `roots` depend on, in ascending order.
    func live(from roots: [ID]) -> [ID] {
        var seen = [Bool](repeating: false, count: nodes.count)
        var stack = roots
        while let id = stack.popLast() {
            if seen[id] { continue }
            seen[id] = true
            stack.append(contentsOf: nodes[id].operands)
        }
        return nodes.indices.filter { seen[$0] }
    }

    /// Makes equal operators on equal operands one node again after delays were closed or operands replaced, and leaves out what
    /// no result needs. Two delays of one value with the same start become one state.
    mutating func merge() {
        while true {
            var representative = Array(nodes.indices)
            var seen: [Key: ID] = [:]
            var changed = false
            for id in nodes.indices {
                let key = Key(op: nodes[id].op, operands: nodes[id].operands)
                if let first = seen[key] {
                    representative[id] = first
                    if nodes[first].name == nil { nodes[first].name = nodes[id].name }
                    changed = true
                } else {
                    seen[key] = id
                }
            }
            if changed { replace { representative[$0] } }
            compact()
            if !changed { return }
        }
    }

    /// Renames every operand and result.
    mutating func replace(_ rename: (ID) -> ID) {
        for id in nodes.indices { nodes[id].operands = nodes[id].operands.map(rename) }
        results = results.mapValues { $0.map { Result(name: $0.name, node: rename($0.node)) } }
    }

    /// Drops nodes that no result needs and renumbers the rest in their order.
    private mutating func compact() {
        let kept = live(from: roots)
        var renumbered = [ID](repeating: -1, count: nodes.count)
        for (new, old) in kept.enumerated() { renumbered[old] = new }
        nodes = kept.map { nodes[$0] }
        replace { renumbered[$0] }
        known = [:]
        for id in nodes.indices where !nodes[id].op.isDelay {
            known[Key(op: nodes[id].op, operands: nodes[id].operands)] = id
        }
    }

    /// The value of a node that is a number. (What is computed from numbers alone is a number at once: see `append`.)
    func number(_ id: ID) -> Double? {
        if case .number(let value) = nodes[id].op { value } else { nil }
    }

    /// What an operator gives for operands that are all numbers.
    private func folded(_ op: Operator, _ operands: [ID]) -> Double? {
        let values = operands.compactMap { number($0) }
        guard !values.isEmpty, values.count == operands.count else { return nil }
        switch op {
        case .add: return values.reduce(0, +)
        case .multiply: return values[0] * values[1]
        case .divide: return values[0] / values[1]
        case .maximum: return values[0] > values[1] ? values[0] : values[1]
        case .minimum: return values[0] < values[1] ? values[0] : values[1]
        case .function(let function): return Arithmetic.value(of: function, values[0])
        case .power(let exponent): return Arithmetic.power(values[0], exponent)
        default: return nil
        }
    }

    /// How a node is named in an error: its own name without the instance, or the operator.
    func shown(_ id: ID) -> String {
        guard let name = nodes[id].name else { return nodes[id].op.name }
        return String(name.split(separator: "/").last?.split(separator: ".").last ?? "")
    }
}
