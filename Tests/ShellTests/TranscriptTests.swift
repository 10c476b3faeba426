import Foundation
import Testing

@testable import Shell

struct TranscriptTests {
    @Test(arguments: [
        (["a", "b"], ["a", "b"], true), (["a", "b"], ["a"], false), (["a"], ["a", "b"], false), ([], [], true),
        ([], ["..."], true),
        (["a", "b", "c"], ["..."], true), (["a", "b", "c"], ["a", "..."], true), (["a", "b", "c"], ["...", "c"], true),
        (["a", "b", "a", "c"], ["...", "a", "c"], true), (["a", "b", "c"], ["...", "b"], false),
        (["a", "b", "c"], ["a", "...", "b", "c", "..."], true), (["\\..."], ["..."], true), (["\\...x"], ["\\...x"], true),
        (["e\u{301}"], ["é"], false),
    ])
    func dotsStandForAnyLines(lines: [String], expected: [String], matches: Bool) {
        #expect(Transcript.matches(lines, expected: expected) == matches)
    }

    @Test(arguments: [
        ("> x", "\\> x"), ("...", "\\..."), ("...and", "\\...and"), ("\\", "\\\\"), (">x", ">x"), ("plain", "plain"),
    ])
    func outputThatLooksTypedIsEscaped(line: String, escaped: String) {
        #expect(Transcript.escaped(line) == escaped)
    }

    /// A file with the line ends of Windows, and output with them, mean the same as without.
    @Test func lineEndsMayBeThoseOfWindows() {
        let transcript = Transcript(parsing: "Title\r\n> /set n 2\r\nab\r\n")
        #expect(transcript.preface == ["Title"])
        #expect(transcript.steps.map(\.typed) == ["/set n 2"])
        #expect(transcript.steps.map(\.expected) == [["ab"]])
        #expect(Transcript.lines(of: "ab\r\n> c\r\n") == ["ab", "\\> c"])
    }

    /// A combining character joins what stands before it into one character, which is not what the file says.
    @Test func marksAreSeenBeforeCombiningCharacters() {
        let transcript = Transcript(parsing: "> \u{301}a\n\\...\u{301}\n")
        #expect(transcript.steps.map { Array($0.typed.unicodeScalars) } == [["\u{301}", "a"]])
        #expect(Transcript.lines(of: "...\u{301}") == transcript.steps.first?.expected)
    }

    @Test func whatWasParsedIsWrittenBack() {
        let text = "A title.\n\n> /set n 2\n> a\nbc\n...\n"
        let transcript = Transcript(parsing: text)
        #expect(transcript.preface == ["A title.", ""])
        #expect(transcript.steps.map(\.typed) == ["/set n 2", "a"])
        #expect(transcript.steps[1].expected == ["bc", "..."])
        #expect(transcript.text == text)
    }

    @Test func differencesAreReported() throws {
        let bench = try Bench()
        let good = try bench.file(
            "good", "> /set temperature 0\n> /set n 2\n> ab\ncd\n> /bogus\nerror: ...\n".replacing("error: ...", with: "..."))
        let bad = try bench.file("bad", "> /set temperature 0\n> /set n 2\n> ab\nxx\n")
        #expect(bench.subcommand("test", good).code == 0)
        let (code, results) = bench.subcommand("test", good, bad)
        #expect(code == 1)
        #expect(results == "\(bad):3: > ab\n- xx\n+ cd\n")
        #expect(bench.subcommand("test", bad, "--update").code == 0)
        #expect(try String(contentsOfFile: bad, encoding: .utf8) == "> /set temperature 0\n> /set n 2\n> ab\ncd\n")
    }

    @Test func updatingKeepsWhatMatches() throws {
        let bench = try Bench()
        let text = "> /set temperature 0\n> /set n 2\n> /info\n...\n> ab\ncd\n"
        let path = try bench.file("kept", text)
        #expect(bench.subcommand("test", path, "--update").code == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func aTranscriptWithoutTypedLinesIsNone() throws {
        let bench = try Bench()
        #expect(bench.subcommand("test", try bench.file("none", "nothing\n")).code == 65)
        #expect(bench.subcommand("test", "./nothere").code == 66)
    }

    /// Those beside the tests, with the alphabet as the zoo's default. `RNNZ_UPDATE_TRANSCRIPTS=1` takes over what came.
    @Test(arguments: try FileManager.default.contentsOfDirectory(atPath: Self.folder).filter { $0.hasSuffix(".txt") }.sorted())
    func replays(name: String) throws {
        let bench = try Bench()
        let update = ProcessInfo.processInfo.environment["RNNZ_UPDATE_TRANSCRIPTS"] == "1"
        let code = Shell(host: bench.shell.host, isSubcommand: true)
            .runSubcommand("test", ["\(Self.folder)/\(name)"] + (update ? ["--update"] : []))
        #expect(code == .done, "\(bench.output.text)")
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Transcripts").path
}
