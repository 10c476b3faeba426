#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `%.<digits>g`: at most that many significant digits, valid as JSON for every finite number.
func formatted(_ value: Double, digits: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 40)
    let length = withVaList([CInt(clamping: digits), value]) { vsnprintf(&buffer, buffer.count, "%.*g", $0) }
    return String(decoding: buffer.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// With a fixed number of decimals, for people.
func formatted(_ value: Double, decimals: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 400)
    let length = withVaList([CInt(clamping: decimals), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
    return String(decoding: buffer.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// eˣ.
func exponential(_ x: Double) -> Double { exp(x) }

/// 1234567 as `1,234,567`.
func grouped(_ number: Int) -> String {
    var result = ""
    for (index, digit) in String(abs(number)).reversed().enumerated() {
        if index > 0 && index.isMultiple(of: 3) { result.append(",") }
        result.append(digit)
    }
    return (number < 0 ? "-" : "") + String(result.reversed())
}

/// 1 byte, 2 bytes.
func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(count)) " + (count == 1 ? noun : plural ?? noun + "s")
}

/// A text as it can stand in a line: in quotation marks, line ends and control characters written out, shortened.
func quoted(_ text: String, limit: Int = 60) -> String {
    var result = "“"
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar {
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7f: result += "\\x" + String(scalar.value, radix: 16)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + (text.unicodeScalars.dropFirst(limit).isEmpty ? "”" : "…”")
}

/// Rows of two or more columns, each column as wide as its widest entry, the last one free.
func table(_ rows: [[String]], indent: Int = 0, gap: Int = 2) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
        var line = String(repeating: " ", count: indent)
        for (column, cell) in row.enumerated() {
            line += cell
            if column + 1 < row.count { line += String(repeating: " ", count: widths[column] - cell.count + gap) }
        }
        return line
    }
}
