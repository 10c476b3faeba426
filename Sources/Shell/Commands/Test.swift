import ArgumentParser

/// `test`: transcripts are typed again, and their output compared.
struct TestCommand: Command {
    static let about = CommandDescription(
        "test", "replay transcripts and report differences", usage: "TRANSCRIPT… [--update]",
        discussion: """
            Lines that begin with "> " are typed into a new session; the lines after them are the expected output, in which a line
            ... stands for any lines. An output line that would begin with "> ", "..." or "\\" has a "\\" before it.
            """,
        examples: [("session.txt", "exit code 1 where something differs"), ("session.txt --update", "write down what came")])

    @Argument(help: ArgumentHelp("files", valueName: "TRANSCRIPT"), completion: .file())
    var transcripts: [String]

    @Flag(help: "put the output that came into the files")
    var update = false

    func run(in shell: Shell) throws {
        var differing = 0
        var count = 0
        for path in transcripts {
            let transcript = Transcript(parsing: try shell.fileText(path))
            guard !transcript.steps.isEmpty else {
                throw Failure(.badData, "\(path): no line begins with \"> \", so there is nothing to type")
            }
            let differences = try transcript.replay(like: shell)
            count += transcript.steps.count
            differing += differences.count
            if update {
                if !differences.isEmpty { try Files.replace(path, with: transcript.updated(by: differences).text) }
            } else {
                for difference in differences { try show(difference, of: transcript, path: path, in: shell) }
            }
        }
        let subject = "\(counted(count, "typed line")) in \(counted(transcripts.count, "transcript"))"
        if differing == 0 { return shell.output.note("\(subject): as expected") }
        if update { return shell.output.note("\(subject): the output of \(differing) was updated") }
        throw Failure(.failed, "\(subject): the output of \(differing) differs; --update takes it over")
    }

    private func show(_ difference: Transcript.Difference, of transcript: Transcript, path: String, in shell: Shell) throws {
        let step = transcript.steps[difference.step]
        try shell.output.writeLine("\(path):\(step.lineNumber): > \(step.typed)")
        for line in step.expected { try shell.output.writeLine("- \(line)") }
        for line in difference.found { try shell.output.writeLine("+ \(line)") }
    }
}
