/// Dots on a grid of characters: eight to a braille character, or one to an ASCII character.
struct DotCanvas {
    let columns: Int
    let rows: Int
    let isBraille: Bool

    /// Of each character, the dots that are set, and the curve that was drawn last.
    private var dots: [UInt8]
    private var curves: [Int]

    init(columns: Int, rows: Int, isBraille: Bool) {
        self.columns = columns
        self.rows = rows
        self.isBraille = isBraille
        dots = Array(repeating: 0, count: columns * rows)
        curves = Array(repeating: 0, count: columns * rows)
    }

    var width: Int { isBraille ? 2 * columns : columns }
    var height: Int { isBraille ? 4 * rows : rows }

    /// Unicode Standard, section 21.1: which bit is which dot. [row][column]
    private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    private mutating func set(_ x: Int, _ y: Int, curve: Int) {
        let cell = isBraille ? y / 4 * columns + x / 2 : y * columns + x
        dots[cell] |= isBraille ? Self.bits[y % 4][x % 2] : 1
        curves[cell] = curve
    }

    /// From dot to dot; what is beside the canvas is cut off.
    /// - Parameter dash: how many dots are drawn and how many left out, in turn; empty: all are drawn.
    mutating func draw(_ run: [Plot.Place], curve: Int, dash: [Int] = []) {
        var drawn = 0
        let period = max(1, dash.reduce(0, +))
        func isDrawn() -> Bool { dash.isEmpty || drawn % period < dash[0] }
        for (start, end) in zip(run, run.dropFirst() + run.suffix(1)) {
            guard let (from, to) = clipped(start, end) else { continue }
            let steps = max(1, Int(max(abs(to.x - from.x), abs(to.y - from.y)).rounded(.up)))
            for step in 0...steps {
                let share = Double(step) / Double(steps)
                let x = min(width - 1, Int((from.x + share * (to.x - from.x)).rounded(.down)))
                let y = min(height - 1, Int((from.y + share * (to.y - from.y)).rounded(.down)))
                if isDrawn() { set(x, y, curve: curve) }
                drawn += 1
            }
            drawn -= 1  // the last dot of a line is the first of the next
        }
    }

    /// Liang and Barsky 1984: the part of a line that is inside; nil where none is.
    private func clipped(_ start: Plot.Place, _ end: Plot.Place) -> (Plot.Place, Plot.Place)? {
        let (dx, dy) = (end.x - start.x, end.y - start.y)
        var (from, to) = (0.0, 1.0)
        let edges = [
            (-dx, start.x), (dx, Double(width) - start.x), (-dy, start.y), (dy, Double(height) - start.y),
        ]
        for (direction, distance) in edges {
            if direction == 0 {
                if distance < 0 { return nil }
            } else if direction < 0 {
                from = max(from, distance / direction)
            } else {
                to = min(to, distance / direction)
            }
        }
        guard from <= to else { return nil }
        return (
            Plot.Place(x: start.x + from * dx, y: start.y + from * dy), Plot.Place(x: start.x + to * dx, y: start.y + to * dy)
        )
    }

    /// What stands in a character, and the curve it belongs to; nil: nothing.
    /// - Parameter symbols: of each curve, where dots are ASCII characters.
    func character(column: Int, row: Int, symbols: [Character]) -> (Character, curve: Int)? {
        let cell = row * columns + column
        guard dots[cell] != 0 else { return nil }
        let curve = curves[cell]
        if !isBraille { return (symbols[curve % symbols.count], curve) }
        guard let scalar = Unicode.Scalar(0x2800 + UInt32(dots[cell])) else { return nil }
        return (Character(scalar), curve)
    }
}
