import Archive
import Tokenization

/// A text as a network reads it: ids, and where a new document begins.
public struct TokenStream: Sendable, Equatable {
    public var ids: [Int32]
    /// Places at which the state is what it is before a first token, ascending: the id there is fed to a network that has read
    /// nothing. Place 0 always begins and is not listed.
    public var beginnings: [Int]
    /// Code points of the text: a loss for each character is `nats per token * ids.count / characters`.
    public var characters: Int

    public init(ids: [Int32], beginnings: [Int] = [], characters: Int) {
        self.ids = ids
        self.beginnings = beginnings
        self.characters = characters
    }

    public var tokensPerCharacter: Double { characters == 0 ? 1 : Double(ids.count) / Double(characters) }

    /// Tells one text from another, as the same tokenizer reads them: SHA-256, hexadecimal.
    public var digest: String {
        var digest = SHA256()
        ids.withUnsafeBytes { digest.update($0) }
        beginnings.withUnsafeBytes { digest.update($0) }
        return digest.hexadecimal()
    }

    /// Encodes a text.
    ///
    /// - Parameters:
    ///   - separator: what stands between documents; empty: the text is one. A separator ends the document before it: its tokens are
    ///     foretold there. Its last token is also the first that is fed to the document after it, so that a network learns to begin
    ///     from that token.
    ///   - path: as errors name the text.
    ///   - offset: of the text in that file, in bytes.
    /// - Throws: `TrainingError.unknownCharacters` where the vocabulary lacks something and has no token to stand for it.
    public init(
        _ text: String, tokenizer: any Tokenizer, separator: String = "", path: String, offset: Int = 0
    ) throws(TrainingError) {
        var (ids, beginnings, unknown): ([Int32], [Int], [UnknownCharacter]) = ([], [], [])
        ids.reserveCapacity(text.utf8.count)
        let ends = Self.ends(of: separator, in: text)
        var next = 0
        tokenizer.encode(text) { piece in
            for (id, span) in zip(piece.ids, piece.spans) {
                // The token that a separator ends in.
                while next < ends.count, ends[next] <= span.upperBound {
                    if beginnings.last != ids.count, !ids.isEmpty { beginnings.append(ids.count) }
                    next += 1
                }
                ids.append(Int32(truncatingIfNeeded: id))
            }
            unknown += piece.unknown
        }
        if !tokenizer.hasUnknown, !unknown.isEmpty {
            for i in unknown.indices { unknown[i].offset += offset }
            throw .unknownCharacters(path: path, Self.merged(unknown))
        }
        // Nothing follows a separator at the end.
        if beginnings.last == ids.count - 1 { beginnings.removeLast() }
        self.init(ids: ids, beginnings: beginnings, characters: text.unicodeScalars.count)
    }

    /// The offsets behind each occurrence of the separator, in bytes; occurrences do not overlap.
    private static func ends(of separator: String, in text: String) -> [Int] {
        let wanted = Array(separator.utf8)
        guard let first = wanted.first else { return [] }
        var ends: [Int] = []
        var text = text
        text.withUTF8 { bytes in
            var position = 0
            while position + wanted.count <= bytes.count {
                if bytes[position] == first, wanted.indices.allSatisfy({ bytes[position + $0] == wanted[$0] }) {
                    position += wanted.count
                    ends.append(position)
                } else {
                    position += 1
                }
            }
        }
        return ends
    }

    private static func merged(_ unknown: [UnknownCharacter]) -> [UnknownCharacter] {
        var (result, places): ([UnknownCharacter], [[UInt8]: Int]) = ([], [:])
        for found in unknown {
            if let place = places[Array(found.text.utf8)] {
                result[place].count += found.count
            } else {
                places[Array(found.text.utf8)] = result.count
                result.append(found)
            }
        }
        return result
    }
}

extension Tokenizer {
    /// Whether something stands for what the vocabulary lacks. Others than the two that are known here decide it for themselves.
    fileprivate var hasUnknown: Bool {
        switch self {
        case let tokenizer as CharacterTokenizer: tokenizer.unknown != nil
        case let tokenizer as WordTokenizer: tokenizer.unknown != nil
        default: true
        }
    }
}
