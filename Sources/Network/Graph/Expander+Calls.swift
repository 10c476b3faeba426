extension Expander {
    /// A call that is used as one value.
    mutating func oneValue(of call: Expression.Call) -> Graph.ID? {
        if cells[call.name] != nil {
            guard let values = self.instance(of: call) else { return nil }
            if values.count == 1 { return values[0] }
            report(call.position, "\(call.name) returns \(values.count) values; name them: a, b = \(call.name)(…)")
            return nil
        }
        guard check(call) else { return nil }
        if call.name == "split" || call.name == "rows" {
            report(call.position, "\(call.name) gives several values; name them: a, b = \(call.name)(…)")
            return nil
        }
        if let direction = Operator.Direction(rawValue: call.name) { return delay(direction, call) }
        let first = value(of: call.arguments[0].value)
        if let function = OperatorName.functions[call.name] { return append(.function(function), [first], call.position) }
        return operation(call, first)
    }

    private mutating func operation(_ call: Expression.Call, _ first: Graph.ID?) -> Graph.ID? {
        let position = call.position
        var second: Expression { call.arguments[1].value }
        switch call.name {
        case "max": return append(.maximum, [first, value(of: second)], position)
        case "min": return append(.minimum, [first, value(of: second)], position)
        case "outer": return append(.outer, [first, value(of: second)], position)
        case "sum": return append(.sum, [first], position)
        case "mean": return append(.mean, [first], position)
        case "softmax": return append(.softmax, [first], position)
        case "flat": return append(.flat, [first], position)
        case "column": return append(.column, [first], position)
        case "row": return append(.row, [first], position)
        case "last": return append(.last, [first], position)
        case "first": return append(.first, [first], position)
        case "heads": return wholeNumber(second).flatMap { append(.heads($0), [first], position) }
        case "window":
            guard let clock = steppingClock(call) else { return nil }
            return wholeNumber(second).flatMap { append(.window($0, clock), [first], position) }
        default: return dropout(call, first)
        }
    }

    private mutating func dropout(_ call: Expression.Call, _ operand: Graph.ID?) -> Graph.ID? {
        let rateExpression = call.arguments[1].value
        guard let id = value(of: rateExpression), let operand else { return nil }
        guard let rate = graph.number(id), rate >= 0, rate < 1 else {
            report(rateExpression.position, "dropout: the rate is a known number from 0 up to but not including 1")
            return nil
        }
        return graph.append(.dropout(rate: rate, instance: nextDropout()), [operand], at: call.position)
    }

    /// Whether a call names an operator and has the operands that it takes.
    mutating func check(_ call: Expression.Call) -> Bool {
        let operands = OperatorName.functions[call.name] != nil ? 1...1 : OperatorName.operands[call.name]
        guard let operands else {
            report(call.position, "there is no cell or operator named \(call.name)")
            return false
        }
        if call.isBackward {
            report(call.position, "backward stands before a cell; \(call.name) is an operator")
            return false
        }
        let isDelay = Operator.Direction(rawValue: call.name) != nil
        for argument in call.arguments {
            guard let label = argument.label else { continue }
            if !isDelay || label != "start" {
                report(argument.value.position, "\(call.name) does not know \(label):")
                return false
            }
        }
        let given = call.arguments.count { $0.label == nil }
        guard operands.contains(given), call.arguments.count - given <= 1, call.arguments[0].label == nil else {
            let wanted = operands.lowerBound == 1 ? "one value" : "\(operands.lowerBound) values"
            report(call.position, "\(call.name) takes \(wanted), found \(given)")
            return false
        }
        return true
    }

    // MARK: Cells

    /// The values of a cell's call; nil when it cannot be called.
    mutating func instance(of call: Expression.Call) -> [Graph.ID?]? {
        guard let (cell, order) = cells[call.name] else { return nil }
        guard order < cellLimit else {
            report(call.position, "cell \(call.name) is used before it is defined")
            return nil
        }
        guard callDepth < Self.callDepthLimit else {
            report(call.position, "cells call each other more than \(Self.callDepthLimit) deep")
            return nil
        }
        if let labelled = call.arguments.first(where: { $0.label != nil }) {
            report(labelled.value.position, "\(call.name) takes no named arguments")
            return nil
        }
        guard call.arguments.count == cell.parameters.count else {
            report(
                call.position,
                "\(call.name) takes \(cell.parameters.count) (\(cell.parameters.joined(separator: ", "))), "
                    + "found \(call.arguments.count)")
            return nil
        }
        var names: [String: Binding] = [:]
        for (parameter, argument) in zip(cell.parameters, call.arguments) {
            names[parameter] = binding(of: argument.value)
        }
        let caller = scopes.count - 1
        let instance = scopes[caller].calls[call.name, default: 0]
        scopes[caller].calls[call.name] = instance + 1
        let path = scopes[caller].path + [instance == 0 ? call.name : "\(call.name)#\(instance + 1)"]

        let saved = (cellLimit, isMirrored)
        cellLimit = order
        isMirrored = isMirrored != call.isBackward
        callDepth += 1
        defer {
            (cellLimit, isMirrored) = saved
            callDepth -= 1
        }
        return expand(cell.body, names: names, path: path)
    }

    /// A cell's argument: a value, or a group of tensors by name.
    private mutating func binding(of expression: Expression) -> Binding {
        guard case .path(let path, let position) = expression else { return .value(value(of: expression)) }
        guard countExpression(position) else { return .value(nil) }
        return lookUp(path, position)
    }

    // MARK: Delays

    /// The clock of the values that this entry steps through.
    private mutating func steppingClock(_ call: Expression.Call) -> Clock? {
        switch entry {
        case .encode: return .source
        case .step, .decode: return .target
        case .answer:
            report(call.position, "answer has no steps, so \(call.name) means nothing there")
            return nil
        }
    }

    private mutating func delay(_ written: Operator.Direction, _ call: Expression.Call) -> Graph.ID? {
        let direction = isMirrored ? written.reversed : written
        guard let clock = steppingClock(call) else { return nil }
        var start: Graph.ID? = graph.append(.number(0), [], at: call.position)
        if let given = call.arguments.first(where: { $0.label == "start" }) { start = value(of: given.value) }
        guard let start else { return nil }
        let op = Operator.delay(direction, clock)
        if case .path(let name, let position) = call.arguments[0].value, !name.contains(".") {
            switch scopeDefining(name, position) {
            case .renewed: return nil
            case .later(let scope): return pendingDelay(of: name, op, start, in: scope, call.position)
            case .known: break
            }
        }
        guard let operand = value(of: call.arguments[0].value) else { return nil }
        return namedDelay(op, operand, start, call)
    }

    private mutating func namedDelay(
        _ op: Operator, _ operand: Graph.ID, _ start: Graph.ID, _ call: Expression.Call
    ) -> Graph.ID {
        var shown = "\(call.name)@\(call.position.line)"
        if case .path(let path, _) = call.arguments[0].value { shown = path }
        return graph.append(
            op, [operand, start], at: call.position, name: instance(shown, scopes[scopes.count - 1].path))
    }

    private enum Definition {
        case known  // or no name of this body at all
        case later(scope: Int)
        case renewed  // by a repeat: reported
    }

    /// Where in the running body a name under prev or next gets its value.
    private mutating func scopeDefining(_ name: String, _ position: Position) -> Definition {
        for index in scopes.indices.reversed() {
            let scope = scopes[index]
            if scope.assigned.contains(name) {
                if scope.outside.contains(name) {
                    report(
                        position,
                        "prev(\(name)) inside repeat: \(name) is renewed by it; give the value of one layer its own name")
                    return .renewed
                }
                return scope.names[name] == nil ? .later(scope: index) : .known
            }
            if scope.isBody { break }
        }
        return .known
    }

    private mutating func pendingDelay(
        of name: String, _ op: Operator, _ start: Graph.ID, in scope: Int, _ position: Position
    ) -> Graph.ID {
        let known = scopes[scope].pending.first {
            $0.name == name && graph[$0.delay].op == op && graph[$0.delay].operands[1] == start
        }
        if let known { return known.delay }
        let delay = graph.appendFresh(op, [start, start], at: position, name: instance(name, scopes[scope].path))
        scopes[scope].pending.append(.init(delay: delay, name: name, position: position))
        return delay
    }
}
