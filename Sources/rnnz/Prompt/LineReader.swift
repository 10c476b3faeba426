import CReadline
import Shell

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
import Darwin
#endif

/// GNU readline behind its callback interface, so that signals are ours: readline only ever sees keys. One in a process.
@MainActor
final class LineReader {
    enum Event: Equatable {
        case line(String)
        /// Ctrl-C: what was half typed is gone.
        case interrupted
        /// Ctrl-D on an empty line.
        case end
    }

    /// What completion offers for a line up to the cursor.
    var completer: (_ line: String) -> Completion = { _ in Completion() }

    /// readline calls functions without a context: they find the reader here.
    private static var current: LineReader?
    private static var delivered: Event?
    private let history: History
    private var candidates: [String] = []

    init(name: String, history: History) {
        self.history = history
        rnnzrl_set_name(strdup(name))  // `$if rnnz` in ~/.inputrc
        rnnzrl_set_catch_signals(0)
        // The prompt stays on the terminal when the results go elsewhere.
        if isatty(STDOUT_FILENO) == 0 { rnnzrl_write_to_standard_error() }
        rl_variable_bind("enable-bracketed-paste", "on")
        history.load()
        Self.current = self
        installCompletion()
    }

    func remember(_ entry: String) { history.add(entry) }

    func read(prompt: String, hasColour: Bool) -> Event {
        while true {
            // \001 and \002 stand around what takes no room.
            let shown = hasColour ? "\u{1}\u{1b}[1;36m\u{2}\(prompt)\u{1}\u{1b}[0m\u{2}" : prompt
            let event = Signals.holdingTerminalSignals { readKeys(shown) }
            let signal = Signals.pendingTerminalSignal
            guard signal != 0 else { return event }
            // The terminal is as we found it, and so is what the signal does: end the process, or stop it for a while.
            Signals.forgetTerminalSignal()
            raise(signal)
        }
    }

    private func readKeys(_ prompt: String) -> Event {
        Self.delivered = nil
        Signals.interrupts.clear()
        rl_callback_handler_install(prompt) { line in
            // Removed at once: between lines the terminal belongs to whoever writes.
            rl_callback_handler_remove()
            let event: Event = line.map { .line(String(cString: $0)) } ?? .end
            free(line)
            MainActor.assumeIsolated { LineReader.delivered = event }
        }
        var waiting = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: Signals.wakeUp, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            if let event = Self.delivered {
                if event == .end { rnnzrl_print("\n") }
                return event
            }
            let count = poll(&waiting, 2, -1)
            if Signals.pendingTerminalSignal != 0 { return abandonLine("\n", as: .end) }
            if Signals.interrupts.isPending { return abandonLine("^C\n", as: .interrupted) }
            if count < 0 {
                guard errno == EINTR else { return abandonLine("\n", as: .end) }
                // A resized window, most likely.
                rl_check_signals()
                rl_resize_terminal()
            } else if waiting[0].revents != 0 {
                rl_callback_read_char()
            }
        }
    }

    private func abandonLine(_ mark: String, as event: Event) -> Event {
        rnnzrl_print(mark)
        rl_free_line_state()
        rl_callback_sigcleanup()
        rl_callback_handler_remove()
        Signals.interrupts.clear()
        return event
    }
}

// MARK: Completion

extension LineReader {
    private func installCompletion() {
        rnnzrl_set_word_breaks(strdup(" \t\n"))
        rnnzrl_set_quoting(strdup("'\"")) { text, index in
            // A blank after a backslash belongs to the word.
            guard let text else { return 0 }
            var backslashes = 0
            while backslashes < Int(index), text[Int(index) - 1 - backslashes] == CChar(UInt8(ascii: "\\")) { backslashes += 1 }
            return backslashes.isMultiple(of: 2) ? 0 : 1
        }
        rnnzrl_set_completion { text, _, end in
            rnnzrl_no_filename_completion()
            guard let text else { return nil }
            let line = String(decoding: UnsafeRawBufferPointer(start: rnnzrl_line_buffer(), count: Int(end)), as: UTF8.self)
            let quote = rnnzrl_completion_quote()
            MainActor.assumeIsolated { LineReader.current?.prepareCandidates(line, quote: UInt8(truncatingIfNeeded: quote)) }
            return rl_completion_matches(text) { _, state in
                // readline frees the string.
                let candidate = MainActor.assumeIsolated { LineReader.current?.candidate(Int(state)) }
                return candidate.flatMap { strdup($0) }
            }
        }
    }

    private func prepareCandidates(_ line: String, quote: UInt8) {
        let completion = completer(line)
        candidates = quote == 0 ? completion.words.map(Self.escaped) : completion.words
        let goesOn = completion.words.count == 1 && completion.words[0].hasSuffix("/")
        rnnzrl_set_append_char(goesOn ? 0 : Int32(UInt8(ascii: " ")))
        rnnzrl_suppress_quote(goesOn ? 1 : 0)
    }

    private func candidate(_ index: Int) -> String? { index < candidates.count ? candidates[index] : nil }

    /// With a backslash before what the shell would not take as part of a word.
    private static func escaped(_ word: String) -> String {
        word.reduce(into: "") { result, character in
            if " \t'\"\\$".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}
