import Testing

@testable import Shell

struct EntryTests {
    private func entries(_ lines: [String], comments: Bool = false) throws -> [Entry] {
        var reader = EntryReader(hasComments: comments)
        var entries = lines.compactMap { reader.push($0) }
        if let last = try reader.finish() { entries.append(last) }
        return entries
    }

    @Test(arguments: [
        ("/help", Entry.command("help")), ("To be", .text("To be")), ("//slash", .text("/slash")),
        ("  spaced ", .text("  spaced ")),
        (" /not a command", .text(" /not a command")), ("# a text at the prompt", .text("# a text at the prompt")),
        ("line\r", .text("line")), ("\"\"\"in one line\"\"\"", .text("in one line")),
    ])
    func oneLineIsOneEntry(line: String, entry: Entry) throws {
        #expect(try entries([line]) == [entry])
    }

    @Test func emptyLinesAndCommentsOfScriptsAreNothing() throws {
        #expect(try entries(["", "   ", "# comment", "/quit"], comments: true) == [.command("quit")])
    }

    @Test func aBlockKeepsItsInnerLineEnds() throws {
        #expect(try entries(["\"\"\"", "a", "", "/b", "# c", "\"\"\""], comments: true) == [.text("a\n\n/b\n# c")])
        #expect(try entries(["\"\"\"a", "b\"\"\"", "c"]) == [.text("a\nb"), .text("c")])
        #expect(try entries(["\"\"\"", "a", "", "\"\"\""]) == [.text("a\n")])
    }

    @Test func aBackslashAtTheEndOfACommandGoesOn() throws {
        #expect(try entries([#"/generate \"#, "-n 3", "text\\"]) == [.command("generate -n 3"), .text("text\\")])
        #expect(try entries([#"/set stop a\\"#]) == [.command(#"set stop a\\"#)])
    }

    @Test func anOpenBlockIsAnError() {
        #expect(throws: Failure.self) { try entries(["\"\"\"", "a"]) }
    }
}
