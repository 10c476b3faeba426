import Testing

@testable import Shell

/// Progress of training among the messages.
struct ProgressLineTests {
    private final class Screen: Output {
        var display: Display?
        private(set) var drawn: [String?] = []
        private(set) var notes: [String] = []

        init(_ display: Display?) { self.display = display }

        let isTerminal = false
        let hasColour = false
        let isAtLineStart = true
        var messageDisplay: Display? { display }
        func write(_ text: String) {}
        func flush() {}
        func note(_ text: String) { notes.append(text) }
        func showProgress(_ text: String?) { drawn.append(text) }
    }

    private static func progress(_ step: Int) -> TrainingProgress {
        TrainingProgress(
            step: step, steps: 10_000, loss: 1.52345, bitsPerCharacter: 2.1978, tokensPerSecond: 12_345.6, gradientNorm: 0.8214,
            clippedShare: 0.034, secondsLeft: 200)
    }

    private static let whole =
        "step 1,200/10,000  loss 1.5234  2.198 bits/char  3 min 20 s left  12,346 tokens/s  gradient 0.821  3 % clipped"

    @Test func aTerminalHasOneLineThatIsDrawnAgain() {
        let screen = Screen(Display(columns: 200))
        var now = 0.0
        var line = ProgressLine(output: screen) { now }
        line.update(Self.progress(1200))
        now = 0.09
        line.update(Self.progress(1201))
        now = 0.11
        line.update(Self.progress(1202))
        line.finish(Self.progress(1203))
        #expect(screen.drawn.count == 3)
        #expect(screen.drawn[0] == Self.whole)
        #expect(screen.drawn[1]?.hasPrefix("step 1,202/") == true)
        #expect(screen.drawn[2] == nil)
        #expect(screen.notes.isEmpty)
    }

    @Test func aLogHasALineNowAndThen() {
        let screen = Screen(nil)
        var now = 0.0
        var line = ProgressLine(output: screen) { now }
        for step in 0...250 {
            now = Double(step) / 10
            line.update(Self.progress(1200 + step))
        }
        #expect(screen.notes.map { String($0.prefix(10)) } == ["step 1,200", "step 1,300", "step 1,400"])
        #expect(screen.notes[0] == Self.whole)
        line.finish(Self.progress(1450))
        line.finish(Self.progress(1450))
        #expect(screen.notes.count == 4 && screen.notes[3].hasPrefix("step 1,450"))
        #expect(screen.drawn.allSatisfy { $0 == nil })
    }

    @Test func fieldsThatDoNotFitAreLeftOut() {
        for columns in 1...140 {
            for isUTF8 in [true, false] {
                let text = ProgressLine.text(Self.progress(1200), for: Display(columns: columns, isUTF8: isUTF8))
                #expect(DisplayWidth.columns(of: text) < columns)
                if columns > 17 { #expect(Self.whole.hasPrefix(text), "\(text)") }
                if columns > 30 { #expect(text.contains("loss 1.5234")) }
                if !isUTF8 { #expect(text.utf8.allSatisfy { $0 < 0x80 }) }
            }
        }
        #expect(ProgressLine.text(Self.progress(1200), for: Display(columns: 10)) == "step 1,2…")
    }

    @Test func theTerminalIsAskedForItsWidthEachTime() {
        let screen = Screen(Display(columns: 200))
        var now = 0.0
        var line = ProgressLine(output: screen) { now }
        line.update(Self.progress(1200))
        screen.display = Display(columns: 36)
        now = 1
        line.update(Self.progress(1200))
        #expect(screen.drawn == [Self.whole, "step 1,200/10,000  loss 1.5234"])
    }

    @Test func whatIsNotKnownIsNotShown() {
        let progress = TrainingProgress(step: 7, loss: .nan)
        #expect(progress.fields == ["step 7", "loss nan"])
        #expect(TrainingProgress(step: 7, loss: 3e9).fields == ["step 7", "loss 3e9"])
    }
}
