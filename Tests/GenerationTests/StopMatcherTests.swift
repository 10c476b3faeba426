import Testing

@testable import Generation

@Suite struct StopMatcherTests {
    /// The definition, without cleverness: character by character, the first stop string that is complete ends the text.
    static func expected(_ text: String, _ stops: [String]) -> (text: String, isStopped: Bool) {
        let bytes = Array(text.utf8)
        for end in 0...bytes.count {
            let ending = stops.map { Array($0.utf8) }.filter { bytes[..<end].suffix($0.count) == $0[...] }
            if let longest = ending.map(\.count).max() {
                return (String(decoding: bytes[..<(end - longest)], as: UTF8.self), true)
            }
        }
        return (text, false)
    }

    static let cases: [(text: String, stops: [String])] = [
        ("Hello\nUser: hi", ["\nUser:"]), ("aaab", ["aab"]), ("abababac", ["ababac"]), ("abcd", ["abcd", "bc"]),
        ("xabcd", ["cd", "bcd", "d"]), ("été 😀😀 fin", ["😀 ", "é f"]), ("no stop here", ["stops", "heres"]), ("STOP", ["STOP"]),
        ("aaaa", ["aaaaa"]), ("e\u{301}x", ["\u{E9}"]), ("mississippi", ["issip", "ssis"]), ("", ["a"]), ("a\0b", ["\0"]),
    ]

    /// Every way to cut the text into two or three pieces, and into single characters.
    @Test(arguments: cases) func theCutDoesNotMatter(_ sample: (text: String, stops: [String])) {
        let scalars = Array(sample.text.unicodeScalars)
        let expected = Self.expected(sample.text, sample.stops)
        var cuts = (0...scalars.count).flatMap { first in (first...scalars.count).map { [first, $0] } }
        cuts.append(Array(0...scalars.count))
        for cut in cuts {
            var matcher = StopMatcher(sample.stops)
            var emitted = ""
            var isStopped = false
            for (start, end) in zip([0] + cut, cut + [scalars.count]) where !isStopped {
                let piece = String(String.UnicodeScalarView(scalars[start..<end]))
                let (text, stopped) = matcher.push(piece)
                emitted += text
                isStopped = stopped
                // Nothing that was handed out may turn out to belong to the stop string.
                #expect(Array(expected.text.utf8).starts(with: emitted.utf8))
            }
            if !isStopped { emitted += matcher.finish() }
            #expect(Array(emitted.utf8) == Array(expected.text.utf8), "cut at \(cut)")
            #expect(isStopped == expected.isStopped)
            #expect(matcher.held.isEmpty)
        }
    }

    @Test func onlyWhatMayBecomeAStopStringIsHeldBack() {
        var matcher = StopMatcher(["\nUser:"])
        #expect(matcher.push("Hello\nUs").text == "Hello")
        #expect(matcher.held == "\nUs")
        #expect(matcher.push("a").text == "\nUsa")
        #expect(matcher.push("\n\n").text == "\n")
        #expect(matcher.finish() == "\n")
    }

    @Test func randomTextsOfFewLetters() {
        var generator = RandomGenerator(seed: 3)
        for _ in 0..<3_000 {
            func word(_ lengths: ClosedRange<Int>) -> String {
                (0..<Int.random(in: lengths, using: &generator)).map { _ in Bool.random(using: &generator) ? "a" : "é" }.joined()
            }
            let text = word(0...20)
            let stops = (0..<Int.random(in: 1...3, using: &generator)).map { _ in word(1...5) }
            var matcher = StopMatcher(stops)
            var emitted = ""
            var isStopped = false
            for scalar in text.unicodeScalars where !isStopped {
                let (part, stopped) = matcher.push(String(Character(scalar)))
                emitted += part
                isStopped = stopped
            }
            if !isStopped { emitted += matcher.finish() }
            let expected = Self.expected(text, stops)
            #expect(emitted == expected.text && isStopped == expected.isStopped, "\(text) \(stops)")
        }
    }
}
