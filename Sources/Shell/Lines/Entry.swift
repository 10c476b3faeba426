/// What was typed: one line, or the lines of a block.
public enum Entry: Sendable, Equatable {
    /// A prompt command with its words, without the slash.
    case command(String)
    /// Text for the model, without its line end.
    case text(String)

    /// The word after the slash.
    var commandName: Substring? {
        guard case .command(let line) = self else { return nil }
        return line.prefix { !$0.isWhitespace }
    }
}

/// The lines of a text, which end in a line feed or in a carriage return and a line feed. The latter two are one character to Swift,
/// so lines are looked for among the bytes.
func linesWithoutEnds(of text: String) -> [Substring] {
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { Substring($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0) }
}

/// Puts entries together from lines: `"""` opens and closes a block, `\` at the end of a command goes on, `//` begins a text with a
/// slash, empty lines are nothing.
public struct EntryReader: Sendable {
    /// Whether lines that begin with `#` are comments.
    public let hasComments: Bool
    private var block: [String]?
    private var command: String?

    public init(hasComments: Bool = false) { self.hasComments = hasComments }

    /// Whether an entry has begun that further lines belong to.
    public var isOpen: Bool { block != nil || command != nil }

    /// - Parameter line: without its line end.
    /// - Returns: the entry that the line completes.
    public mutating func push(_ line: String) -> Entry? {
        let line = line.last == "\r" ? String(line.dropLast()) : line
        if let begun = block { return continueBlock(begun, line) }
        if let begun = command { return take(command: begun + line) }
        if line.hasPrefix("\"\"\"") { return openBlock(String(line.dropFirst(3))) }
        if line.hasPrefix("//") { return .text(String(line.dropFirst())) }
        if line.hasPrefix("/") { return take(command: String(line.dropFirst())) }
        if line.allSatisfy(\.isWhitespace) || hasComments && line.hasPrefix("#") { return nil }
        return .text(line)
    }

    /// No more lines come.
    /// - Throws: for a block that is still open.
    public mutating func finish() throws(Failure) -> Entry? {
        defer { cancel() }
        if block != nil { throw .usage("the block that \"\"\" opens is not closed") }
        return command.map(Entry.command)
    }

    /// Forgets an entry that was begun.
    public mutating func cancel() {
        block = nil
        command = nil
    }

    private mutating func openBlock(_ first: String) -> Entry? {
        if first.hasSuffix("\"\"\"") { return .text(String(first.dropLast(3))) }
        block = first.isEmpty ? [] : [first]
        return nil
    }

    private mutating func continueBlock(_ lines: [String], _ line: String) -> Entry? {
        guard line.hasSuffix("\"\"\"") else {
            block = lines + [line]
            return nil
        }
        block = nil
        let last = String(line.dropLast(3))
        return .text((lines + (last.isEmpty ? [] : [last])).joined(separator: "\n"))
    }

    private mutating func take(command line: String) -> Entry? {
        // An odd number of backslashes: the last one quotes the line end, and both vanish.
        if !line.reversed().prefix(while: { $0 == "\\" }).count.isMultiple(of: 2) {
            command = String(line.dropLast())
            return nil
        }
        command = nil
        return .command(line)
    }
}
