import Foundation
import Testing

/// The program without a terminal: pipes, scripts, files.
struct PipeTests {
    @Test func aPipeIsASession() throws {
        let result = try Executable().run(input: "ab\n/generate -n 2\n")
        #expect(result.output == "cdefgh\nij\n")
        #expect(result.messages == "")
        #expect(result.code == 0)
    }

    @Test func aPipeGoesOnAfterErrorsAndEndsWithTheFirst() throws {
        let result = try Executable().run("shakespeare", input: "/restore ./nothing\n/bogus\nab\n")
        #expect(result.output == "cdefgh\n")
        #expect(result.messages.split(separator: "\n").count == 2)
        #expect(result.code == 66)
    }

    @Test func aLineThatIsNoTextIsAnErrorOfItsOwn() throws {
        let result = try Executable().shell(#"printf 'ab\n\377\n/generate -n 2\n' | $RNNZ"#)
        #expect(result.output == "cdefgh\nij\n")
        #expect(result.code == 65)
    }

    @Test func instructionSetsThatCannotBeHadAreRefused() throws {
        let executable = try Executable()
        let unknown = try executable.shell("RNNZ_ISA=mmx $RNNZ generate shakespeare --prompt a -n 1; echo $?")
        #expect(unknown.output == "2\n")
        #expect(unknown.messages.contains("RNNZ_ISA=mmx") && unknown.messages.split(separator: "\n").count == 1)
        #expect(try executable.shell("RNNZ_ISA=mmx $RNNZ < /dev/null; echo $?").output == "2\n")
        #expect(try executable.shell("RNNZ_ISA=baseline $RNNZ generate shakespeare --prompt ab -n 2").output == "cd\n")
    }

    @Test func messagesCarryNoColour() throws {
        let result = try Executable().run(input: "/bogus\n")
        #expect(!result.messages.contains("\u{1b}"))
        #expect(result.code == 2)
    }

    @Test func aScriptRunsFromItsFirstLine() throws {
        let executable = try Executable()
        let script = executable.home + "/play"
        try "#!/usr/bin/env -S rnnz run\n/generate --prompt $1 -n 2\n".write(toFile: script, atomically: true, encoding: .utf8)
        #expect(try executable.shell("chmod +x play && PATH=$(dirname $RNNZ):$PATH && ./play xy").output == "z \n")
        #expect(try executable.shell("$RNNZ run - b < play").output == "cd\n")
    }

    /// The reader leaves, and nobody is told.
    @Test func aClosedPipeIsAQuietEnd() throws {
        let result = try Executable().shell("($RNNZ generate shakespeare --prompt a -n -1; echo $? >code) | head -c 10; cat code")
        #expect(result.output == "bcdefghijk0\n")
        #expect(result.messages == "")
    }

    @Test(.enabled(if: isDevice("/dev/full"), "the machine has no /dev/full"))
    func outputThatCannotBeWrittenIsAnError() throws {
        let result = try Executable().shell("$RNNZ generate shakespeare --prompt a >/dev/full")
        #expect(result.code == 1)
        #expect(result.messages.hasPrefix("error: the results cannot be written"))
        #expect(try Executable().shell("$RNNZ zoo list >/dev/full").code == 1)
    }

    /// The limit of a shell stands for a full disk: what was there stays, and nothing is left beside it.
    @Test func aFileThatMayNotGrowIsAnErrorAndNothingIsLeft() throws {
        let result = try Executable().shell(
            "mkdir out; echo old >out/ab; ulimit -f 0; printf 'ab\\n/save out/ab\\n' | $RNNZ; echo $?; cat out/ab; ls -A out")
        #expect(result.output == "cdefgh\n1\nold\nab\n")
        #expect(result.messages.split(separator: "\n").count == 1)
    }

    /// Otherwise a model that is opened takes the closed descriptor, and results go there.
    @Test func closedInputAndOutputAreErrorsWhereTheyAreNeeded() throws {
        let executable = try Executable()
        #expect(try executable.shell("$RNNZ generate shakespeare --prompt a <&-").output == "bcdefg\n")
        #expect(try executable.shell("$RNNZ tokenize shakespeare <&-").code == 66)
        #expect(try executable.shell("$RNNZ <&-").code == 66)
        let closed = try executable.shell("$RNNZ tokenize shakespeare a >&-")
        #expect(closed.code == 1)
        #expect(closed.messages.hasPrefix("error: the results cannot be written"))
        #expect(try executable.shell("$RNNZ bogus 2>&-").code == 2)
    }

    @Test func waitingForAPipeCanBeInterrupted() throws {
        let result = try Executable().shell(
            "mkfifo pipe; $RNNZ run pipe & sleep 1; kill -INT $!; wait $!; echo $?; $RNNZ inspect ./pipe; echo $?")
        #expect(result.output == "130\n65\n")
        #expect(result.messages == "error: ./pipe: this is not a regular file, which an archive has to be\n")
    }

    @Test func anInterruptedCommandEndsWith130AndWholeJSON() throws {
        let result = try Executable().shell(
            "$RNNZ generate shakespeare --prompt a -n -1 --json & sleep 1; kill -INT $!; wait $!; echo $?")
        #expect(result.output.hasSuffix("\n130\n"))
        #expect(result.output.contains(#""stop_reason":"interrupt""#))
    }

    @Test func tokensGoThereAndBack() throws {
        let executable = try Executable()
        try "to be\nor not ".write(toFile: executable.home + "/text", atomically: true, encoding: .utf8)
        let result = try executable.shell("$RNNZ tokenize shakespeare <text | $RNNZ detokenize shakespeare | cmp - text")
        #expect(result.code == 0)
    }

    @Test func helpAndVersion() throws {
        let executable = try Executable()
        #expect(try executable.run("--help").output.hasPrefix("rnnz: "))
        #expect(try executable.run("--version").output.hasPrefix("rnnz "))
        for words in [["--help"], ["--version"], ["help"], ["help", "generate"], ["generate", "--help"]] {
            #expect(try executable.run(words).code == 0)
        }
    }

    @Test(arguments: [
        (["genrate"], 2, "generate"), (["nothing"], 2, "nothing"), (["./nothing"], 66, "./nothing"),
        (["nothing.rnnz"], 66, "nothing.rnnz"), (["--bogus"], 2, "--bogus"), (["quit"], 2, "quit"),
    ])
    func aFirstWordThatIsNothing(words: [String], code: Int, named: String) throws {
        let result = try Executable().run(words)
        #expect(result.code == Int32(code))
        #expect(result.messages.contains(named))
        #expect(result.output == "")
    }

    @Test func theModelsOptionsCanBeGivenToASession() throws {
        let result = try Executable().run("shakespeare", "-n", "2", "--temperature", "-1", input: "ab\n")
        #expect(result.output == "cd\n")
    }

    @Test func aFileNamedAsAModelIsOpened() throws {
        let executable = try Executable()
        let result = try executable.shell("cp zoo/shakespeare.rnnz m.rnnz && echo ab | $RNNZ m.rnnz && echo ab | $RNNZ ./m.rnnz")
        #expect(result.output == "cdefgh\ncdefgh\n")
    }
}

private func isDevice(_ path: String) -> Bool {
    let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
    return type == .typeCharacterSpecial
}
