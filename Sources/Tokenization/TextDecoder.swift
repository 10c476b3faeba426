/// Bytes to text as they come. What is handed out are whole characters (code points) only: the first bytes of a character wait
/// for the others. What cannot become valid UTF-8 is replaced by U+FFFD, one for each maximal part of a valid sequence (Unicode,
/// section 3.9, and WHATWG), so that the pieces joined are `String(decoding:as:)` of all bytes, however these were cut.
///
/// Characters that combine with the one before (accents, joiners) are not waited for: a terminal composes them by itself.
public struct TextDecoder: Sendable, Equatable, Codable {
    /// The beginning of a character, at most three bytes.
    public private(set) var pending: [UInt8]

    public init() { pending = [] }

    /// Goes on where another decoder stood.
    /// - Parameter pending: what that decoder had pending. Bytes that do not begin a character come out with the next `push`.
    public init(pending: [UInt8]) { self.pending = pending }

    public mutating func push(_ bytes: [UInt8]) -> String {
        if pending.isEmpty {
            let kept = Self.incompleteTail(of: bytes)
            if kept == 0 { return String(decoding: bytes, as: UTF8.self) }
            pending = Array(bytes.suffix(kept))
            return String(decoding: bytes.dropLast(kept), as: UTF8.self)
        }
        if bytes.isEmpty { return "" }
        let all = pending + bytes
        let kept = Self.incompleteTail(of: all)
        pending = Array(all.suffix(kept))
        return String(decoding: all.dropLast(kept), as: UTF8.self)
    }

    /// No more bytes come: an unfinished character becomes U+FFFD.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end begin a character without finishing it.
    private static func incompleteTail(of bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let lead = bytes[bytes.count - length]
            if lead & 0xC0 == 0x80 { continue }  // a continuation byte: the lead stands further left
            return isPrefix(bytes[(bytes.count - length)...]) ? length : 0
        }
        return 0
    }

    /// Whether one to three bytes are the beginning, and not the whole, of a well-formed sequence (Unicode, table 3-7).
    private static func isPrefix(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let lead = bytes.first else { return false }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: return false
        }
        guard bytes.count < length else { return false }
        guard let next = bytes.dropFirst().first else { return true }
        return second.contains(next) && bytes.dropFirst(2).allSatisfy { 0x80...0xBF ~= $0 }
    }
}

/// Token ids to text as they come: special tokens are left out, and only whole characters are handed out.
public struct TokenDecoder: Sendable, Equatable, Codable {
    /// The token that was added to the text last.
    private var previous: Int?
    private var decoder: TextDecoder

    public init() { decoder = TextDecoder() }

    /// Goes on with a character whose first bytes have been decoded before.
    public init(pending: [UInt8]) { decoder = TextDecoder(pending: pending) }

    /// The beginning of a character, at most three bytes.
    public var pending: [UInt8] { decoder.pending }

    public mutating func push(_ id: Int, of tokenizer: some Tokenizer) -> String {
        if tokenizer.isSpecial(id) { return "" }
        defer { previous = id }
        return decoder.push(tokenizer.bytes(of: id, after: previous))
    }

    /// No more tokens come: an unfinished character becomes U+FFFD.
    public mutating func finish() -> String { decoder.finish() }
}
