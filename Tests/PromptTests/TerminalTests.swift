import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The prompt as a person uses it, in a terminal.
@Suite(.serialized)
struct TerminalTests {
    @Test func greetsAnswersAndLeaves() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expect("alphabet: trace, 1,568 parameters")
        try terminal.expect("/help")
        try terminal.expectPrompt()
        terminal.sendLine("ab")
        try terminal.expect("cdefgh\r\n")
        try terminal.expectPrompt()
        terminal.send(Terminal.controlD)
        #expect(terminal.end() == 0)
        #expect(terminal.isInOrder)
    }

    @Test func controlCStopsGenerationAndKeepsTheSession() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        for _ in 1...3 {
            terminal.sendLine("/generate -n -1 --prompt a")
            try terminal.expect("abcdefghijklmnopqrstuvwxyz abc")
            terminal.send(Terminal.controlC)
            try terminal.expectPrompt()
        }
        terminal.sendLine("xy")
        try terminal.expect("z abcd\r\n")
        try terminal.expectPrompt()
        terminal.sendLine("/show history")
        try terminal.expect("xyz abcd\r\n")
        try terminal.expectPrompt()
        terminal.sendLine("/quit")
        #expect(terminal.end() == 0)
    }

    @Test func controlCClearsAHalfTypedLine() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        terminal.send("half typed")
        try terminal.expect("half typed")
        terminal.send(Terminal.controlC)
        try terminal.expect("^C")
        try terminal.expectPrompt()
        terminal.sendLine("xy")
        try terminal.expect("z abcd\r\n")
        try terminal.expectPrompt()
        terminal.sendLine("/show history")
        try terminal.expect("\rxyz abcd\r\n")
        try terminal.expectPrompt()
        terminal.send(Terminal.controlD)
        #expect(terminal.end() == 0)
    }

    @Test func blocksHaveAPromptOfTheirOwn() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        terminal.sendLine("\"\"\"")
        try terminal.expect("...> ")
        terminal.sendLine("b")
        try terminal.expect("...> ")
        terminal.send(Terminal.controlC)
        try terminal.expectPrompt()
        terminal.sendLine("\"\"\"")
        try terminal.expect("...> ")
        terminal.sendLine("a")
        try terminal.expect("...> ")
        terminal.sendLine("x\"\"\"")
        try terminal.expect("yz abc\r\n")
        try terminal.expectPrompt()
        terminal.sendLine("/show history")
        try terminal.expect("\ra\r\nxyz abc\r\n")
    }

    @Test func completesCommandsOptionsAndNames() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        terminal.send("/gen\t")
        try terminal.expect("/generate ")
        terminal.send("--prompt-\t")
        try terminal.expect("--prompt-file ")
        terminal.send(Terminal.controlC)
        try terminal.expectPrompt()
        terminal.send("/load sh\t")
        try terminal.expect("shakespeare ")
        terminal.send("\r")
        try terminal.expect("alphabet: trace")
        try terminal.expectPrompt()
        terminal.send("/set temp\t0.5\r")
        try terminal.expectPrompt()
        terminal.sendLine("/set")
        try terminal.expect("temperature        0.5")
        try terminal.expectPrompt()
        terminal.send("/re\t\t\t")
        try terminal.expect("/restore")
    }

    @Test func completesPathsWithBlanks() throws {
        let executable = try Executable()
        try "ab".write(toFile: executable.home + "/my play.txt", atomically: true, encoding: .utf8)
        let terminal = try Terminal(executable)
        try terminal.expectPrompt()
        terminal.send("/score \(executable.home)/my\t --json\r")
        try terminal.expect(#"{"tokens":1,"#)
        try terminal.expectPrompt()
        terminal.send("/score '\(executable.home)/my p\t --json\r")
        try terminal.expect(#"{"tokens":1,"#)
    }

    @Test func theHistoryOutlivesTheSession() throws {
        let executable = try Executable()
        var terminal = try Terminal(executable)
        try terminal.expectPrompt()
        for line in ["/set n 3", "\"\"\"", "a", "b\"\"\""] {
            terminal.sendLine(line)
            try terminal.expect("> ")
        }
        terminal.send(Terminal.controlD)
        #expect(terminal.end() == 0)

        let file = executable.home + "/state/rnnz/history"
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        terminal = try Terminal(executable)
        try terminal.expectPrompt()
        terminal.send(Terminal.up + Terminal.up + "\r")
        try terminal.expect("/set n 3")
        try terminal.expectPrompt()
        // The block comes back as one entry.
        terminal.send(Terminal.up + Terminal.up + "\r")
        try terminal.expect("cde\r\n")
        try terminal.expectPrompt()
        terminal.sendLine("/show history")
        try terminal.expect("\ra\r\nbcde\r\n")
    }

    @Test func pastedLinesAreOneText() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        terminal.send("\u{1b}[200~a\rb\u{1b}[201~\r")
        try terminal.expect("cdefgh\r\n")
        try terminal.expectPrompt()
        terminal.sendLine("/show history")
        try terminal.expect("\ra\r\nbcdefgh\r\n")
    }

    @Test(arguments: [SIGTERM, SIGHUP])
    func theTerminalIsRestoredWhenTheSessionIsEnded(signal: Int32) throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        terminal.send("half")
        try terminal.expect("half")
        #expect(!terminal.isInOrder)
        terminal.raise(signal)
        #expect(terminal.end() == 128 + signal)
        #expect(terminal.isInOrder)
    }

    @Test func aResizedWindowDoesNoHarm() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expectPrompt()
        terminal.send("x")
        try terminal.expect("x")
        terminal.raise(SIGWINCH)
        terminal.send("y\r")
        try terminal.expect("z abcd\r\n")
    }

    @Test func errorsAreToldAndTheSessionGoesOn() throws {
        let terminal = try Terminal(try Executable(), environment: ["NO_COLOR": "1"])
        try terminal.expectPrompt()
        terminal.sendLine("/genrate")
        try terminal.expect("error: there is no command “/genrate”; did you mean “/generate”?")
        try terminal.expectPrompt()
        #expect(!terminal.screen.contains("\u{1b}[1;3"))
        terminal.send(Terminal.controlD)
        #expect(terminal.end() == 0)
    }

    @Test func colourIsForTerminals() throws {
        let terminal = try Terminal(try Executable())
        try terminal.expect("\u{1b}[1;36mrnnz> ")
    }
}
