/// Syntax to graph: cells are called, repeats walked, names looked up. What is wrong is collected; an expression that cannot have a
/// value is `nil` and silences what depends on it.
struct Expander {
    /// Expressions evaluated while expanding. Counted here, because equal expressions would hide a doubling chain of cells from a
    /// count of nodes.
    static let expressionLimit = 100_000
    static let callDepthLimit = 64
    /// Expressions within expressions, through the cells that they call: bounds the stack.
    static let depthLimit = 200

    /// What a name stands for.
    enum Binding {
        case value(Graph.ID?)  // nil: an error was reported
        case group(String)  // the tensors whose names begin with this and a dot
    }

    /// A body, or one turn of a `repeat` in it, while its names are being defined.
    struct Scope {
        var names: [String: Binding]
        /// Names that this scope's own statements give a value, now or later.
        let assigned: Set<String>
        /// Names from outside a repeat, which it may renew.
        let outside: Set<String>
        /// A whole body, not a turn of a repeat in it.
        var isBody = true
        /// Delays of values that are not defined yet.
        var pending: [Pending] = []
        let path: [String]
        /// How many instances of each cell this scope has called.
        var calls: [String: Int] = [:]

        struct Pending {
            var delay: Graph.ID
            var name: String
            var position: Position
        }
    }

    let cells: [String: (cell: Cell, order: Int)]
    let hyperparameters: [String: Double]
    let tensors: [String: [Int]]  // shapes
    let groups: Set<String>
    var graph = Graph()
    var errors: [Diagnostic] = []
    var missing: [(tensor: String, from: String, position: Position)] = []
    var used: Set<String> = []

    var entry = Entry.step
    var scopes: [Scope] = []
    /// Cells may be called only above this place in the text.
    var cellLimit = Int.max
    var callDepth = 0
    var depth = 0
    /// Inside `backward`: every prev is a next and the reverse.
    var isMirrored = false
    private var evaluated = 0
    private var dropouts = 0

    /// What a program becomes: the graph, and the tensors it reads.
    struct Expansion {
        var graph: Graph
        var usedTensors: Set<String>
    }

    static func expand(
        _ program: Program, hyperparameters: [String: Double], tensors: [String: [Int]]
    ) throws(NotationErrors) -> Expansion {
        var expander = Expander(program, hyperparameters, tensors)
        expander.checkEntries(program.entries)
        if expander.errors.isEmpty {
            for entry in Entry.allCases {
                if let body = program.entries.first(where: { $0.entry == entry }) { expander.expand(body) }
            }
        }
        expander.reportMissing()
        if !expander.errors.isEmpty { throw NotationErrors(expander.errors) }
        expander.graph.merge()
        return Expansion(graph: expander.graph, usedTensors: expander.used)
    }

    private init(_ program: Program, _ hyperparameters: [String: Double], _ tensors: [String: [Int]]) {
        cells = Dictionary(program.cells.enumerated().map { ($1.name, ($1, $0)) }, uniquingKeysWith: { a, _ in a })
        self.hyperparameters = hyperparameters
        self.tensors = tensors
        var groups: Set<String> = []
        for name in tensors.keys {
            var prefix = name[...]
            while let dot = prefix.lastIndex(of: ".") {
                prefix = prefix[..<dot]
                if !groups.insert(String(prefix)).inserted { break }
            }
        }
        self.groups = groups
    }

    // MARK: Errors

    mutating func report(_ position: Position, _ message: String) { errors.append(Diagnostic(position, message)) }

    /// One error for all tensors that a program names and the archive lacks.
    private mutating func reportMissing() {
        guard let first = missing.first else { return }
        var names: [String] = []
        for (tensor, from, _) in missing {
            let shown = tensor == from ? tensor : "\(tensor) (from \(from))"
            if !names.contains(shown) { names.append(shown) }
        }
        report(
            first.position,
            names.count == 1 ? "there is no tensor \(names[0])" : "missing tensors: \(names.joined(separator: ", "))")
    }

    /// Counts one expression; false when there are too many.
    mutating func countExpression(_ position: Position) -> Bool {
        evaluated += 1
        if evaluated == Self.expressionLimit + 1 {
            report(position, "the program expands to more than \(Self.expressionLimit) operations")
        }
        return evaluated <= Self.expressionLimit
    }

    var isExhausted: Bool { evaluated > Self.expressionLimit }

    mutating func nextDropout() -> Int {
        dropouts += 1
        return dropouts
    }

    // MARK: Entries

    private mutating func checkEntries(_ bodies: [EntryBody]) {
        let entries = Set(bodies.map(\.entry))
        let allowed: [Set<Entry>] = [[.step], [.encode], [.encode, .decode], [.encode, .answer]]
        if !allowed.contains(entries) {
            let found = bodies.isEmpty ? "none" : bodies.map(\.entry.rawValue).joined(separator: ", ")
            report(
                bodies.first?.position ?? Position(line: 1, column: 1),
                "a program has step, or encode, or encode with decode, or encode with answer; this one has \(found)")
        }
        for body in bodies where body.entry == .answer && !body.inputs.isEmpty {
            report(body.position, "answer takes no input: it is computed once, after encode")
        }
        for body in bodies where body.entry != .answer && body.inputs.isEmpty {
            report(body.position, "\(body.entry.rawValue) takes a token, or vectors with their sizes")
        }
    }

    private mutating func expand(_ body: EntryBody) {
        entry = body.entry
        if entry == .step || entry == .decode { graph.generating = entry }
        scopes = []
        var names: [String: Binding] = [:]
        for input in body.inputs {
            if names[input.name] != nil { report(input.position, "\(input.name) is already an input") }
            checkName(input.name, input.position)
            var size: Int?
            if let expression = input.size {
                scopes = [Scope(names: [:], assigned: [], outside: [], path: [])]
                guard let whole = wholeNumber(expression) else { continue }
                size = whole
                scopes = []
            }
            names[input.name] = .value(
                graph.append(.input(entry, name: input.name, size: size), [], at: input.position, name: input.name))
        }
        let values = expand(body.body, names: names, path: [])
        var results: [Graph.Result] = []
        for (index, (result, value)) in zip(body.body.results, values).enumerated() {
            guard let value else { continue }
            let name = result.name ?? String(index)
            if results.contains(where: { $0.name == name }) {
                report(result.value.position, "\(entry.rawValue) returns \(name) twice: give one a name of its own, other: value")
            }
            results.append(.init(name: name, node: value))
        }
        graph.results[entry] = results
    }

    // MARK: Bodies

    /// The values that a body returns.
    mutating func expand(_ body: Body, names: [String: Binding], path: [String]) -> [Graph.ID?] {
        scopes.append(Scope(names: names, assigned: Set(body.statements.flatMap(\.assigned)), outside: [], path: path))
        defer { scopes.removeLast() }
        for statement in body.statements where !isExhausted { expand(statement) }
        let values = body.results.map { value(of: $0.value) }
        if !isExhausted { closeDelays() }
        return values
    }

    private mutating func expand(_ statement: Statement) {
        switch statement {
        case .define(let names, let expression, let position):
            let values = self.values(of: expression, count: names.count)
            for (name, value) in zip(names, values) { define(name, value, position) }
        case .repeated(let variable, let group, let start, let statements, let position):
            guard let prefix = self.group(named: group, position) else { return }
            guard let turns = turns(of: prefix, position) else { return }
            for turn in turns.dropFirst(start) {
                // An empty turn counts too: repeats in repeats would take for ever to do nothing.
                guard countExpression(position) else { return }
                expandTurn(statements, variable: variable, group: "\(prefix).\(turn)", position)
            }
        }
    }

    /// One turn of a `repeat`: its names are its own, but those from outside that it renews go on to the next turn.
    private mutating func expandTurn(_ statements: [Statement], variable: String, group: String, _ position: Position) {
        let outer = scopes[scopes.count - 1]
        var scope = Scope(
            names: outer.names, assigned: Set(statements.flatMap(\.assigned)), outside: Set(outer.names.keys), isBody: false,
            path: outer.path + ["\(variable).\(group.split(separator: ".").last ?? "")"])
        if scope.names[variable] != nil { report(position, "\(variable) is already defined here: a name has one value") }
        checkName(variable, position)
        scope.names[variable] = .group(group)
        scopes.append(scope)
        for statement in statements where !isExhausted { expand(statement) }
        if !isExhausted { closeDelays() }
        let turn = scopes.removeLast()
        for name in turn.outside { scopes[scopes.count - 1].names[name] = turn.names[name] }
    }

    private mutating func define(_ name: String, _ value: Graph.ID?, _ position: Position) {
        let scope = scopes[scopes.count - 1]
        if scope.names[name] != nil, !scope.outside.contains(name) {
            return report(
                position,
                "\(name) is already defined here: a name has one value (only names from outside a repeat may be renewed in it)")
        }
        checkName(name, position)
        if let value, graph[value].name == nil, graph.number(value) == nil { graph[value].name = instance(name, scope.path) }
        scopes[scopes.count - 1].names[name] = .value(value)
    }

    /// A word that means two things is an error.
    private mutating func checkName(_ name: String, _ position: Position) {
        if hyperparameters[name] != nil {
            report(position, "\(name) is already the name of a hyper-parameter")
        } else if tensors[name] != nil {
            report(position, "\(name) is already the name of a tensor")
        } else if groups.contains(name) {
            report(position, "\(name) is already the name of a group of tensors")
        }
    }

    func instance(_ name: String, _ path: [String]) -> String { path.isEmpty ? name : path.joined(separator: "/") + "." + name }

    /// Gives delays that were read before their value was defined their operand.
    private mutating func closeDelays() {
        let scope = scopes[scopes.count - 1]
        for pending in scope.pending {
            guard case .value(let value) = scope.names[pending.name] else { continue }
            // An undefined value was reported where its definition failed.
            if let value { graph[pending.delay].operands[0] = value }
        }
    }

    // MARK: Groups

    /// The full name of a group of tensors.
    private mutating func group(named path: String, _ position: Position) -> String? {
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        var full = path
        switch scopes[scopes.count - 1].names[parts[0]] {
        case .group(let prefix): full = parts.count == 1 ? prefix : "\(prefix).\(parts[1])"
        case .value:
            report(position, "repeat: \(parts[0]) is a value, not a group of tensors")
            return nil
        case nil: break
        }
        if groups.contains(full) { return full }
        report(position, "repeat: there are no tensors named \(full).0…")
        return nil
    }

    /// `0, 1, …`: the numbered parts of a group, which must be without gaps.
    private mutating func turns(of group: String, _ position: Position) -> Range<Int>? {
        var numbers: Set<Int> = []
        for name in tensors.keys where name.hasPrefix(group + ".") {
            let part = name.dropFirst(group.count + 1).prefix { $0 != "." }
            if let number = Int(part), String(number) == part { numbers.insert(number) }
        }
        guard let largest = numbers.max() else {
            report(position, "repeat: there are no tensors named \(group).0…")
            return nil
        }
        guard largest < numbers.count else {
            let gap = (0...largest).first { !numbers.contains($0) } ?? 0
            let found = numbers.sorted().prefix(20).map(String.init).joined(separator: ", ")
            report(position, "repeat: \(group) is numbered \(found); \(gap) is missing")
            return nil
        }
        return 0..<numbers.count
    }
}
