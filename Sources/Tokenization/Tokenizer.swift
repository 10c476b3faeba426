/// Text to token ids and back. A tokenizer never fails: what it does not know becomes the unknown token, is skipped where there
/// is none, and is reported.
public protocol Tokenizer: Sendable {
    /// One past the largest id.
    var idLimit: Int { get }
    /// Ids with the place in the text that each came from.
    func encode(_ text: String) -> Encoding
    /// The bytes a token stands for; empty for an id without any (padding, an id in a gap, one out of range).
    func bytes(of id: Int) -> [UInt8]
    /// Whether the id is a special token, which decoding leaves out.
    func isSpecial(_ id: Int) -> Bool
    /// What the archive stores, as JSON. `makeTokenizer(json:)` reads it back.
    func json() throws -> [UInt8]
}

/// The result of encoding a text.
public struct Encoding: Sendable, Equatable {
    public var ids: [Int]
    /// For each id, the bytes of the text (UTF-8) that it stands for.
    public var spans: [Range<Int>]
    /// Characters that the vocabulary lacks, in the order of their first appearance, with how often they appear.
    public var unknown: [UnknownCharacter]

    public init(ids: [Int] = [], spans: [Range<Int>] = [], unknown: [UnknownCharacter] = []) {
        self.ids = ids
        self.spans = spans
        self.unknown = unknown
    }
}

/// A character that the vocabulary lacks.
public struct UnknownCharacter: Sendable, Equatable {
    public var character: Character
    public var count: Int
    /// Byte offset of the first one.
    public var offset: Int

    public init(character: Character, count: Int, offset: Int) {
        self.character = character
        self.count = count
        self.offset = offset
    }
}
