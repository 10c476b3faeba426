import Kernels

/// What can be wrong with a network besides its text, or with what it is asked to do.
public enum NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    case tokenOutOfRange(Int, limit: Int)
    case cannotGenerate(reason: String)
    case cannotTrain(reason: String)
    case stateDoesNotFit(String)
    case emptyTensor(String, shape: [Int])
    case windowMissing
    case windowNotPossible
    case paddingOutOfRange(Int, limit: Int)
    case sourceTooLong(Int, limit: Int)
    case emptySource
    case inputMismatch(String)
    case tooMuchState(numbers: Int, limit: Int)
    case tooMuchMemory(limit: Int)
    case notFinite(NonFinite)

    public var description: String {
        switch self {
        case .tokenOutOfRange(let id, let limit): "token \(id) is out of range: the model knows ids from 0 to \(limit - 1)"
        case .cannotGenerate(let reason): reason
        case .cannotTrain(let reason): "this program cannot be trained: \(reason)"
        case .stateDoesNotFit(let reason): "the state does not fit this model: \(reason)"
        case .emptyTensor(let name, let shape): "tensor \(name) has no elements: its shape is \(shape)"
        case .windowMissing: "the program answers for a whole sequence: to generate, the archive must state its window"
        case .windowNotPossible: "a window belongs to a program with encode and answer; this one has other entries"
        case .paddingOutOfRange(let id, let limit):
            "the padding id \(id) is out of range: the model knows ids from 0 to \(limit - 1)"
        case .sourceTooLong(let length, let limit):
            "the source has \(length) tokens, more than the \(limit) that the model allows"
        case .emptySource: "the source is empty: encode needs at least one token"
        case .inputMismatch(let reason): reason
        case .tooMuchState(let numbers, let limit): "the program remembers \(numbers) numbers, more than the \(limit) allowed"
        case .tooMuchMemory(let limit): "the program needs more than the \(limit) numbers allowed for one step"
        case .notFinite(let found): found.description
        }
    }
}

/// What the archive's header says about using a program.
public struct NetworkOptions: Sendable {
    /// Of a window model: how many tokens it reads for each one it generates.
    public var window: Int?
    /// What a window model's text is padded with on the left. 0 when nil.
    public var padding: Int?
    /// The longest source, in tokens.
    public var sourceLimit: Int?
    /// Threads; nil chooses from the work of a step and the processors.
    public var threads: Int?
    /// Whether a run ends with `NetworkError.notFinite` at the first value that is NaN or infinite. It takes time.
    public var checks: Bool

    public init(
        window: Int? = nil, padding: Int? = nil, sourceLimit: Int? = nil, threads: Int? = nil, checks: Bool = false
    ) {
        self.window = window
        self.padding = padding
        self.sourceLimit = sourceLimit
        self.threads = threads
        self.checks = checks
    }
}

/// A program with its weights, ready to run. Immutable: any number of runners share it.
public final class Network: Sendable {
    /// What a program can be used for, by its entries.
    public enum Kind: Sendable, Equatable {
        case languageModel  // step(token)
        case window(Int)  // encode(token), answer(), and a window in the header
        case answer  // encode(token), answer()
        case features  // encode(token): a result for each position
        case translation  // encode(token), decode(token)
        case vectors  // inputs are vectors, not tokens
    }

    public let kind: Kind
    /// Elements of the first result of the entry that answers: the size of the logits.
    public let vocabulary: Int?
    /// One past the largest id that every embedding has a row for.
    public let inputVocabulary: Int?
    public let parameterCount: Int
    /// Tensors that the program does not read, sorted.
    public let unusedTensors: [String]
    public let options: NetworkOptions

    let graph: Graph
    let plan: Plan
    let weights: Weights
    /// As they were given.
    public let tensors: [String: Tensor]
    let team: ThreadTeam

    /// - Throws: `NotationErrors` with all that one stage finds wrong, or `NetworkError`.
    public init(
        program: String, hyperparameters: [String: Double] = [:], tensors: [String: Tensor], options: NetworkOptions = .init()
    ) throws {
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) where tensor.count == 0 {
            throw NetworkError.emptyTensor(name, shape: tensor.shape)
        }
        let expansion = try Expander.expand(
            Parser.parse(program), hyperparameters: hyperparameters, tensors: tensors.mapValues(\.shape))
        var graph = expansion.graph
        try Clocks.infer(&graph)
        try Shapes.infer(&graph, tensors: tensors.mapValues(\.shape))
        self.graph = graph
        self.tensors = tensors
        self.options = options
        unusedTensors = tensors.keys.filter { !expansion.usedTensors.contains($0) }.sorted()
        parameterCount = tensors.values.reduce(0) { $0 + $1.count }
        kind = try Self.kind(of: graph, options)
        inputVocabulary = Self.vocabulary(of: graph, read: [.step, .encode, .answer])
        let answering: Entry = kind == .features ? .encode : graph.results[.answer] != nil ? .answer : graph.generating
        let result = graph.results[answering]?.first
        vocabulary = result.map { graph[$0.node].shape.count() }
        if let padding = options.padding, let limit = inputVocabulary, !(0..<limit).contains(padding) {
            throw NetworkError.paddingOutOfRange(padding, limit: limit)
        }
        plan = Planner.plan(Rewriting.apply(to: graph), tensors: tensors)
        try Self.checkMemory(plan, batch: 1)
        team = Self.team(threads: options.threads, work: plan.workPerStep)
        weights = Weights(plan: plan, tensors: tensors, team: ThreadTeam.shared, checks: options.checks)
    }

    private static func kind(of graph: Graph, _ options: NetworkOptions) throws(NetworkError) -> Kind {
        let hasVectors = graph.nodes.contains { if case .input(_, _, .some) = $0.op { true } else { false } }
        if let window = options.window {
            guard graph.results[.answer] != nil, !hasVectors, window > 0 else { throw .windowNotPossible }
            return .window(window)
        }
        if hasVectors { return .vectors }
        if graph.results[.step] != nil { return .languageModel }
        if graph.results[.decode] != nil { return .translation }
        return graph.results[.answer] != nil ? .answer : .features
    }

    /// Numbers that a sequence may carry from step to step, and that one step may need.
    static let stateLimit = 1 << 27
    static let stepLimit = 1 << 30

    /// The memory of a program is known before it runs: of a batch, all its sequences together.
    static func checkMemory(_ plan: Plan, batch: Int) throws(NetworkError) {
        var state = 0
        for slot in plan.slots { state += slot.shape.count() * slot.depths.count }
        if state > stateLimit { throw .tooMuchState(numbers: state, limit: stateLimit) }
        var step = 0
        for buffer in plan.buffers {
            let sequences = buffer.clock == .constant ? 1 : batch
            step += buffer.shape.count() * (1 + buffer.before.count + buffer.after.count) * sequences
            if step > stepLimit { throw .tooMuchMemory(limit: stepLimit) }
        }
    }

    /// One past the largest id that every embedding has a row for which some entries read.
    static func vocabulary(of graph: Graph, read entries: Set<Entry>) -> Int? {
        graph.nodes.compactMap { node in
            guard node.op == .gather, case .input(let entry, _, nil) = graph[node.operands[1]].op, entries.contains(entry) else {
                return nil
            }
            return graph[node.operands[0]].shape.axes[0]
        }.min()
    }

    /// Threads cost more than they bring where a step is little work.
    private static func team(threads: Int?, work: Int) -> ThreadTeam {
        let chosen = threads ?? (work < 1 << 16 ? 1 : ThreadTeam.shared.count)
        return chosen == ThreadTeam.shared.count ? .shared : ThreadTeam(count: max(1, chosen))
    }

    /// How many threads work on a step.
    public var threads: Int { team.count }

    // MARK: State

    /// The state before the first token.
    public var initialState: State {
        let frame = Frame(plan: plan, weights: weights, batch: 1, sourceCapacity: 1, targetCapacity: 1, threads: team.count)
        frame.begin(.target)
        return State(slots: slots(of: frame.state(of: 0)))
    }

    /// Bytes of the state of one sequence.
    public var stateByteCount: Int {
        if case .window(let window) = kind { return 4 * window }
        return 4 * plan.slots.reduce(0) { $0 + $1.shape.count() * $1.depths.count }
    }

    func slots(of values: [[Float]]) -> [State.Slot] {
        zip(plan.slots, values).map { slot, values in
            State.Slot(
                name: slot.name, shape: (slot.depths.count > 1 ? [slot.depths.count] : []) + slot.shape.axes, values: values)
        }
    }

    /// The values of a state in the order of the plan's slots.
    func values(of state: State) throws(NetworkError) -> [[Float]] {
        guard state.slots.count == plan.slots.count else {
            throw .stateDoesNotFit("it has \(state.slots.count) values, the model remembers \(plan.slots.count)")
        }
        for (slot, own) in zip(state.slots, plan.slots) {
            guard slot.name == own.name else { throw .stateDoesNotFit("it has \(slot.name) where the model has \(own.name)") }
            guard slot.values.count == own.shape.count() * own.depths.count else {
                throw .stateDoesNotFit(
                    "\(slot.name) has \(slot.values.count) numbers, not \(own.shape.count() * own.depths.count)")
            }
        }
        return state.slots.map(\.values)
    }

    // MARK: The oracle

    /// Logits after each token by the interpreter, in double precision: what everything else is tested against. For a window model,
    /// after each token of the text as it grows. [tokens][vocabulary]
    ///
    /// - Parameter roundingActivations: products with quantized weights round their vectors to 8 bits first, as integer products do: what
    ///   an executed network may differ by from exact arithmetic.
    public func interpret(_ tokens: [Int], roundingActivations: Bool = false) throws -> [[Double]] {
        try check(tokens)
        let constants = tensors.mapValues { Interpreter.Value($0.shape, floats: $0.floats()) }
        let integerProducts = roundingActivations ? self.integerProducts : []
        func interpreter(_ tokens: [Int], _ entry: Entry) -> Interpreter {
            var interpreter = Interpreter(graph: graph, tensors: constants)
            interpreter.integerProducts = integerProducts
            interpreter.tokens[entry] = tokens
            return interpreter
        }
        func first(_ entry: Entry) -> Graph.ID { graph.results[entry]?.first?.node ?? 0 }
        switch kind {
        case .languageModel:
            var run = interpreter(tokens, .step)
            return tokens.indices.map { run.value(of: first(.step), at: $0).elements }
        case .features:
            var run = interpreter(tokens, .encode)
            return tokens.indices.map { run.value(of: first(.encode), at: $0).elements }
        case .window(let window):
            return tokens.indices.map { last in
                let seen = tokens[max(0, last + 1 - window)...last]
                let padded = [Int](repeating: options.padding ?? 0, count: window - seen.count) + seen
                var run = interpreter(padded, .encode)
                return run.value(of: first(.answer), at: 0).elements
            }
        case .answer:
            if tokens.isEmpty { throw NetworkError.emptySource }
            var run = interpreter(tokens, .encode)
            return [run.value(of: first(.answer), at: 0).elements]
        case .translation, .vectors:
            throw NetworkError.cannotGenerate(reason: "this program does not read one sequence of tokens")
        }
    }

    /// Whether every id has a row in every embedding.
    func check(_ tokens: [Int]) throws(NetworkError) {
        guard let limit = inputVocabulary else { return }
        for id in tokens where !(0..<limit).contains(id) { throw .tokenOutOfRange(id, limit: limit) }
    }
}
