/// A line of a terminal in pieces with colours of their own, cut where the terminal ends.
struct StyledLine {
    let display: Display
    private var text = ""
    private(set) var columns = 0
    private var isCut = false

    init(_ display: Display) { self.display = display }

    var remaining: Int { display.columns - columns }

    /// - Parameter style: parameters of SGR (ECMA-48), as `36` or `1;31`.
    mutating func append(_ piece: String, style: String? = nil) {
        if isCut { return }
        let printable = DisplayWidth.printable(piece, isUTF8: display.isUTF8)
        let shown = DisplayWidth.truncated(printable, to: remaining, isUTF8: display.isUTF8)
        isCut = shown != printable
        columns += DisplayWidth.columns(of: shown)
        if let style, display.hasColour, !shown.isEmpty {
            text += "\u{1b}[\(style)m\(shown)\u{1b}[0m"
        } else {
            text += shown
        }
    }

    /// Blanks up to a column.
    mutating func pad(to column: Int) {
        append(String(repeating: " ", count: max(0, min(column, display.columns) - columns)))
    }

    /// Without blanks at its end.
    var string: String {
        var result = text
        while result.last == " " { result.removeLast() }
        return result
    }

    /// Pieces one after the other, as many in a line as fit.
    static func wrapped(_ pieces: [[(text: String, style: String?)]], indent: Int, gap: Int, _ display: Display) -> [String] {
        var lines: [String] = []
        var line = StyledLine(display)
        for piece in pieces {
            let width = piece.reduce(0) { $0 + DisplayWidth.columns(of: $1.text) }
            if line.columns > indent && line.columns + gap + width > display.columns {
                lines.append(line.string)
                line = StyledLine(display)
            }
            line.pad(to: line.columns > indent ? line.columns + gap : indent)
            for part in piece { line.append(part.text, style: part.style) }
        }
        if line.columns > 0 { lines.append(line.string) }
        return lines
    }
}
