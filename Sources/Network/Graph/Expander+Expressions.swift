extension Expander {
    // MARK: Values

    /// The one value of an expression; nil after an error.
    mutating func value(of expression: Expression) -> Graph.ID? {
        guard countExpression(expression.position) else { return nil }
        switch expression {
        case .number(let number, let position): return graph.append(.number(number), [], at: position)
        case .path(let path, let position):
            switch lookUp(path, position) {
            case .value(let value): return value
            case .group(let group):
                report(position, "\(group) is a group of tensors, not a value")
                return nil
            }
        case .negated(let operand, let position): return append(.function(.negate), [value(of: operand)], position)
        case .sum(let terms, let position):
            let values = terms.map { negative, term in
                negative ? append(.function(.negate), [value(of: term)], term.position) : value(of: term)
            }
            return append(.add, values, position)
        case .binary(let op, let left, let right, let position):
            let operands = [value(of: left), value(of: right)]
            switch op {
            case .multiply: return append(.multiply, operands, position)
            case .divide: return append(.divide, operands, position)
            case .product: return append(.product, operands, position)
            }
        case .power(let base, let exponent, let position):
            let base = value(of: base)
            return number(exponent).flatMap { append(.power($0), [base], position) }
        case .joined(let parts, let position): return append(.join, parts.map { value(of: $0) }, position)
        case .indexed(let matrix, let index, let position):
            return append(.gather, [value(of: matrix), value(of: index)], position)
        case .call(let call): return oneValue(of: call)
        }
    }

    /// The values of an expression that is given several names.
    mutating func values(of expression: Expression, count: Int) -> [Graph.ID?] {
        let failed = [Graph.ID?](repeating: nil, count: count)
        guard case .call(let call) = expression, ["split", "rows"].contains(call.name) || cells[call.name] != nil else {
            if count == 1 { return [value(of: expression)] }
            report(expression.position, "\(count) names for 1 value")
            return failed
        }
        guard countExpression(call.position) else { return failed }
        if cells[call.name] != nil {
            guard let values = instance(of: call) else { return failed }
            if values.count == count { return values }
            report(call.position, "\(count) name\(count == 1 ? "" : "s") for the \(values.count) values of \(call.name)")
            return failed
        }
        guard check(call), let operand = value(of: call.arguments[0].value) else { return failed }
        if call.name == "rows" { return (0..<count).map { append(.rowPart($0, of: count), [operand], call.position) } }
        if call.arguments.count == 1 { return (0..<count).map { append(.part($0, of: count), [operand], call.position) } }
        return slices(of: operand, call, count: count) ?? failed
    }

    private mutating func slices(of operand: Graph.ID, _ call: Expression.Call, count: Int) -> [Graph.ID?]? {
        var sizes: [Int] = []
        for argument in call.arguments.dropFirst() {
            guard let size = wholeNumber(argument.value) else { return nil }
            sizes.append(size)
        }
        guard sizes.count == count else {
            report(call.position, "\(count) names for the \(sizes.count) parts of split")
            return nil
        }
        let total = sizes.reduce(0, +)
        var from = 0
        return sizes.map { size in
            defer { from += size }
            return append(.slice(from: from, to: from + size, total: total), [operand], call.position)
        }
    }

    mutating func append(_ op: Operator, _ operands: [Graph.ID?], _ position: Position) -> Graph.ID? {
        let known = operands.compactMap { $0 }
        guard known.count == operands.count else { return nil }
        return graph.append(op, known, at: position)
    }

    // MARK: Sizes

    /// A number that is known from the text and the hyper-parameters alone.
    private mutating func number(_ expression: Expression) -> Double? {
        guard let id = value(of: expression) else { return nil }
        if let number = graph.number(id) { return number }
        report(expression.position, "expected a number that is known when the archive is opened")
        return nil
    }

    mutating func wholeNumber(_ expression: Expression) -> Int? {
        guard let number = number(expression) else { return nil }
        if let whole = Int(exactly: number), whole >= 1, whole <= Shape.elementLimit { return whole }
        report(
            expression.position,
            "expected a whole number from 1 to \(Shape.elementLimit), found \(Shape.shown(number))")
        return nil
    }

    // MARK: Names

    /// A local name; `encode.name`; a hyper-parameter; a tensor; a group.
    mutating func lookUp(_ path: String, _ position: Position) -> Binding {
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        if let binding = scopes[scopes.count - 1].names[parts[0]] {
            guard parts.count > 1 else { return binding }
            guard case .group(let group) = binding else {
                report(position, "\(parts[0]) is a value and has no part \(parts[1])")
                return .value(nil)
            }
            return tensorOrGroup("\(group).\(parts[1])", from: path, position)
        }
        if parts[0] == "encode" { return .value(encoded(parts[1], position)) }
        if let number = hyperparameters[path] {
            if tensors[path] != nil || groups.contains(path) {
                report(position, "\(path) is a hyper-parameter and also a tensor or a group of tensors")
            }
            return .value(graph.append(.number(number), [], at: position))
        }
        if tensors[path] == nil, !groups.contains(path), scopes[scopes.count - 1].assigned.contains(parts[0]) {
            report(
                position,
                "\(parts[0]) is used before its definition; if its value one step ago is meant, write prev(\(parts[0]))")
            return .value(nil)
        }
        return tensorOrGroup(path, from: path, position)
    }

    private mutating func tensorOrGroup(_ name: String, from path: String, _ position: Position) -> Binding {
        switch (tensors[name] != nil, groups.contains(name)) {
        case (true, true):
            report(position, "\(name) is a tensor and also a group of tensors")
            return .value(nil)
        case (true, false):
            used.insert(name)
            return .value(graph.append(.tensor(name), [], at: position, name: name))
        case (false, true): return .group(name)
        case (false, false):
            if name == path, !path.contains(".") {
                report(position, "there is no value, tensor or hyper-parameter named \(path)")
            } else {
                missing.append((name, path, position))
            }
            return .value(nil)
        }
    }

    private mutating func encoded(_ name: String, _ position: Position) -> Graph.ID? {
        guard entry != .encode else {
            report(position, "encode cannot read its own result")
            return nil
        }
        let results = graph.results[.encode, default: []]
        guard let result = results.first(where: { $0.name == name }) else {
            let named = results.map(\.name).joined(separator: ", ")
            report(
                position,
                entry == .step
                    ? "step has no encode to read from" : "encode returns \(named); there is no encode.\(name)")
            return nil
        }
        return graph.append(.positions, [result.node], at: position, name: "encode.\(name)")
    }
}
