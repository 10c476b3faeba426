/// The closed list of what a program can compute. `zoo/NOTATION.md`, section 6, has a shape rule and an adjoint for each.
enum Operator: Hashable, Sendable {
    // Leaves
    case number(Double)
    case tensor(String)
    /// An entry's input: a token id, or a vector of a given size.
    case input(Entry, name: String, size: Int?)

    // Pointwise
    case function(Function)
    case power(Double)
    case add  // any number of operands
    case multiply, divide, maximum, minimum
    case dropout(rate: Double, instance: Int)

    // Over the last axes
    case product  // matrix @ vector or vector @ matrix: the operand with one axis more is the matrix
    case outer
    case sum, mean, softmax

    // Rearrangements
    case join  // along the last axis
    case part(Int, of: Int)  // of the last axis, equal parts
    case slice(from: Int, to: Int, total: Int)  // of the last axis
    case rowPart(Int, of: Int)  // of the first axis
    case heads(Int)
    case flat, column, row
    case gather  // row of a matrix, by token id

    // Time
    case delay(Direction, Clock)  // operands: the value, its start
    case window(Int, Clock)  // the last k values, oldest first
    case last, first
    case positions  // a source value seen as a whole: [..., n] -> [..., S, n]

    // Made by rewriting, never written
    case matrixPart(axis: Int, from: Int, to: Int)  // some rows (axis 0) or columns (axis 1) of a constant matrix
    case reshape(Shape)
    case copy  // the operand, written out at the node's own clock and shape
    case table(matrixFirst: Bool)  // operands: a constant matrix and an embedding; its product with each row

    // Made for training, never written
    case crossEntropy  // operands: logits [n], the token that should follow; the gradient of the loss, then the loss: [n + 1]
    case dropoutMask(rate: Double, instance: Int)  // 0, or 1 / (1 - rate)
    case sumToFit  // what was repeated to fit the operand's shape is added up to the node's own
    case sumOverSteps  // of one sequence
    case total  // of all steps and sequences
    case outerTotal  // the total of outer(a, b), over the axes too that the node's own shape does not have
    case scatterTotal  // operands: a vector, a token; each row of the result is the total of one token's vectors
    case stack  // along a new first axis
    case windowSum  // operand: the adjoint of a window; that of its value
    case atBeginning  // the value at the first step, where the sequence begins with it, else 0
    case atPosition  // a row for each position of the source: the mirror of `positions`

    enum Function: String, Hashable, Sendable, CaseIterable {
        case negate
        case tanh, sigmoid, relu, exp, log, sqrt, abs, softplus, sin, cos
        case positive  // 1 where the operand is greater than 0, else 0; made for training, never written
    }

    /// Which neighbour a delay reads.
    enum Direction: String, Hashable, Sendable {
        case previous = "prev"
        case following = "next"

        var reversed: Direction { self == .previous ? .following : .previous }
    }
}

/// When a value is computed. An operator's clock is the highest among its operands'.
enum Clock: Int, Comparable, Hashable, Sendable {
    case constant  // when the model is loaded
    case once  // once a sequence
    case source  // at every position of a known sequence
    case target  // at every generated step
    case total  // when all steps of all sequences have been computed, for all of them together

    static func < (a: Clock, b: Clock) -> Bool { a.rawValue < b.rawValue }

    /// Whether there is a value for every step, not one for the sequence.
    var isTimed: Bool { self == .source || self == .target }

    /// Whether all sequences of a batch have one value together.
    var isShared: Bool { self == .constant || self == .total }
}

/// The names that a call can have besides those of cells.
enum OperatorName {
    static let functions: [String: Operator.Function] = Dictionary(
        uniqueKeysWithValues: Operator.Function.allCases.filter { $0 != .negate && $0 != .positive }.map { ($0.rawValue, $0) })
    /// With the number of operands, labelled ones left out. `split` takes one and then sizes.
    static let operands: [String: ClosedRange<Int>] = [
        "max": 2...2, "min": 2...2, "dropout": 2...2, "outer": 2...2, "sum": 1...1, "mean": 1...1, "softmax": 1...1,
        "split": 1...Int.max, "rows": 1...1, "heads": 2...2, "flat": 1...1, "column": 1...1, "row": 1...1, "prev": 1...1,
        "next": 1...1, "window": 2...2, "last": 1...1, "first": 1...1,
    ]

    static func isOperator(_ name: String) -> Bool { functions[name] != nil || operands[name] != nil }
}

extension Operator {
    /// May be a part of a fused pass over memory: every element of the result depends on one element of each operand.
    var isPointwise: Bool {
        switch self {
        case .function, .power, .add, .multiply, .divide, .maximum, .minimum, .dropout, .copy: true
        default: false
        }
    }

    /// The operand's elements in the same order, under another shape.
    var isReshape: Bool {
        switch self {
        case .heads, .flat, .column, .row, .reshape: true
        default: false
        }
    }

    /// Some of the last axis.
    var isPart: Bool {
        switch self {
        case .part, .slice: true
        default: false
        }
    }

    var isDelay: Bool { if case .delay = self { true } else { false } }

    /// As it is called in a program, for errors and displays.
    var name: String {
        switch self {
        case .number(let value): Shape.shown(value)
        case .tensor(let name): name
        case .input(_, let name, _): name
        case .function(let function): function == .negate ? "-" : function.rawValue
        case .power: "^"
        case .add: "+"
        case .multiply: "*"
        case .divide: "/"
        case .maximum: "max"
        case .minimum: "min"
        case .dropout: "dropout"
        case .product: "@"
        case .outer: "outer"
        case .sum: "sum"
        case .mean: "mean"
        case .softmax: "softmax"
        case .join: "[…]"
        case .part, .slice: "split"
        case .rowPart: "rows"
        case .heads: "heads"
        case .flat: "flat"
        case .column: "column"
        case .row: "row"
        case .gather: "[token]"
        case .delay(let direction, _): direction.rawValue
        case .window: "window"
        case .last: "last"
        case .first: "first"
        case .positions: "encode"
        case .matrixPart: "part"
        case .reshape: "reshape"
        case .copy: "copy"
        case .table: "table"
        case .crossEntropy: "cross-entropy"
        case .dropoutMask: "dropout"
        case .sumToFit, .sumOverSteps, .total, .outerTotal, .scatterTotal, .windowSum: "sum"
        case .stack: "rows"
        case .atBeginning: "first"
        case .atPosition: "encode"
        }
    }
}
