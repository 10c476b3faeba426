/// What a person sees of a session: lines that begin with `> ` are typed, the lines after them are the output.
struct Transcript: Equatable {
    /// A typed line with the output expected after it.
    struct Step: Equatable {
        /// In the file, from 1.
        var lineNumber: Int
        var typed: String
        /// As they stand in the file, escapes and `...` included.
        var expected: [String]
    }

    static let typedMark = "> "
    static let anyLines = "..."

    /// Lines before the first typed one: whatever its author has to say.
    var preface: [String] = []
    var steps: [Step] = []

    init(parsing text: String) {
        for (index, line) in linesWithoutEnds(of: text).enumerated() {
            if line.utf8.starts(with: Self.typedMark.utf8) {
                let typed = String(line.unicodeScalars.dropFirst(Self.typedMark.unicodeScalars.count))
                steps.append(Step(lineNumber: index + 1, typed: typed, expected: []))
            } else if steps.isEmpty {
                preface.append(String(line))
            } else {
                steps[steps.count - 1].expected.append(String(line))
            }
        }
    }

    var text: String {
        let lines = preface + steps.flatMap { [Self.typedMark + $0.typed] + $0.expected }
        return lines.joined(separator: "\n") + "\n"
    }

    /// An output line as it stands in a transcript.
    static func escaped(_ line: String) -> String {
        [typedMark, anyLines, "\\"].contains { line.utf8.starts(with: $0.utf8) } ? "\\" + line : line
    }

    /// The lines of an output, as they stand in a transcript.
    static func lines(of output: String) -> [String] {
        linesWithoutEnds(of: output).map { escaped(String($0)) }
    }

    /// Whether lines are what is expected; `...` stands for any number of them.
    /// - Parameter lines: escaped, so that no line of the output can be `...`.
    static func matches(_ lines: [String], expected: [String]) -> Bool {
        // The usual matching of wildcards: only the last one that was passed ever has to give way.
        var line = 0
        var place = 0
        var wildcard: (place: Int, line: Int)?
        while line < lines.count {
            if place < expected.count, expected[place] == anyLines {
                wildcard = (place, line)
                place += 1
            } else if place < expected.count, expected[place].utf8.elementsEqual(lines[line].utf8) {
                line += 1
                place += 1
            } else if let last = wildcard {
                wildcard = (last.place, last.line + 1)
                line = last.line + 1
                place = last.place + 1
            } else {
                return false
            }
        }
        return expected[place...].allSatisfy { $0 == anyLines }
    }
}

extension Transcript {
    /// A step whose output was another.
    struct Difference: Equatable {
        var step: Int
        var found: [String]
    }

    /// Types every line into a new session.
    func replay(like shell: Shell) throws -> [Difference] {
        let output = RecordingOutput()
        var host = shell.host
        host.output = output
        host.input = nil
        let conversation = Conversation(Shell(host: host, registry: shell.registry))
        var differences: [Difference] = []
        for (index, step) in steps.enumerated() {
            if conversation.isFinished {
                output.note("(the session had ended)")
            } else {
                conversation.take(step.typed)
                if index == steps.count - 1 { conversation.end() }
            }
            try shell.throwIfInterrupted()
            let found = Self.lines(of: output.takeText())
            if !Self.matches(found, expected: step.expected) { differences.append(Difference(step: index, found: found)) }
        }
        return differences
    }

    /// With the output that was found in place of the one expected.
    func updated(by differences: [Difference]) -> Transcript {
        var transcript = self
        for difference in differences { transcript.steps[difference.step].expected = difference.found }
        return transcript
    }
}
