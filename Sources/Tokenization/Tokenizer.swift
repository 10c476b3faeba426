import Kernels

/// Text to token ids and back. A tokenizer never fails: what it does not know becomes the unknown token, is skipped where there
/// is none, and is reported.
///
/// Special tokens written in the text (`<s>`, `[PAD]`) are recognised; none is ever added. Decoding leaves them out.
public protocol Tokenizer: Sendable {
    /// One past the largest id.
    var idLimit: Int { get }
    /// Ids with the place in the text that each came from.
    func encode(_ text: String) -> Encoding
    /// The same in pieces of bounded size and in order, for texts whose ids would not fit into memory. Spans count from the
    /// beginning of the whole text; `unknown` is that of the piece.
    func encode(_ text: String, piece body: (Encoding) throws -> Void) rethrows
    /// The bytes a token stands for, written as it is written in a text; empty for an id without any (padding, an id in a gap,
    /// one out of range).
    func bytes(of id: Int) -> [UInt8]
    /// What decoding adds to a text for a token that is not special. `previous` is the token that it added last, nil at the
    /// beginning: between words stands a space, before the first none.
    func bytes(of id: Int, after previous: Int?) -> [UInt8]
    /// Whether the id is a special token, which decoding leaves out.
    func isSpecial(_ id: Int) -> Bool
    /// What the archive stores, as JSON. `makeTokenizer(json:)` reads it back.
    func json() throws -> [UInt8]
}

extension Tokenizer {
    public func encode(_ text: String, piece body: (Encoding) throws -> Void) rethrows {
        try body(encode(text))
    }

    public func bytes(of id: Int, after previous: Int?) -> [UInt8] {
        bytes(of: id)
    }

    /// The text of a sequence, without its special tokens. Bytes that are no UTF-8 become U+FFFD.
    public func decode(_ ids: some Sequence<Int>) -> String {
        var decoder = TokenDecoder()
        var text = ""
        for id in ids { text += decoder.push(id, of: self) }
        return text + decoder.finish()
    }
}

/// The result of encoding a text.
public struct Encoding: Sendable, Equatable {
    public var ids: [Int]
    /// For each id, the bytes of the text (UTF-8) that it stands for.
    public var spans: [Range<Int>]
    /// What the vocabulary lacks, in the order of its first appearance, with how often it appears.
    public var unknown: [UnknownCharacter]

    public init(ids: [Int] = [], spans: [Range<Int>] = [], unknown: [UnknownCharacter] = []) {
        self.ids = ids
        self.spans = spans
        self.unknown = unknown
    }
}

/// A character that the vocabulary lacks, or, where tokens are words, a word.
public struct UnknownCharacter: Sendable, Equatable {
    /// The character or word; of a very long word the beginning.
    public var text: String
    public var count: Int
    /// Byte offset of the first one.
    public var offset: Int

    public var character: Character { text.first ?? "\u{FFFD}" }

    public init(text: String, count: Int, offset: Int) {
        self.text = text
        self.count = count
        self.offset = offset
    }

    public init(character: Character, count: Int, offset: Int) {
        self.init(text: String(character), count: count, offset: offset)
    }

    public static func == (left: Self, right: Self) -> Bool {
        // String's own == calls "é" and "e\u{301}" equal; a vocabulary does not.
        left.text.utf8.elementsEqual(right.text.utf8) && left.count == right.count && left.offset == right.offset
    }
}
