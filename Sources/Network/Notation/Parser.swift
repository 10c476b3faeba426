/// Text to syntax, by recursive descent over the grammar of `zoo/NOTATION.md`, section 3. After an error the parser goes on with
/// the next statement, so that one reading reports all that is wrong.
struct Parser {
    static let nestingLimit = 64

    private let tokens: [Token]
    private var index = 0
    private var nesting = 0
    private var errors: [Diagnostic] = []

    static func parse(_ source: String) throws(NotationErrors) -> Program {
        var parser = Parser(tokens: try Lexer.tokenize(source))
        let program = parser.program()
        if !parser.errors.isEmpty { throw NotationErrors(parser.errors) }
        return program
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    // MARK: Tokens

    private var current: Token { tokens[index] }
    private var following: Token { tokens[min(index + 1, tokens.count - 1)] }

    private mutating func advance() -> Token {
        let token = tokens[index]
        if index < tokens.count - 1 { index += 1 }
        return token
    }

    private mutating func accept(_ symbol: Character) -> Bool {
        guard current.kind == .symbol(symbol) else { return false }
        _ = advance()
        return true
    }

    private mutating func accept(word: String) -> Bool {
        guard current.kind == .path(word) else { return false }
        _ = advance()
        return true
    }

    private mutating func expect(_ symbol: Character) throws(Diagnostic) {
        guard accept(symbol) else { throw Diagnostic(current.position, "expected '\(symbol)', found \(current.shown)") }
    }

    private mutating func skipEmptyLines() { while current.kind == .endOfLine { _ = advance() } }

    /// After an error: to the end of the line, but not past the end of the body.
    private mutating func skipStatement() {
        var depth = 0
        while current.kind != .endOfText {
            if depth == 0, [.endOfLine, .symbol("}"), .path("return")].contains(current.kind) { return }
            if current.kind == .symbol("{") { depth += 1 }
            if current.kind == .symbol("}") { depth -= 1 }
            _ = advance()
        }
    }

    private mutating func name() throws(Diagnostic) -> String {
        let token = current
        guard case .path(let word) = token.kind, !word.contains("."), !Keyword.all.contains(word) else {
            throw Diagnostic(token.position, "expected a name, found \(token.shown)")
        }
        _ = advance()
        return word
    }

    // MARK: Program

    private mutating func program() -> Program {
        var program = Program()
        skipEmptyLines()
        while current.kind != .endOfText {
            do throws(Diagnostic) { try definition(into: &program) } catch {
                errors.append(error)
                skipToDefinition()
            }
            skipEmptyLines()
        }
        return program
    }

    private mutating func skipToDefinition() {
        while current.kind != .endOfText {
            if case .path(let word) = current.kind, index > 0, tokens[index - 1].kind == .endOfLine,
                word == "cell" || Entry(rawValue: word) != nil
            {
                return
            }
            _ = advance()
        }
    }

    private mutating func definition(into program: inout Program) throws(Diagnostic) {
        let token = advance()
        guard case .path(let word) = token.kind, word == "cell" || Entry(rawValue: word) != nil else {
            throw Diagnostic(token.position, "expected cell, step, encode, decode or answer, found \(token.shown)")
        }
        if let entry = Entry(rawValue: word) {
            if program.entries.contains(where: { $0.entry == entry }) {
                errors.append(Diagnostic(token.position, "\(word) is defined twice"))
            }
            let inputs = try list { (parser: inout Parser) throws(Diagnostic) in try parser.input() }
            program.entries.append(EntryBody(entry: entry, inputs: inputs, body: try body(), position: token.position))
        } else {
            let position = current.position
            let name = try name()
            if program.cells.contains(where: { $0.name == name }) {
                errors.append(Diagnostic(position, "cell \(name) is defined twice"))
            }
            if OperatorName.isOperator(name) {
                errors.append(Diagnostic(position, "\(name) is an operator: a cell needs a name of its own"))
            }
            let parameters = try list { (parser: inout Parser) throws(Diagnostic) in try parser.name() }
            program.cells.append(Cell(name: name, parameters: parameters, body: try body(), position: position))
        }
    }

    private mutating func input() throws(Diagnostic) -> EntryBody.Input {
        let position = current.position
        let name = try name()
        return EntryBody.Input(name: name, size: accept(":") ? try expression() : nil, position: position)
    }

    /// `( item, item, … )`, possibly empty.
    private mutating func list<Item>(
        _ item: (inout Parser) throws(Diagnostic) -> Item
    ) throws(Diagnostic) -> [Item] {
        try expect("(")
        var items: [Item] = []
        if accept(")") { return items }
        repeat { items.append(try item(&self)) } while accept(",")
        try expect(")")
        return items
    }

    // MARK: Statements

    private mutating func body() throws(Diagnostic) -> Body {
        let opening = current.position
        let statements = try statements(untilReturn: true)
        guard accept(word: "return") else {
            throw Diagnostic(current.kind == .endOfText ? opening : current.position, "a body ends with return")
        }
        var results: [Body.Result] = []
        repeat { results.append(try result()) } while accept(",")
        skipEmptyLines()
        try expect("}")
        return Body(statements: statements, results: results)
    }

    private mutating func result() throws(Diagnostic) -> Body.Result {
        if case .path = current.kind, following.kind == .symbol(":") {
            let name = try name()
            try expect(":")
            return Body.Result(name: name, value: try expression())
        }
        let value = try expression()
        if case .path(let path, _) = value, !path.contains(".") { return Body.Result(name: path, value: value) }
        return Body.Result(name: nil, value: value)
    }

    /// `{ statement … ` up to the closing brace, which is taken, or up to `return`, which is not.
    private mutating func statements(untilReturn: Bool) throws(Diagnostic) -> [Statement] {
        try expect("{")
        var statements: [Statement] = []
        skipEmptyLines()
        while true {
            switch current.kind {
            case .symbol("}"):
                if !untilReturn { _ = advance() }
                return statements
            case .path("return") where untilReturn: return statements
            case .endOfText: throw Diagnostic(current.position, "expected '}', found end of text")
            default:
                do throws(Diagnostic) {
                    statements.append(try statement())
                    if current.kind != .endOfLine, current.kind != .symbol("}") {
                        throw Diagnostic(current.position, "expected end of line, found \(current.shown)")
                    }
                } catch {
                    errors.append(error)
                    skipStatement()
                }
            }
            skipEmptyLines()
        }
    }

    private mutating func statement() throws(Diagnostic) -> Statement {
        let position = current.position
        if accept(word: "repeat") { return try repetition(position) }
        if accept(word: "return") { throw Diagnostic(position, "return stands at the end of a body, not inside repeat") }
        var names = [try name()]
        while accept(",") { names.append(try name()) }
        try expect("=")
        return .define(names: names, try expression(), position)
    }

    private mutating func repetition(_ position: Position) throws(Diagnostic) -> Statement {
        nesting += 1
        defer { nesting -= 1 }
        try checkNesting(position)
        let variable = try name()
        guard accept(word: "in") else { throw Diagnostic(current.position, "expected 'in', found \(current.shown)") }
        let group = current
        guard case .path(let path) = group.kind, !Keyword.all.contains(path) else {
            throw Diagnostic(group.position, "expected the name of a group of tensors, found \(group.shown)")
        }
        _ = advance()
        var start = 0
        if accept(word: "from") {
            let number = advance()
            guard case .number(let value) = number.kind, let whole = Int(exactly: value) else {
                throw Diagnostic(number.position, "expected a whole number after from, found \(number.shown)")
            }
            start = whole
        }
        return .repeated(variable: variable, group: path, start: start, try statements(untilReturn: false), position)
    }

    // MARK: Expressions

    private func checkNesting(_ position: Position) throws(Diagnostic) {
        if nesting > Self.nestingLimit { throw Diagnostic(position, "nested more than \(Self.nestingLimit) deep") }
    }

    private mutating func expression() throws(Diagnostic) -> Expression {
        nesting += 1
        defer { nesting -= 1 }
        try checkNesting(current.position)
        let position = current.position
        var terms = [(negative: false, term: try term())]
        while true {
            if accept("+") {
                terms.append((false, try term()))
            } else if accept("-") {
                terms.append((true, try term()))
            } else {
                return terms.count == 1 ? terms[0].term : .sum(terms, position)
            }
        }
    }

    private mutating func term() throws(Diagnostic) -> Expression {
        var left = try unary()
        while true {
            let position = current.position
            if accept("*") {
                left = .binary(.multiply, left, try unary(), position)
            } else if accept("/") {
                left = .binary(.divide, left, try unary(), position)
            } else {
                return left
            }
        }
    }

    private mutating func unary() throws(Diagnostic) -> Expression {
        let position = current.position
        guard accept("-") else { return try product() }
        nesting += 1
        defer { nesting -= 1 }
        try checkNesting(position)
        return .negated(try unary(), position)
    }

    private mutating func product() throws(Diagnostic) -> Expression {
        var left = try power()
        while true {
            let position = current.position
            guard accept("@") else { return left }
            left = .binary(.product, left, try power(), position)
        }
    }

    private mutating func power() throws(Diagnostic) -> Expression {
        let base = try primary()
        let position = current.position
        guard accept("^") else { return base }
        let sign = current.position
        let exponent: Expression = accept("-") ? .negated(try primary(), sign) : try primary()
        return .power(base, exponent: exponent, position)
    }

    private mutating func primary() throws(Diagnostic) -> Expression {
        var value = try atom()
        while current.kind == .symbol("[") {
            let position = current.position
            try expect("[")
            let index = try expression()
            try expect("]")
            value = .indexed(value, by: index, position)
        }
        return value
    }

    private mutating func atom() throws(Diagnostic) -> Expression {
        let token = advance()
        switch token.kind {
        case .number(let value): return .number(value, token.position)
        case .symbol("("):
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["):
            var items = [try expression()]
            while accept(",") { items.append(try expression()) }
            try expect("]")
            return .joined(items, token.position)
        case .path("backward"):
            let name = current
            guard case .path(let word) = name.kind, following.kind == .symbol("(") else {
                throw Diagnostic(name.position, "backward stands before a cell call")
            }
            _ = advance()
            return try call(word, at: name.position, isBackward: true)
        case .path(let path):
            if current.kind == .symbol("(") { return try call(path, at: token.position, isBackward: false) }
            let first = path.prefix { $0 != "." }
            if Keyword.all.contains(String(first)), first != "encode" || path == "encode" {
                throw Diagnostic(token.position, "expected a value, found the keyword '\(first)'")
            }
            return .path(path, token.position)
        default: throw Diagnostic(token.position, "expected a value, found \(token.shown)")
        }
    }

    private mutating func call(_ name: String, at position: Position, isBackward: Bool) throws(Diagnostic) -> Expression {
        guard !name.contains(".") else { throw Diagnostic(position, "\(name) is no cell or operator: their names have no dots") }
        let arguments = try list { (parser: inout Parser) throws(Diagnostic) -> Expression.Call.Argument in
            if case .path = parser.current.kind, parser.following.kind == .symbol(":") {
                let label = try parser.name()
                try parser.expect(":")
                return .init(label: label, value: try parser.expression())
            }
            return .init(label: nil, value: try parser.expression())
        }
        return .call(.init(name: name, arguments: arguments, isBackward: isBackward, position: position))
    }
}
