/// A place in a program's text. Lines and columns count from 1.
public struct Position: Hashable, Sendable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// One thing that is wrong with a program, and where.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    public var position: Position
    public var message: String

    public init(_ position: Position, _ message: String) {
        self.position = position
        self.message = message
    }

    public var line: Int { position.line }
    public var column: Int { position.column }
    public var description: String { "line \(position.line), column \(position.column): \(message)" }
}

/// All that one stage (reading, expanding, clocks, shapes) found wrong with a program, in the order of the text.
public struct NotationErrors: Error, Sendable, CustomStringConvertible {
    public let errors: [Diagnostic]

    public init(_ errors: [Diagnostic]) {
        var seen = Set<Diagnostic>()
        self.errors = errors.filter { seen.insert($0).inserted }
            .sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
