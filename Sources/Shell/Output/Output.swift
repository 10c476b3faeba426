/// Why results cannot be written any more.
public enum OutputError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A pipe that nobody reads.
    case readerLeft
    case failed(reason: String)

    public var description: String {
        switch self {
        case .readerLeft: "the reader of the output has left"
        case .failed(let reason): "the results cannot be written: \(reason)"
        }
    }
}

/// Where a shell writes: results to one place, all else to another.
public protocol Output: AnyObject {
    /// A result, in whole characters. It may wait in a buffer until `flush`.
    func write(_ text: String) throws(OutputError)
    /// Hands out what waits: results that a person sees come, piece by piece, are flushed after each.
    func flush() throws(OutputError)
    /// A message in a line of its own. It never fails: who closed the messages does not want them.
    func note(_ text: String)
    /// A line that the next one replaces, and that nil takes away. Shown on a terminal only.
    func showProgress(_ text: String?)
    /// Whether results are read by a person as they come.
    var isTerminal: Bool { get }
    /// Whether messages may carry colour.
    var hasColour: Bool { get }
    /// What can be shown where results go, as it is now: terminals change their width.
    var resultDisplay: Display { get }
    /// The same where messages go; nil: that is no terminal, and no line can be replaced.
    var messageDisplay: Display? { get }
    /// Whether what was written last ended its line.
    var isAtLineStart: Bool { get }
}

extension Output {
    public func showProgress(_ text: String?) {}

    public var resultDisplay: Display { Display() }

    public var messageDisplay: Display? { isTerminal ? Display() : nil }

    public func writeLine(_ text: String) throws(OutputError) {
        try write(text)
        try write("\n")
    }

    /// Ends a line that was begun.
    func endLine() throws(OutputError) {
        if !isAtLineStart { try write("\n") }
        try flush()
    }

    func warn(_ text: String) {
        note(Style.warning.applied(to: "warning:", if: hasColour) + " \(text)")
    }

    func report(_ failure: Failure) {
        if failure.isSilent { return }
        let place = failure.place.map { "\($0): " } ?? ""
        note(place + Style.error.applied(to: "error:", if: hasColour) + " \(failure.message)")
    }
}

/// Colours of a terminal (ECMA-48 SGR).
enum Style: String {
    case error = "1;31"
    case warning = "1;33"
    case strong = "1"
    case faint = "2"

    func applied(to text: String, if isWanted: Bool = true) -> String {
        isWanted ? "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" : text
    }
}

/// Keeps all that a person would see, in its order: for transcripts and tests.
public final class RecordingOutput: Output {
    /// Results and messages as they came.
    public private(set) var text = ""
    public private(set) var results = ""
    public private(set) var notes: [String] = []

    public init() {}

    public let isTerminal = true
    public let hasColour = false
    public var isAtLineStart: Bool { text.isEmpty || text.utf8.last == UInt8(ascii: "\n") }

    public func write(_ text: String) throws(OutputError) {
        self.text += text
        results += text
    }

    public func flush() throws(OutputError) {}

    public func note(_ text: String) {
        if !isAtLineStart { self.text += "\n" }
        self.text += text + "\n"
        notes.append(text)
    }

    /// What came since the last call.
    func takeText() -> String {
        defer { text = "" }
        return text
    }
}
