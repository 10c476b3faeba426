import Testing

@testable import Shell

/// What terminals can show.
struct DisplayTests {
    @Test func theLocaleSaysWhetherItIsUTF8() {
        #expect(Display.isUTF8(["LANG": "en_GB.UTF-8"]))
        #expect(Display.isUTF8(["LANG": "C.utf8"]))
        #expect(Display.isUTF8(["LC_CTYPE": "de_DE.UTF-8@euro"]))
        #expect(Display.isUTF8(["LC_ALL": "", "LANG": "en_GB.UTF-8"]))
        #expect(!Display.isUTF8([:]))
        #expect(!Display.isUTF8(["LANG": "C"]))
        #expect(!Display.isUTF8(["LANG": "de_DE.ISO-8859-1"]))
        #expect(!Display.isUTF8(["LC_ALL": "C", "LANG": "en_GB.UTF-8"]))
        #expect(!Display.isUTF8(["LC_CTYPE": "POSIX", "LANG": "en_GB.UTF-8"]))
    }

    @Test func columnsAreThoseOfATerminal() {
        let widths: [(String, Int)] = [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("損失", 4), ("한국", 4), ("\u{1112}\u{1161}\u{11ab}", 2), ("Ａ", 2),
            ("👍", 2), ("\u{200b}", 0), ("\u{1b}", 0), ("⠿│┄", 3), ("…", 1), ("𠀀", 2), ("ｱ", 1),
        ]
        for (text, width) in widths { #expect(DisplayWidth.columns(of: text) == width, "\(text)") }
    }

    @Test func truncationFitsAndShowsThatItIsOne() {
        #expect(DisplayWidth.truncated("abcdef", to: 6) == "abcdef")
        #expect(DisplayWidth.truncated("abcdefg", to: 6) == "abcde…")
        #expect(DisplayWidth.truncated("abcdefg", to: 6, isUTF8: false) == "abcde~")
        // A wide character that would stick out by half is left out.
        #expect(DisplayWidth.truncated("損失関数", to: 6) == "損失…")
        #expect(DisplayWidth.truncated("e\u{301}e\u{301}e\u{301}", to: 2) == "e\u{301}…")
        #expect(DisplayWidth.truncated("ab", to: 1) == "…")
        #expect(DisplayWidth.truncated("ab", to: 0) == "")
    }

    @Test func paragraphsAreWrappedBetweenWords() {
        #expect(DisplayWidth.wrapped("one two three four", to: 9, indent: 2) == ["one two", "  three", "  four"])
        #expect(DisplayWidth.wrapped("extraordinarily long", to: 8) == ["extraor…", "long"])
        #expect(DisplayWidth.wrapped("", to: 8) == [])
        #expect(DisplayWidth.wrapped("損失 関数", to: 5) == ["損失", "関数"])
    }

    @Test func printableTextStaysInItsLine() {
        #expect(
            DisplayWidth.printable("a\nb\tc\rd\u{1b}[2J\u{9b}\u{202e}\u{2028}")
                == "a b c\u{fffd}d\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}")
        #expect(DisplayWidth.printable("naïve 損", isUTF8: false) == "na?ve ?")
    }
}
