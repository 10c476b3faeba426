import Kernels

@testable import Network

/// A random program over the whole notation, valid but for what only the whole graph shows (a cycle through `last`, or through both
/// `prev` and `next`). The same seed gives the same program.
///
/// Every value is generated for a wanted shape. Names and shapes of a body are chosen before its statements, so that `prev` and
/// `next` may name later values. What is fed back goes through bounded functions, and matrices are scaled to shrink: rounding stays
/// rounding.
struct RandomProgram {
    typealias Axes = [Int]
    static let sourceAxis = Shape.sourceLength

    enum Form: CaseIterable { case stepToken, stepVector, features, answer, translation }

    let form: Form
    private(set) var text = ""
    private(set) var tensors: [String: Tensor] = [:]
    let hyperparameters: [String: Double] = ["two": 2, "three": 3, "rate": 0.25]

    var random: SplitMix
    var cells: [CellSignature] = []
    var groups: [(name: String, turns: Int, members: [(name: String, axes: Axes)])] = []
    /// Results of encode that can be read by their names, and whether there is one for every position.
    var encoded: [(name: String, axes: Axes, isTimed: Bool)] = []
    var body = BodyState()
    private var names = 0

    struct CellSignature {
        var name: String
        var parameters: [Axes]
        var group: Int?
        var results: [Axes]
        var hasDelays: Bool
    }

    /// What may be used where a statement stands.
    struct BodyState {
        var entry: Entry?  // nil in a cell
        /// Values that are defined.
        var values: [(name: String, axes: Axes)] = []
        /// Values that prev and next may name, also later ones.
        var delayable: [(name: String, axes: Axes)] = []
        var token: String?
        /// A name bound to a group, and its members.
        var group: (name: String, members: [(name: String, axes: Axes)])?
        var isTimed: Bool { entry != .answer }
        var usedDelay = false
        /// Inside `last`, and the like, where another would be pointless.
        var isInsideEnds = false
    }

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
        form = Form.allCases[Int(seed % UInt64(Form.allCases.count))]
        for _ in 0..<upTo(3) { addGroup() }
        for _ in 0..<upTo(4) { addCell() }
        switch form {
        case .stepToken: addEntry(.step, inputs: ["token"])
        case .stepVector: addEntry(.step, inputs: one(in: 3) ? ["x: 4", "y: two * 3"] : ["x: 4"])
        case .features: addEntry(.encode, inputs: one(in: 2) ? ["token"] : ["x: 4"])
        case .answer:
            addEntry(.encode, inputs: one(in: 3) ? ["x: 5"] : ["token"])
            addEntry(.answer, inputs: [])
        case .translation:
            addEntry(.encode, inputs: ["token"])
            addEntry(.decode, inputs: one(in: 3) ? ["x: 3"] : ["token"])
        }
    }

    // MARK: Chance

    mutating func upTo(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
    mutating func one(in count: Int) -> Bool { upTo(count) == 0 }
    mutating func choice<Element>(_ elements: [Element]) -> Element { elements[upTo(elements.count)] }
    mutating func fresh(_ prefix: String) -> String {
        names += 1
        return "\(prefix)\(names)"
    }

    mutating func size() -> Int { one(in: 12) ? choice([17, 33, 70]) : choice([1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 12]) }

    mutating func axes() -> Axes {
        switch upTo(10) {
        case 0: return []
        case 1...5: return [size()]
        case 6...7: return [choice([1, 2, 3]), choice([2, 3, 4, 8])]
        case 8: return [choice([2, 3]), choice([1, 2, 4]), choice([2, 3, 17])]
        default: return [2, choice([1, 3]), 2, choice([2, 3])]
        }
    }

    // MARK: Tensors

    /// A tensor of a shape, new or known.
    mutating func tensor(_ axes: Axes, matrix: Bool = false) -> String {
        if let group = body.group, one(in: 2) {
            let fitting = group.members.filter { $0.axes == axes }
            if !fitting.isEmpty { return "\(group.name).\(choice(fitting).name)" }
        }
        if one(in: 3) {
            let known = tensors.filter { $0.value.shape == axes && !$0.key.contains(".") }.keys.sorted()
            if !known.isEmpty { return choice(known) }
        }
        let name = fresh("w")
        store(name, axes)
        return name
    }

    mutating func store(_ name: String, _ axes: Axes) {
        let fan = max(2, axes.count >= 2 ? Float(max(axes[axes.count - 1], axes[axes.count - 2])) : 1)
        tensors[name] = Tensor(shape: axes, values: (0..<axes.reduce(1, *)).map { _ in 1.2 * random.unit() / fan.squareRoot() })
    }

    private mutating func addGroup() {
        let name = fresh("g")
        let turns = 1 + upTo(3)
        let members = (0..<3).map { _ in (name: fresh("m"), axes: axes()) }
        for turn in 0..<turns { for member in members { store("\(name).\(turn).\(member.name)", member.axes) } }
        groups.append((name, turns, members))
    }

    // MARK: Cells and entries

    private mutating func addCell() {
        body = BodyState()
        var signature = CellSignature(
            name: fresh("cell"), parameters: (0...upTo(2)).map { _ in axes() }, results: [], hasDelays: false)
        var parameters = signature.parameters.map { axes in
            let name = fresh("p")
            body.values.append((name, axes))
            return name
        }
        if !groups.isEmpty, one(in: 3) {
            let group = upTo(groups.count)
            signature.group = group
            let name = fresh("q")
            body.group = (name, groups[group].members)
            parameters.append(name)
        }
        let statements = statements(1 + upTo(4), indent: "  ")
        let count = 1 + upTo(2)
        var results: [String] = []
        for _ in 0..<count {
            let axes = one(in: 2) || body.values.isEmpty ? axes() : choice(body.values).axes
            signature.results.append(axes)
            results.append(expression(axes, 2))
        }
        signature.hasDelays = body.usedDelay
        text +=
            "cell \(signature.name)(\(parameters.joined(separator: ", "))) {\n\(statements)  return \(results.joined(separator: ", "))\n}\n"
        cells.append(signature)
    }

    private mutating func addEntry(_ entry: Entry, inputs: [String]) {
        body = BodyState(entry: entry)
        for input in inputs {
            let name = String(input.prefix { $0 != ":" })
            if name == "token" {
                body.token = "token"
            } else {
                let size = input.contains("two * 3") ? 6 : Int(String(input.last ?? "0")) ?? 0
                body.values.append((name, [size]))
                body.delayable.append((name, [size]))
            }
        }
        var statements = ""
        if entry == .encode {
            statements = "  p = sin(prev(p, start: 0.5) + 0.7)\n"
            body.values.append(("p", []))
        }
        statements += self.statements(2 + upTo(6), indent: "  ")
        var results = entry == .encode ? ["pos: p"] : []
        if entry == .encode { encoded.append(("pos", [], true)) }
        for _ in 0..<1 + upTo(3) {
            let name = fresh("r")
            let axes = one(in: 3) ? axes() : choice(body.values).axes
            let value = expression(axes, one(in: 2) ? 0 : 2)
            if entry == .encode {
                // Read whole, a value must be one of every position, or one of the sequence.
                let isTimed = !one(in: 3)
                encoded.append((name, axes, isTimed))
                results.append("\(name): \(isTimed ? "\(value) + 0.1 * p" : "last(\(value))")")
            } else {
                results.append("\(name): \(value)")
            }
        }
        if one(in: 4), let last = results.last?.split(separator: ":", maxSplits: 1).last { results.append("again:\(last)") }
        if one(in: 6) { results.append("constant: \(choice([tensor([3]), number(), "two"]))") }
        text +=
            "\(entry.rawValue)(\(inputs.joined(separator: ", "))) {\n\(statements)  return \(results.joined(separator: ", "))\n}\n"
    }

    // MARK: Statements

    mutating func statements(_ count: Int, indent: String) -> String {
        var plan: [[(name: String, axes: Axes)]] = []
        for _ in 0..<count {
            let names = one(in: 4) ? 2 + upTo(2) : 1
            let first = axes()
            plan.append((0..<names).map { (fresh("v"), $0 == 0 ? first : one(in: 2) ? first : axes()) })
        }
        let known = body.delayable
        // A value of several names decides its own shapes: see `several`.
        for names in plan where names.count == 1 { body.delayable += names }
        var result = ""
        for names in plan {
            if body.group == nil, !groups.isEmpty, one(in: 6) { result += repetition(indent) }
            if names.count == 1 {
                let (name, axes) = names[0]
                result += "\(indent)\(name) = \(expression(axes, 3))\n"
                body.values.append(names[0])
            } else {
                result += several(names, indent)
            }
        }
        if indent.count > 2 { body.delayable = known }
        return result
    }

    /// A statement with several names: split, rows, or a cell.
    private mutating func several(_ names: [(name: String, axes: Axes)], _ indent: String) -> String {
        let joined = names.map(\.name).joined(separator: ", ")
        func line(_ expression: String) -> String { "\(indent)\(joined) = \(expression)\n" }
        let count = names.count
        let fitting = cells.filter { $0.results.count == count && canCall($0) }
        if !fitting.isEmpty, one(in: 2) {
            let cell = choice(fitting)
            let call = call(cell, 2)
            for (name, axes) in zip(names, cell.results) { body.values.append((name.name, axes)) }
            return line(call)
        }
        var whole = axes()
        switch upTo(3) {
        case 0:
            whole = [count] + (whole.isEmpty ? [3] : Array(whole.suffix(3)))
            let operand = expression(whole, 2)
            for name in names { body.values.append((name.name, Array(whole.dropFirst()))) }
            return line("rows(\(operand))")
        case 1:
            let part = 1 + upTo(4)
            whole = whole.dropLast() + [count * part]
            let operand = expression(whole, 2)
            for name in names { body.values.append((name.name, whole.dropLast() + [part])) }
            return line("split(\(operand))")
        default:
            let sizes = (0..<count).map { _ in 1 + upTo(4) }
            whole = whole.dropLast() + [sizes.reduce(0, +)]
            let operand = expression(whole, 2)
            for (name, size) in zip(names, sizes) { body.values.append((name.name, whole.dropLast() + [size])) }
            let shown = sizes.map { $0 == 2 ? "two" : $0 == 4 ? "2 * two" : String($0) }
            return line("split(\(operand), \(shown.joined(separator: ", ")))")
        }
    }

    /// `repeat` over a group, with values of its own and some that it renews.
    private mutating func repetition(_ indent: String) -> String {
        let group = choice(groups)
        let variable = fresh("l")
        var result = ""
        var renewed: [(name: String, axes: Axes)] = []
        for _ in 0...upTo(2) {
            // A renewed name cannot be read with prev, so it is none of the planned ones.
            let value = (name: fresh("x"), axes: one(in: 2) ? axes() : choice(group.members).axes)
            result += "\(indent)\(value.name) = \(expression(value.axes, 2))\n"
            renewed.append(value)
        }
        body.values += renewed
        let outer = body
        body.group = (variable, group.members)
        // Names of the body outside cannot be given a value here, but can be read.
        let inner = statements(upTo(3), indent: indent + "  ")
        result += "\(indent)repeat \(variable) in \(group.name)\(group.turns > 1 && one(in: 3) ? " from 1" : "") {\n\(inner)"
        for value in renewed {
            let new = expression(value.axes, 2)
            result += "\(indent)  \(value.name) = \(choice(["tanh(\(value.name) + \(new))", "\(new) - 0.5 * \(value.name)"]))\n"
        }
        let used = body.usedDelay
        body = outer
        body.usedDelay = used
        return result + "\(indent)}\n"
    }

    // MARK: Calls

    func canCall(_ cell: CellSignature) -> Bool { body.isTimed || !cell.hasDelays }

    mutating func call(_ cell: CellSignature, _ depth: Int) -> String {
        var arguments = cell.parameters.map { expression($0, depth - 1) }
        if let group = cell.group {
            if let own = body.group, own.members.map(\.name) == groups[group].members.map(\.name), one(in: 2) {
                arguments.append(own.name)
            } else {
                arguments.append("\(groups[group].name).\(upTo(groups[group].turns))")
            }
        }
        if cell.hasDelays { body.usedDelay = true }
        let backward = body.entry == .encode && one(in: 3) ? "backward " : ""
        return "\(backward)\(cell.name)(\(arguments.joined(separator: ", ")))"
    }

    mutating func number() -> String {
        choice([
            "0", "1", "0.5", "2", "1e-1", "rate", "two", "-(3)", "(2 + 3 * 0.25 - tanh(1))", "2^-1", "max(rate, 0.125)", "cos(0)",
        ])
    }
}
