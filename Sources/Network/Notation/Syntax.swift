/// A program as it is written: cells and entries, not yet meaning anything.
struct Program {
    var cells: [Cell] = []
    var entries: [EntryBody] = []
}

/// The four ways into a program. Their order is the order in which they are expanded: `decode` and `answer` read `encode`.
public enum Entry: String, Sendable, CaseIterable {
    case encode, step, decode, answer
}

/// `cell name(parameters) { … }`
struct Cell {
    var name: String
    var parameters: [String]
    var body: Body
    var position: Position
}

/// `step(token) { … }` and its kin.
struct EntryBody {
    var entry: Entry
    var inputs: [Input]
    var body: Body
    var position: Position

    struct Input {
        var name: String
        var size: Expression?  // none: a token id
        var position: Position
    }
}

struct Body {
    var statements: [Statement]
    var results: [Result]

    struct Result {
        var name: String?
        var value: Expression
    }
}

enum Statement {
    /// `a, b = expression`
    case define(names: [String], Expression, Position)
    /// `repeat variable in group from start { … }`
    case repeated(variable: String, group: String, start: Int, [Statement], Position)

    /// Every name that the statement gives a value, those inside a `repeat` included.
    var assigned: [String] {
        switch self {
        case .define(let names, _, _): names
        case .repeated(_, _, _, let statements, _): statements.flatMap(\.assigned)
        }
    }
}

indirect enum Expression {
    case number(Double, Position)
    case path(String, Position)
    case negated(Expression, Position)
    /// A sum as it is written; each term with its sign.
    case sum([(negative: Bool, term: Expression)], Position)
    case binary(BinaryOperator, Expression, Expression, Position)
    case power(Expression, exponent: Expression, Position)
    case joined([Expression], Position)
    case indexed(Expression, by: Expression, Position)
    case call(Call)

    enum BinaryOperator: Character {
        case multiply = "*"
        case divide = "/"
        case product = "@"
    }

    struct Call {
        var name: String
        var arguments: [Argument]
        var isBackward: Bool
        var position: Position

        struct Argument {
            var label: String?
            var value: Expression
        }
    }

    var position: Position {
        switch self {
        case .number(_, let p), .path(_, let p), .negated(_, let p), .sum(_, let p), .binary(_, _, _, let p),
            .power(_, _, let p), .joined(_, let p), .indexed(_, _, let p):
            p
        case .call(let call): call.position
        }
    }
}
