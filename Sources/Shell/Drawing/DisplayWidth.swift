/// Columns of a terminal that texts take.
enum DisplayWidth {
    static func columns(of text: some StringProtocol) -> Int { text.unicodeScalars.reduce(0) { $0 + columns(of: $1) } }

    /// As wcswidth counts: scalar by scalar. A terminal that joins several into one emoji shows fewer columns, never more.
    static func columns(of scalar: Unicode.Scalar) -> Int {
        // What charts are made of, without a look at tables.
        switch scalar.value {
        case 0x20..<0x7f, 0x2500...0x259f, 0x2800...0x28ff: return 1
        default: break
        }
        if scalar.value < 0x300 { return scalar.properties.generalCategory == .control || scalar.value == 0xad ? 0 : 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control, .lineSeparator, .paragraphSeparator: return 0
        default: break
        }
        if (0x1160...0x11ff).contains(scalar.value) { return 0 }  // the vowels and finals that a Hangul syllable absorbs
        if scalar.properties.isEmojiPresentation { return 2 }
        return wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// Unicode Standard Annex 11, classes W and F, by blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2329...0x232a, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xa000...0xa4cf,
        0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
        0x16fe0...0x18cff, 0x1aff0...0x1b2ff, 0x1f200...0x1f2ff, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff,
        0x20000...0x3fffd,
    ]

    /// The text where it fits, else as much of its beginning as fits with an ellipsis.
    static func truncated(_ text: String, to limit: Int, isUTF8: Bool = true) -> String {
        if columns(of: text) <= limit { return text }
        let ellipsis = isUTF8 ? "…" : "~"
        guard limit > 0 else { return "" }
        var (result, used) = ("", 0)
        for character in text {
            let width = columns(of: String(character))
            if used + width > limit - 1 { break }
            result.append(character)
            used += width
        }
        return result + ellipsis
    }

    /// Lines of whole words; a word that is longer than a line is cut.
    /// - Parameter indent: blanks before every line but the first.
    static func wrapped(_ text: String, to limit: Int, indent: Int = 0, isUTF8: Bool = true) -> [String] {
        let indent = min(indent, limit / 2)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            let start = lines.isEmpty ? "" : String(repeating: " ", count: indent)
            if line.isEmpty {
                line = truncated(start + word, to: limit, isUTF8: isUTF8)
            } else if columns(of: line) + 1 + columns(of: word) <= limit {
                line += " " + word
            } else {
                lines.append(line)
                line = truncated(String(repeating: " ", count: indent) + word, to: limit, isUTF8: isUTF8)
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }

    /// The text in a line of its own that shows what it says: nothing in it moves the cursor or turns the writing round.
    static func printable(_ text: String, isUTF8: Bool = true) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\n" || scalar == "\t" {
                result.append(" ")
            } else if isHarmless(scalar) && (isUTF8 || scalar.isASCII) {
                result.append(scalar)
            } else {
                result.append(isUTF8 ? "\u{fffd}" : "?")
            }
        }
        return String(result)
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: false
        case .format: scalar == "\u{200c}" || scalar == "\u{200d}"  // joiners, which Indic scripts and emoji need
        default: true
        }
    }
}
