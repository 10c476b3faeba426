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

/// At most that many significant digits, an exponent without ornaments: 1e-7, 2.5e10.
func compact(_ value: Double, digits: Int) -> String {
    let parts = formatted(value, digits: digits).split(separator: "e")
    guard parts.count == 2, let exponent = Int(parts[1]) else { return formatted(value, digits: digits) }
    return "\(parts[0])e\(exponent)"
}

/// A measurement for people; a stroke where there is none.
func shown(_ value: Double?, decimals: Int) -> String {
    guard let value, value.isFinite, abs(value) < 1e15 else { return "-" }
    return decimals == 0 ? grouped(Int(value.rounded())) : formatted(value, decimals: decimals)
}

/// Seconds for people: 42 s, 3 min 20 s, 2 h 5 min.
func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "-" }
    if seconds < 10 { return "\(formatted(seconds, digits: 2)) s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min" + (whole % 60 > 0 ? " \(whole % 60) s" : "") }
    let (hours, minutes) = (whole / 3600, whole % 3600 / 60)
    return "\(grouped(hours)) h" + (minutes > 0 ? " \(minutes) min" : "")
}

/// Seconds since 1970 as ISO 8601 in UTC, to the second.
func timestamp(_ secondsSince1970: Double) -> String {
    guard var time = time_t(exactly: secondsSince1970.rounded()) else { return "" }
    var parts = tm()
    guard gmtime_r(&time, &parts) != nil else { return "" }
    var buffer = [CChar](repeating: 0, count: 40)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
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
