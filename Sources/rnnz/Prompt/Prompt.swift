import Shell

/// The prompt: lines that someone types, with history, completion and blocks.
@MainActor
final class Prompt {
    private let shell: Shell
    private let conversation: Conversation
    private let reader: LineReader
    /// The lines of the entry that is being typed.
    private var entry: [String] = []

    init(_ shell: Shell) {
        self.shell = shell
        conversation = Conversation(shell)
        reader = LineReader(name: "rnnz", history: History(environment: shell.host.environment))
        reader.completer = { shell.completion(of: $0) }
        conversation.willPerform = { [unowned self] in MainActor.assumeIsolated { rememberEntry() } }
    }

    func run() -> ExitCode {
        shell.greet()
        while !conversation.isFinished {
            switch reader.read(prompt: conversation.isInsideEntry ? "...> " : "rnnz> ", hasColour: shell.host.output.hasColour) {
            case .end:
                conversation.end()
                return .done
            case .interrupted:
                conversation.cancelEntry()
                entry = []
            case .line(let line):
                entry.append(line)
                // A Ctrl-C from before is none for what comes now, and one that did its work is none for what comes next.
                shell.host.interrupts.clear()
                conversation.take(piece: line)
                shell.host.interrupts.clear()
                if !conversation.isInsideEntry { entry = [] }
            }
        }
        return .done
    }

    /// Before it is done: it stays in the history even if it ends the process.
    private func rememberEntry() {
        if entry.isEmpty { return }
        reader.remember(entry.joined(separator: "\n"))
        entry = []
    }
}
