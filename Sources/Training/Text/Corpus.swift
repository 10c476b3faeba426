import Tokenization

/// What a language model learns from, and what it is measured on.
public struct Corpus: Sendable {
    public let tokenizer: any Tokenizer
    public let training: TokenStream
    /// nil: nothing is measured.
    public let validation: TokenStream?

    /// Where the text for validation comes from.
    public enum Validation: Sendable, Equatable {
        case none
        /// The last part of the corpus, from 0 to less than 1, of its characters.
        case share(Double)
        case file(String)
    }

    /// How text becomes ids.
    public enum Vocabulary: Sendable {
        /// Every code point of the corpus (also of the part for validation), in the order of their numbers: `sorted(set(text))`.
        case charactersOfCorpus
        case given(any Tokenizer)
    }

    /// Reads a text and cuts it.
    ///
    /// - Parameter separator: between documents; see `TokenStream`.
    /// - Throws: `TrainingError.unreadable`, `.notUTF8`, `.emptyCorpus`, `.validationTakesAll`, `.validationTooShort`,
    ///   `.unknownCharacters`, `.tokenizer`, `.option`.
    public init(
        path: String, vocabulary: Vocabulary = .charactersOfCorpus, validation: Validation = .share(0.1), separator: String = ""
    ) throws(TrainingError) {
        let text = try TextFile.text(path)
        guard !text.isEmpty else { throw .emptyCorpus(path: path) }
        switch vocabulary {
        case .given(let given): tokenizer = given
        case .charactersOfCorpus: tokenizer = try Self.characters(of: text)
        }
        var (trained, held): (Substring, Substring?) = (text[...], nil)
        var (heldPath, heldOffset) = (path, 0)
        switch validation {
        case .none: break
        case .file(let file):
            held = try TextFile.text(file)[...]
            heldPath = file
        case .share(let share):
            guard share >= 0, share < 1 else {
                throw .option(name: "validation-share", value: "\(share)", expected: "a number of at least 0 and less than 1")
            }
            if share > 0 {
                let scalars = text.unicodeScalars
                let count = scalars.count
                // As in the words "the first 90 %": the part that is trained on is rounded down.
                let kept = Int((Double(count) * (1 - share) + 1e-6).rounded(.down))
                let cut = scalars.index(scalars.startIndex, offsetBy: kept)
                (trained, held) = (text[..<cut], text[cut...])
                heldOffset = text.utf8.distance(from: text.startIndex, to: cut)
            }
        }
        guard !trained.isEmpty else { throw .validationTakesAll(path: path) }
        training = try TokenStream(String(trained), tokenizer: tokenizer, separator: separator, path: path)
        if let held {
            let stream = try TokenStream(
                String(held), tokenizer: tokenizer, separator: separator, path: heldPath, offset: heldOffset)
            guard stream.ids.count >= 2 else { throw .validationTooShort(path: heldPath, tokens: stream.ids.count) }
            self.validation = stream
        } else {
            self.validation = nil
        }
    }

    private static func characters(of text: String) throws(TrainingError) -> CharacterTokenizer {
        var isUsed = [Bool](repeating: false, count: 0x110000)
        for scalar in text.unicodeScalars { isUsed[Int(scalar.value)] = true }
        var entries: [Int: String] = [:]
        for (code, used) in isUsed.enumerated() where used {
            if let scalar = Unicode.Scalar(UInt32(code)) { entries[entries.count] = String(Character(scalar)) }
        }
        do {
            return try CharacterTokenizer(vocabulary: entries)
        } catch {
            throw .tokenizer(problem: "\(error)")
        }
    }
}
