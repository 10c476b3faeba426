/// Finds stop strings in text that comes in pieces, and holds back what may be the beginning of one.
///
/// The first stop string that is complete ends the text before its first character; of several complete at one place, the
/// longest counts. So the outcome does not depend on how the text is cut.
struct StopMatcher {
    /// One stop string, searched for by the method of Knuth, Morris and Pratt.
    private struct Pattern {
        let bytes: [UInt8]
        /// For each length of a matched beginning, the longest shorter one that it ends with.
        let fallback: [Int]
        /// Bytes of the longest beginning that the text ends with.
        var matched = 0

        init(_ text: String) {
            bytes = Array(text.utf8)
            var fallback = [0, 0]
            var length = 0
            for byte in bytes.dropFirst() {
                while length > 0, bytes[length] != byte { length = fallback[length] }
                if bytes[length] == byte { length += 1 }
                fallback.append(length)
            }
            self.fallback = fallback
        }

        /// Whether the string is complete with this byte.
        mutating func advance(_ byte: UInt8) -> Bool {
            while matched > 0, bytes[matched] != byte { matched = fallback[matched] }
            if bytes[matched] == byte { matched += 1 }
            return matched == bytes.count
        }
    }

    private var patterns: [Pattern]
    /// UTF-8 that may be the beginning of a stop string: whole characters, since stop strings are.
    private var heldBytes: [UInt8] = []

    /// - Parameter stops: not empty strings.
    init(_ stops: [String]) { patterns = stops.map(Pattern.init) }

    var held: String { String(decoding: heldBytes, as: UTF8.self) }

    /// Takes the text's next whole characters.
    /// - Returns: what is sure not to belong to a stop string, and whether one was found. Then nothing may follow.
    mutating func push(_ text: String) -> (text: String, isStopped: Bool) {
        if patterns.isEmpty { return (text, false) }
        for byte in text.utf8 {
            heldBytes.append(byte)
            var complete = 0
            for index in patterns.indices where patterns[index].advance(byte) {
                complete = max(complete, patterns[index].bytes.count)
            }
            if complete > 0 {
                defer { heldBytes = [] }
                return (String(decoding: heldBytes.dropLast(complete), as: UTF8.self), true)
            }
        }
        let kept = patterns.reduce(0) { max($0, $1.matched) }
        if kept == heldBytes.count { return ("", false) }
        defer { heldBytes.removeFirst(heldBytes.count - kept) }
        return (String(decoding: heldBytes.dropLast(kept), as: UTF8.self), false)
    }

    /// No more text comes: what was held back is no stop string.
    mutating func finish() -> String {
        defer { heldBytes = [] }
        return held
    }
}
