import Foundation
import Testing

@testable import Shell

struct ScriptTests {
    @Test func commentsArgumentsAndBlocks() throws {
        let bench = try Bench()
        let script = try bench.file(
            "play",
            """
            #!/usr/bin/env -S rnnz run
            # a comment
            /set temperature 0
            /set n $2

            /generate --prompt "$1"
            \"\"\"
            # no comment, $1 no argument
            a\"\"\"
            /generate --prompt \\
              xy
            """)
        let (code, results) = bench.subcommand("run", script, "a b c", "3")
        #expect(code == 0)
        #expect(results == "def\nbcd\nz a\n")
    }

    /// To Swift a carriage return with a line feed is one character, and no line feed.
    @Test func linesMayEndAsOnWindows() throws {
        let bench = try Bench()
        let script = try bench.file("windows", "# a comment\r\n/generate --prompt $1 -n 1\r\n/bogus\r\n")
        let (code, results) = bench.subcommand("run", script, "a")
        #expect(results == "b\n")
        #expect(code == 2)
        #expect(bench.output.notes.last?.hasPrefix("\(script):3: ") == true)
    }

    @Test func stopsAtTheFirstErrorAndSaysWhere() throws {
        let bench = try Bench()
        let script = try bench.file("bad", "/set n 2\n\n/bogus\n/generate --prompt a\n")
        let (code, results) = bench.subcommand("run", script)
        #expect(code == 2)
        #expect(results == "")
        #expect(bench.output.notes.count == 1)
        #expect(bench.output.notes[0].hasPrefix("\(script):3: error: there is no command “/bogus”"))
    }

    @Test func goesOnWhereToldAndEndsWithTheFirstErrorsCode() throws {
        let bench = try Bench()
        let script = try bench.file(
            "on", "/set errors continue\n/restore ./nothere\n/bogus\n/generate --prompt a -n 2 --temperature 0\n")
        let (code, results) = bench.subcommand("run", script)
        #expect(code == 66)
        #expect(results == "bc\n")
        #expect(bench.output.notes.count == 2)
    }

    @Test func standardInputCanBeTheScript() throws {
        let bench = try Bench(input: "/set temperature 0\n/generate --prompt $1 -n 1\n")
        #expect(bench.subcommand("run", "-", "a").results == "b\n")
    }

    @Test func quitLeavesTheScriptOnly() throws {
        let bench = try Bench()
        let script = try bench.file("inner", "/set n 2\n/set temperature 0\n/quit\n/bogus\n")
        #expect(bench.type("/run \(script)", "ab") == "cd\n")
        #expect(!bench.shell.isFinished)
    }

    @Test func aScriptThatRunsItselfEnds() throws {
        let bench = try Bench()
        let script = try bench.file("self", "/run \(bench.path("self"))\n")
        let (code, _) = bench.subcommand("run", script)
        #expect(code == 2)
        #expect(bench.output.notes.count == 1)
    }

    @Test func argumentsMayLookLikeOptions() throws {
        let bench = try Bench()
        let script = try bench.file("args", "/generate --prompt a --temperature $1 -n $2\n")
        #expect(bench.subcommand("run", script, "-1", "2").results == "bc\n")
    }

    @Test func anInterruptEndsTheScript() throws {
        let bench = try Bench()
        let script = try bench.file("long", "/generate --prompt a -n -1 --temperature 0\n/generate --prompt a\n")
        bench.interrupts.remaining = 6  // one for the file, one for the prompt, four tokens
        let (code, results) = bench.subcommand("run", script)
        #expect(code == 130)
        #expect(results == "bcde\n")
        #expect(bench.output.notes == [])
    }
}
