import Testing

@testable import Shell

struct WordsTests {
    /// Lines with the words that `dash` makes of them (`$'…'`: bash).
    @Test(arguments: [
        ("generate --prompt 'To be'", ["generate", "--prompt", "To be"]),
        ("  a \t b  ", ["a", "b"]),
        (#"a\ b"#, ["a b"]),
        (#""a b"c'd e'"#, ["a bcd e"]),
        (#""a\"b\\c\d""#, [#"a"b\c\d"#]),
        (#"'a\b'"#, [#"a\b"#]),
        ("''", [""]),
        (#"a "" b"#, ["a", "", "b"]),
        (#"$'a\n\tb\'c'"#, ["a\n\tb'c"]),
        (#"$'\x41\u00e9'"#, ["Aé"]),
        ("$1 $x $", ["$1", "$x", "$"]),
        (#""it's""#, ["it's"]),
        ("a;b|c", ["a;b|c"]),
        ("größer 日本", ["größer", "日本"]),
        ("", []),
    ])
    func splitsAsAShellDoes(line: String, words: [String]) throws {
        #expect(try Words.split(line) == words)
    }

    /// Blanks and quotation marks are what they are, whatever combines with them.
    @Test(arguments: [
        ("a \u{301}b", ["a", "\u{301}b"]), ("'\u{301}' c", ["\u{301}", "c"]), ("\"\u{fe0f}\" c", ["\u{fe0f}", "c"]),
        ("a\\ \u{301}b", ["a \u{301}b"]), ("a\r\nb", ["a", "b"]),
    ])
    func combiningCharactersHideNothing(line: String, words: [String]) throws {
        #expect(try Words.split(line).map { Array($0.unicodeScalars) } == words.map { Array($0.unicodeScalars) })
    }

    @Test(arguments: ["'a", "\"a", "a 'b c", #""a\""#, "$'a"])
    func openQuotationsAreErrors(line: String) {
        #expect(throws: Failure.self) { try Words.split(line) }
    }

    @Test(arguments: [
        ("$1", ["one two"]), ("\"$1\"", ["one two"]), ("'$1'", ["$1"]), (#"\$1"#, ["$1"]), ("x$2y", ["xthreey"]),
        ("a $9 b", ["a", "b"]), ("\"$9\"", [""]), ("$@", ["one two", "three"]), ("\"$@\"", ["one two", "three"]),
        ("x\"$@\"y", ["xone two", "threey"]), ("$0 $10", ["$0", "one two0"]),
    ])
    func argumentsStandForThemselves(line: String, words: [String]) throws {
        #expect(try Words.split(line, arguments: ["one two", "three"]) == words)
    }

    @Test func noArgumentsAreNoWords() throws {
        #expect(try Words.split("a $@ \"$@\" $1 b", arguments: []) == ["a", "b"])
    }

    @Test(arguments: ["plain", "two words", "it's", "", "a\nb", #"back\slash"#, "\"", "tab\there", "ü", "$1", "\r\n'"])
    func whatIsQuotedIsReadBack(word: String) throws {
        #expect(try Words.split(Words.quoting(word)) == [word])
    }

    @Test func theWordBeingTypedIsKnown() {
        #expect(Words(typed: "load sha").last == Words.Last(text: "sha", quote: nil))
        #expect(Words(typed: "load ").last == nil)
        #expect(Words(typed: "load 'my mo").last == Words.Last(text: "my mo", quote: "'"))
        #expect(Words(typed: #"load my\ mo"#).last == Words.Last(text: "my mo", quote: nil))
    }
}
