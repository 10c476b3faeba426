/// Runs a script: stops at the first error, which then says where it was, unless the session is told to go on.
struct ScriptRunner {
    /// Scripts that run scripts, and perhaps themselves.
    private static let depthLimit = 32

    let shell: Shell
    /// For messages.
    let name: String
    let arguments: [String]

    /// - Parameter nextLine: gives the lines, one at a time.
    func run(_ nextLine: () throws -> String?) throws {
        guard shell.scriptDepth < Self.depthLimit else {
            throw Failure.usage("\(name): scripts run scripts \(Self.depthLimit) deep; does this one run itself?")
        }
        shell.scriptDepth += 1
        defer { shell.scriptDepth -= 1 }
        var reader = EntryReader(hasComments: true)
        var lineNumber = 0
        var entryLine = 1
        var first: Failure?
        while !shell.isFinished, let line = try nextLine() {
            lineNumber += 1
            if !reader.isOpen { entryLine = lineNumber }
            guard let entry = reader.push(line) else { continue }
            try perform(entry, line: entryLine, first: &first)
        }
        do {
            if let entry = try reader.finish() { try perform(entry, line: entryLine, first: &first) }
        } catch {
            throw located(error, line: entryLine)
        }
        // `/quit` leaves the script that it stands in.
        shell.isFinished = false
        if let first { throw first }
    }

    private func perform(_ entry: Entry, line: Int, first: inout Failure?) throws {
        do {
            try shell.perform(entry, arguments: arguments)
        } catch {
            let failure = located(error, line: line)
            guard shell.settings.continuesAfterErrors, !failure.isSilent, !(error is OutputError) else { throw failure }
            try shell.output.endLineIfShown()
            shell.output.report(failure)
            if first == nil { first = failure.told }
        }
    }

    private func located(_ error: any Error, line: Int) -> Failure {
        var failure = Failure(error)
        if failure.place == nil { failure.place = "\(name):\(line)" }
        return failure
    }
}
