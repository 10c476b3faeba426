/// Computes a graph as it is written, in double precision, one value at a time. It knows nothing of plans, packing, batches or
/// threads: it is what they are tested against, and it is to stay too simple to be wrong.
///
/// A value is asked for at a step; what it needs is computed first and remembered.
struct Interpreter {
    /// An array of numbers with its axes filled in.
    struct Value: Equatable {
        var shape: [Int]
        var elements: [Double]

        var last: Int { shape.last ?? 1 }
    }

    let graph: Graph
    let tensors: [String: Value]
    /// Token ids by entry; their count is the number of steps.
    var tokens: [Entry: [Int]] = [:]
    /// Vector inputs by name, one for each step.
    var vectors: [String: [[Double]]] = [:]
    /// Values before the first step (after the last, for `next`) in place of `start:`, by the name of the state.
    var carried: [String: [Double]] = [:]
    /// The token that should follow each step; negative where no loss is taken.
    var targets: [Int] = []
    /// What losses are multiplied by before they are added up.
    var lossScale = 1.0
    /// Products whose vector is rounded to 8 bits first, as integer products round it.
    var integerProducts: Set<Graph.ID> = []

    private var known: [Request: Value] = [:]

    struct Request: Hashable {
        var id: Graph.ID
        var step: Int
    }

    init(graph: Graph, tensors: [String: Value]) {
        self.graph = graph
        self.tensors = tensors
    }

    /// The value of a node at a step. (Steps of a value that is not timed are all the same one.)
    mutating func value(of id: Graph.ID, at step: Int) -> Value {
        var stack = [request(id, step)]
        while let top = stack.last {
            if known[top] != nil {
                stack.removeLast()
                continue
            }
            let missing = requests(of: top).filter { known[$0] == nil }
            if missing.isEmpty {
                known[top] = compute(top)
                stack.removeLast()
            } else {
                stack.append(contentsOf: missing)
            }
        }
        return known[request(id, step)] ?? Value(shape: [], elements: [0])
    }

    /// Steps that a clock has.
    func steps(_ clock: Clock) -> Int {
        switch clock {
        case .constant, .once, .total: 1
        case .source: tokens[.encode]?.count ?? vectors.values.first?.count ?? 0
        case .target: tokens[.step]?.count ?? tokens[.decode]?.count ?? vectors.values.first?.count ?? 0
        }
    }

    func request(_ id: Graph.ID, _ step: Int) -> Request {
        Request(id: id, step: graph[id].clock.isTimed ? step : 0)
    }

    /// The operand's value that a node reads at a step, or nothing where it reads its start.
    private func requests(of wanted: Request) -> [Request] {
        let node = graph[wanted.id]
        let clock = node.operands.first.map { graph[$0].clock } ?? .constant
        switch node.op {
        case .delay(let direction, let clock):
            let neighbour = wanted.step + (direction == .previous ? -1 : 1)
            let inside = neighbour >= 0 && neighbour < steps(clock)
            return inside ? [request(node.operands[0], neighbour)] : [request(node.operands[1], 0)]
        case .window(let count, _):
            return (max(0, wanted.step - count + 1)...wanted.step).map { request(node.operands[0], $0) }
        case .last: return [request(node.operands[0], steps(clock) - 1)]
        case .first: return [request(node.operands[0], 0)]
        case .positions: return (0..<steps(clock)).map { request(node.operands[0], $0) }
        case .gather: return [request(node.operands[0], 0)]
        case .sumOverSteps, .total, .outerTotal: return everyStep(of: node.operands)
        case .scatterTotal: return everyStep(of: [node.operands[0]])
        case .windowSum:
            let last = min(wanted.step + graph[node.operands[0]].windowLength, steps(clock)) - 1
            return (wanted.step...last).map { request(node.operands[0], $0) }
        case .atBeginning: return [request(node.operands[0], 0)]
        case .atPosition: return [request(node.operands[0], 0)]
        default: return node.operands.map { request($0, wanted.step) }
        }
    }

    private func compute(_ wanted: Request) -> Value {
        let node = graph[wanted.id]
        let operands = requests(of: wanted).compactMap { known[$0] }
        switch node.op {
        case .number(let value): return Value(shape: [], elements: [value])
        case .tensor(let name): return tensors[name] ?? Value(shape: [], elements: [0])
        case .input(_, let name, _):
            let elements = vectors[name]?[wanted.step] ?? [0]
            return Value(shape: [elements.count], elements: elements)
        case .gather:
            guard case .input(let entry, _, _) = graph[node.operands[1]].op, let token = tokens[entry]?[wanted.step] else {
                return operands[0]
            }
            let width = operands[0].last
            return Value(shape: [width], elements: Array(operands[0].elements[token * width..<(token + 1) * width]))
        case .delay: return delayed(wanted, operands[0])
        case .window(let count, _):
            let zero = Value(shape: operands[0].shape, elements: operands[0].elements.map { _ in 0 })
            return Self.stacked([Value](repeating: zero, count: count - operands.count) + operands)
        case .positions: return graph[node.operands[0]].clock == .source ? Self.stacked(operands) : operands[0]
        case .last, .first: return operands[0]
        case .product where integerProducts.contains(wanted.id):
            let isVector = graph.weightProduct(wanted.id)?.matrix == 0 ? [false, true] : [true, false]
            return Self.apply(node.op, zip(operands, isVector).map { $1 ? $0.roundedInStretches : $0 })
        case .crossEntropy, .sumToFit, .sumOverSteps, .total, .outerTotal, .scatterTotal, .windowSum, .atPosition, .stack, .table:
            return training(wanted, node, operands)
        case .copy: return operands[0].expanded(to: node.shape.resolved(source: steps(.source)))
        default: return Self.apply(node.op, operands)
        }
    }

    private func delayed(_ wanted: Request, _ value: Value) -> Value {
        let node = graph[wanted.id]
        let shape = node.shape.resolved(source: steps(.source))
        var value = value
        if requests(of: wanted)[0].id == node.operands[1], let name = node.name, let elements = carried[name] {
            value = Value(shape: shape, elements: elements)
        }
        return value.expanded(to: shape)
    }
}

extension Interpreter.Value {
    init(_ tensorShape: [Int], floats: [Float]) {
        self.init(shape: tensorShape, elements: floats.map(Double.init))
    }

    /// Repeated to fit a larger shape; axes are aligned at the last.
    func expanded(to target: [Int]) -> Self {
        if target == shape { return self }
        let count = target.reduce(1, *)
        let strides = Self.strides(of: shape, within: target)
        return Self(
            shape: target,
            elements: (0..<count).map { flat in
                var (rest, offset) = (flat, 0)
                for axis in target.indices.reversed() {
                    offset += rest % target[axis] * strides[axis]
                    rest /= target[axis]
                }
                return elements[offset]
            })
    }

    /// For each axis of `target`, how far apart neighbours are in an array of shape `shape`: 0 where it is repeated.
    private static func strides(of shape: [Int], within target: [Int]) -> [Int] {
        var strides = [Int](repeating: 0, count: target.count)
        var stride = 1
        for i in 1...max(shape.count, 1) where i <= shape.count {
            let size = shape[shape.count - i]
            if size != 1 { strides[target.count - i] = stride }
            stride *= size
        }
        return strides
    }

    static func common(_ shapes: [[Int]]) -> [Int] {
        let rank = shapes.map(\.count).max() ?? 0
        return (0..<rank).map { axis in
            shapes.map { shape in
                let own = axis - (rank - shape.count)
                return own < 0 ? 1 : shape[own]
            }.first { $0 != 1 } ?? 1
        }
    }
}
