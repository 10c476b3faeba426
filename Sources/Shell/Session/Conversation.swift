/// Lines as they are typed or come through a pipe: errors are told, and the session goes on.
public final class Conversation {
    public let shell: Shell
    private var reader = EntryReader()
    /// What a pipe's session ends with: the exit code of the first error.
    public private(set) var firstFailure = ExitCode.done
    /// Whether results can no longer be written, and going on is in vain.
    public private(set) var isCutOff = false

    /// Called when an entry is complete, before it is done.
    public var willPerform: () -> Void = {}

    public init(_ shell: Shell) { self.shell = shell }

    /// Whether a block or command has begun that goes on with the next line.
    public var isInsideEntry: Bool { reader.isOpen }

    public var isFinished: Bool { shell.isFinished || isCutOff }

    /// - Returns: the exit code of what the line completed, if anything.
    @discardableResult
    public func take(_ line: String) -> ExitCode {
        guard let entry = reader.push(line) else { return .done }
        return perform { try shell.perform(entry) }
    }

    /// What came in one piece and may have several lines: pasted, or called back from the history. Commands and blocks are taken
    /// line by line; any other text is one text, as if it stood in a block.
    @discardableResult
    public func take(piece: String) -> ExitCode {
        guard piece.contains(where: \.isNewline) else { return take(piece) }
        if !isInsideEntry && !piece.hasPrefix("/") && !piece.hasPrefix("\"\"\"") {
            var text = piece
            while text.last?.isNewline == true { text.removeLast() }
            return perform { try shell.perform(.text(text)) }
        }
        for line in piece.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) where !isFinished {
            let code = take(String(line))
            if code != .done { return code }
        }
        return .done
    }

    /// Tells of a line that cannot be taken, and goes on.
    public func refuse(_ error: any Error) {
        reader.cancel()
        perform { throw error }
    }

    /// Forgets a block that was begun.
    public func cancelEntry() { reader.cancel() }

    /// No more lines come.
    public func end() {
        do {
            if let entry = try reader.finish() { perform { try shell.perform(entry) } }
        } catch {
            perform { throw error }
        }
    }

    @discardableResult
    private func perform(_ work: () throws -> Void) -> ExitCode {
        willPerform()
        let code = shell.finishing {
            do {
                try work()
            } catch let error as OutputError {
                isCutOff = true
                throw error
            }
        }
        if firstFailure == .done { firstFailure = code }
        return code
    }
}
