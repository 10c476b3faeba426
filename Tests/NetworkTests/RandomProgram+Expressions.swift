@testable import Network

/// Expressions of a wanted shape.
extension RandomProgram {
    /// An expression in brackets where it needs them.
    mutating func expression(_ axes: Axes, _ depth: Int) -> String {
        if depth <= 0 { return leaf(axes) }
        for _ in 0..<4 {
            if let made = attempt(axes, depth) { return made }
        }
        return leaf(axes)
    }

    private mutating func attempt(_ axes: Axes, _ depth: Int) -> String? {
        switch upTo(20) {
        case 0...3: return leaf(axes)
        case 4...5: return function(axes, depth)
        case 6...7: return binary(axes, depth)
        case 8...9: return sum(axes, depth)
        case 10...11: return delay(axes, depth)
        case 12...14: return product(axes, depth)
        case 15: return reduction(axes, depth)
        case 16...17: return rearranged(axes, depth)
        case 18: return timed(axes, depth)
        default:
            let fitting = cells.filter { $0.results == [axes] && canCall($0) }
            return fitting.isEmpty ? nil : call(choice(fitting), depth)
        }
    }

    // MARK: Leaves

    /// A value, a tensor, a number; a whole sequence where the shape asks for one.
    private mutating func leaf(_ axes: Axes) -> String {
        let fitting = body.values.filter { $0.axes == axes }
        if !fitting.isEmpty, !one(in: 4) { return choice(fitting).name }
        if axes.contains(Self.sourceAxis) { return positions(axes) }
        if let token = body.token, axes.count == 1, !one(in: 4) { return "\(tensor([Agreement.vocabulary, axes[0]]))[\(token)]" }
        if axes.isEmpty { return one(in: 3) && !body.values.isEmpty ? anyNumber() : number() }
        return tensor(axes)
    }

    /// A number that is another one at the first step.
    private mutating func anyNumber() -> String {
        if body.isTimed { body.usedDelay = true }
        return body.isTimed ? "prev(\(number()), start: \(number()))" : number()
    }

    private mutating func positions(_ axes: Axes) -> String {
        let exact = encoded.filter { $0.isTimed && Self.whole($0.axes) == axes }
        if !exact.isEmpty, !one(in: 4) { return "encode.\(choice(exact).name)" }
        // encode.pos is [S]; everything else is made of it by repeating.
        var result = "encode.pos"
        let place = axes.firstIndex(of: Self.sourceAxis) ?? 0
        if place == axes.count - 2 { result = "column(\(result))" }
        let others = axes.map { $0 == Self.sourceAxis ? 1 : $0 }
        return others == [1] ? result : "(\(result) * \(tensor(others)))"
    }

    static func whole(_ axes: Axes) -> Axes {
        axes.isEmpty ? [sourceAxis] : axes.dropLast() + [sourceAxis, axes[axes.count - 1]]
    }

    // MARK: Pointwise

    private mutating func function(_ axes: Axes, _ depth: Int) -> String {
        let x = expression(axes, depth - 1)
        return choice([
            "tanh(\(x))", "sigmoid(\(x))", "relu(\(x))", "-\(bracketed(x))", "abs(\(x))", "softplus(\(x))", "sin(3 * tanh(\(x)))",
            "cos(tanh(\(x)))",
            "exp(-abs(\(x)))", "sqrt(0.5 + sigmoid(\(x)))", "log(0.5 + sigmoid(\(x)))", "tanh(\(x))^2", "tanh(\(x))^3",
            "sigmoid(\(x))^0.5", "(0.5 + sigmoid(\(x)))^-1", "(0.5 + sigmoid(\(x)))^1.5", "tanh(\(x))^1", "dropout(\(x), rate)",
            "tanh(\(x))^0",
        ])
    }

    private func bracketed(_ text: String) -> String { "(\(text))" }

    /// A shape that goes together with another and is no larger.
    mutating func smaller(_ axes: Axes) -> Axes {
        var result = axes
        if one(in: 3), !result.isEmpty { result = Array(result.suffix(upTo(result.count + 1))) }
        return result.map { $0 != 1 && one(in: 4) ? 1 : $0 }
    }

    /// Two shapes that make a third together.
    private mutating func pair(_ axes: Axes) -> (Axes, Axes) {
        var (a, b) = (axes, smaller(axes))
        if one(in: 3) {
            // Each is repeated along some axis of the other.
            for place in axes.indices.suffix(b.count) where b[place - (axes.count - b.count)] == axes[place] && one(in: 2) {
                a[place] = 1
            }
        }
        if one(in: 2) { swap(&a, &b) }
        return (a, b)
    }

    private mutating func binary(_ axes: Axes, _ depth: Int) -> String {
        let (a, b) = pair(axes)
        let (x, y) = (expression(a, depth - 1), expression(b, depth - 1))
        switch upTo(6) {
        case 0...2: return "\(bracketed(x)) * \(bracketed(y))".inBrackets
        case 3: return "\(bracketed(x)) / (1.5 + sigmoid(\(y)))".inBrackets
        case 4: return "max(\(x), \(y))"
        default: return "min(\(x), \(y))"
        }
    }

    private mutating func sum(_ axes: Axes, _ depth: Int) -> String {
        let (a, b) = pair(axes)
        var terms = [a, b]
        for _ in 0..<upTo(3) { terms.append(smaller(axes)) }
        var result = one(in: 4) ? "-" : ""
        for (index, term) in terms.enumerated() {
            if index > 0 { result += one(in: 3) ? " - " : " + " }
            result += bracketed(expression(term, depth - 1))
        }
        return result.inBrackets
    }

    // MARK: Time

    private mutating func delay(_ axes: Axes, _ depth: Int) -> String? {
        guard body.isTimed, !axes.contains(Self.sourceAxis) || body.entry == .decode else { return nil }
        body.usedDelay = true
        let name = body.entry == .encode && one(in: 4) ? "next" : "prev"
        var operand: String
        var grows = false
        let fitting = body.delayable.filter { $0.axes == axes }
        var isLater = false
        if !fitting.isEmpty, !one(in: 3) {
            operand = choice(fitting).name
            isLater = !axes.isEmpty && !body.values.contains { $0.name == operand }
        } else if one(in: 5) {
            let small = smaller(axes)
            grows = small != axes
            operand = expression(small, depth - 1)
        } else {
            operand = expression(axes, depth - 1)
        }
        // prev of a name that a repeat renews is an error; of its value it is none.
        if operand.first == "x", operand.count > 1, operand.allSatisfy({ $0.isLetter || $0.isNumber }) {
            operand = "0 + \(operand)"
        }
        if axes.contains(Self.sourceAxis) {
            if grows { return nil }
            return "tanh(\(name)(\(operand)))"
        }
        var start = ""
        if grows || isLater, !one(in: 6) || grows {
            // The shape of a later value may depend on this one alone.
            start = ", start: \(tensor(axes))"
        } else if !isLater {
            switch upTo(6) {
            case 0...1: start = ", start: \(tensor(axes))"
            case 2: start = ", start: \(tensor(smaller(axes)))"
            case 3: start = ", start: \(number())"
            case 4: start = ", start: \(onceStart(axes))"
            default: break
            }
        }
        let delay = "\(name)(\(operand)\(start))"
        // What is fed back is bounded, so that nothing grows with the number of steps.
        if isLater, start.isEmpty { return "(0.5 * tanh(\(tensor(axes)) + \(delay)))" }
        return one(in: 4) && fitting.isEmpty
            ? delay : choice(["tanh(\(delay))", "relu(tanh(\(delay)))", "(0.5 * tanh(\(delay)))"])
    }

    /// A start that is known once a sequence.
    private mutating func onceStart(_ axes: Axes) -> String {
        if body.entry == .encode {
            let known = body.values.filter { $0.axes == axes }
            return known.isEmpty ? tensor(axes) : "\(choice(["last", "first"]))(\(choice(known).name))"
        }
        let known = encoded.filter { $0.axes == axes && !$0.isTimed }
        return known.isEmpty || body.entry != .decode ? tensor(axes) : "encode.\(choice(known).name)"
    }

    private mutating func timed(_ axes: Axes, _ depth: Int) -> String? {
        switch body.entry {
        case .encode:
            if body.isInsideEnds { return nil }
            body.isInsideEnds = true
            defer { body.isInsideEnds = false }
            return "\(choice(["last", "first"]))(\(expression(axes, depth - 1)))"
        case .decode, .answer:
            if axes.contains(Self.sourceAxis) { return positions(axes) }
            // An attention: softmax over the positions, and their sum.
            guard axes.count == 1 else { return nil }
            let weights = "softmax(\(expression([Self.sourceAxis], depth - 1)))"
            return "(\(weights) @ \(expression([Self.sourceAxis] + axes, depth - 1).operand))"
        default: return nil
        }
    }

    // MARK: Products and reductions

    private mutating func product(_ axes: Axes, _ depth: Int) -> String? {
        guard let rows = axes.last, axes.count <= 3 else { return nil }
        let isAttention = body.entry == .decode || body.entry == .answer
        let inner = isAttention && !axes.contains(Self.sourceAxis) && one(in: 4) ? Self.sourceAxis : size()
        let leading = Array(axes.dropLast())
        // Ranks differ by one whatever is repeated: an axis is made 1, not left out.
        var (matrix, vector) = (leading, leading)
        for place in leading.indices {
            if one(in: 5) { matrix[place] = 1 } else if one(in: 5) { vector[place] = 1 }
        }
        let matrixFirst = one(in: 2)
        let shape = matrix + (matrixFirst ? [rows, inner] : [inner, rows])
        let knows = !shape.contains(Self.sourceAxis)
        if shape.filter({ $0 == Self.sourceAxis }).count > 1 { return nil }
        if let place = shape.firstIndex(of: Self.sourceAxis), place < shape.count - 2 { return nil }
        let m = knows && !one(in: 3) ? tensor(shape) : expression(shape, depth - 1)
        var v = expression(vector + [inner], depth - 1)
        if body.isTimed, vector.isEmpty, inner > 1, one(in: 3) {
            // Parts from inside and outside of a cycle.
            let cut = inner > 0 ? 1 + upTo(max(1, inner - 1)) : 0
            if cut > 0, cut < inner {
                v = "[\(expression([cut], depth - 1)), \(delay([inner - cut], depth) ?? expression([inner - cut], 0))]"
            }
        }
        return (matrixFirst ? "\(m.operand) @ \(v.operand)" : "\(v.operand) @ \(m.operand)").inBrackets
    }

    private mutating func reduction(_ axes: Axes, _ depth: Int) -> String? {
        if axes.last == 1 {
            let isAttention = body.entry == .decode || body.entry == .answer
            let inner = isAttention && axes.count == 1 && one(in: 2) ? Self.sourceAxis : size()
            if inner > 0, axes.contains(Self.sourceAxis) { return "mean(\(expression(axes.dropLast() + [3], depth - 1)))" }
            return "\(choice(["sum", "mean"]))(\(expression(axes.dropLast() + [inner], depth - 1)))"
        }
        guard !axes.isEmpty else { return nil }
        return "softmax(\(expression(axes, depth - 1)))"
    }

    // MARK: Rearrangements

    private mutating func rearranged(_ axes: Axes, _ depth: Int) -> String? {
        guard let last = axes.last else { return nil }
        let isWhole = axes.contains(Self.sourceAxis)
        let before = axes.count >= 2 ? axes[axes.count - 2] : 0
        switch upTo(7) {
        case 0 where last >= 2:
            let cut = 1 + upTo(last - 1)
            let leading = Array(axes.dropLast())
            let repeated = leading.map { one(in: 4) ? 1 : $0 }
            let parts = [expression(leading + [cut], depth - 1), expression(repeated + [last - cut], depth - 1)]
            return "[\(parts.joined(separator: ", "))]"
        case 1 where axes.count >= 2 && before > 0 && last > 0:
            let count = before == 2 ? "two" : before == 3 ? "three" : String(before)
            return "heads(\(expression(axes.dropLast(2) + [before * last], depth - 1)), \(count))"
        case 2 where last > 1 && axes.count <= 3 && !isWhole:
            let parts = (1...last).filter { last % $0 == 0 }
            let count = choice(parts)
            return "flat(\(expression(axes.dropLast() + [count, last / count], depth - 1)))"
        case 3 where last == 1: return "column(\(expression(axes.dropLast(), depth - 1)))"
        case 4 where before == 1: return "row(\(expression(axes.dropLast(2) + [last], depth - 1)))"
        case 5 where axes.count >= 2 && last > 0 && before > 0:
            let leading = Array(axes.dropLast(2))
            let a = leading.map { one(in: 5) ? 1 : $0 }
            if a.contains(Self.sourceAxis) { return nil }
            return "outer(\(expression(a + [before], depth - 1)), \(expression(leading + [last], depth - 1)))"
        case 6 where body.isTimed && !isWhole:
            body.usedDelay = true
            if axes.count == 1 { return "window(\(expression([], depth - 1)), \(last))" }
            return "window(\(expression(axes.dropLast(2) + [last], depth - 1)), \(before))"
        default: return nil
        }
    }
}

extension String {
    fileprivate var inBrackets: String { "(\(self))" }
    /// As an operand of @.
    fileprivate var operand: String {
        (contains(" ") || hasPrefix("-")) && !(hasPrefix("(") && hasSuffix(")")) ? "(\(self))" : self
    }
}
