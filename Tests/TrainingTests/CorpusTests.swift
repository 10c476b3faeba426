import Testing
import Tokenization

@testable import Training

@Suite struct CorpusTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func corpus(_ text: String, _ validation: Corpus.Validation = .none, separator: String = "") throws -> Corpus {
        try Corpus(path: try folder.write(text, to: "text.txt"), validation: validation, separator: separator)
    }

    private func text(_ stream: TokenStream?, _ corpus: Corpus) -> String? {
        stream.map { corpus.tokenizer.decode($0.ids.map(Int.init)) }
    }

    @Test func charactersAreInTheOrderOfTheirCodes() throws {
        let corpus = try corpus("é\r\nba🙂a")
        #expect(
            (0..<6).map { String(decoding: corpus.tokenizer.bytes(of: $0), as: UTF8.self) } == ["\n", "\r", "a", "b", "é", "🙂"])
        #expect(corpus.tokenizer.idLimit == 6)
        #expect(corpus.training.ids == [4, 1, 0, 3, 2, 5, 2])
        #expect(corpus.training.characters == 7)
    }

    @Test func validationIsTheLastPart() throws {
        let corpus = try corpus("0123456789abcdefghij", .share(0.1))
        #expect(text(corpus.training, corpus) == "0123456789abcdefgh")
        #expect(text(corpus.validation, corpus) == "ij")
        // Its characters have ids although they do not stand in the part that is trained on.
        #expect(corpus.tokenizer.idLimit == 20)
    }

    @Test func validationMayBeAnotherFile() throws {
        let other = try folder.write("abba", to: "other.txt")
        let corpus = try corpus("abc", .file(other))
        #expect(text(corpus.validation, corpus) == "abba" && text(corpus.training, corpus) == "abc")
    }

    @Test func charactersThatTheVocabularyLacksAreNamedWithTheirPlaces() throws {
        let other = try folder.write("aéb\u{7}é", to: "other.txt")
        let expected = TrainingError.unknownCharacters(
            path: other,
            [
                UnknownCharacter(text: "é", count: 2, offset: 1), UnknownCharacter(text: "\u{7}", count: 1, offset: 4),
            ])
        #expect(throws: expected) { try corpus("abc", .file(other)) }
        #expect("\(expected)" == "\(other): the vocabulary lacks “é” (U+00E9 at byte 1, 2 times), “\\u{07}” (U+0007 at byte 4)")
    }

    @Test func unknownTokensStandForWhatTheVocabularyLacks() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "a", 1: "<unk>"], special: [1], unknown: 1)
        let path = try folder.write("abca", to: "text.txt")
        #expect(try Corpus(path: path, vocabulary: .given(tokenizer), validation: .none).training.ids == [0, 1, 1, 0])
        let strict = try CharacterTokenizer(vocabulary: [0: "a"])
        #expect(throws: TrainingError.self) { try Corpus(path: path, vocabulary: .given(strict), validation: .none) }
    }

    @Test(
        arguments: [
            ([0x61, 0xC3, 0x28], 1), ([0x80], 0), ([0xE2, 0x82], 0), ([0x61, 0xED, 0xA0, 0x80], 1), ([0xC0, 0x80], 0),
            ([0xF0, 0x9F, 0x98, 0x80, 0xFF], 4), ([0xF4, 0x90, 0x80, 0x80], 0), ([0xE2, 0x82, 0x41], 0),
        ] as [([UInt8], Int)]) func bytesThatAreNotUTF8AreNamed(_ bytes: [UInt8], _ place: Int) throws
    {
        let path = try folder.write(bytes, to: "text.txt")
        #expect(throws: TrainingError.notUTF8(path: path, byte: place)) { try Corpus(path: path) }
    }

    @Test func emptyAndMissingTextsAreRefused() throws {
        let path = try folder.write("", to: "empty.txt")
        #expect(throws: TrainingError.emptyCorpus(path: path)) { try Corpus(path: path) }
        #expect(throws: TrainingError.unreadable(path: folder.path, reason: "it is not a file")) { try Corpus(path: folder.path) }
        #expect(throws: TrainingError.unreadable(path: "nowhere", reason: "No such file or directory")) {
            try Corpus(path: "nowhere")
        }
        #expect(throws: TrainingError.self) { try corpus("abc", .share(1)) }
        #expect(throws: TrainingError.validationTooShort(path: folder.file("text.txt"), tokens: 1)) {
            try corpus("0123456789", .share(0.1))
        }
    }

    /// A separator's last token is the last target of one document and the first input of the next.
    @Test func documentsBeginAtTheEndOfASeparator() throws {
        let stream = try corpus("ab\n\ncd\n\n\n\ne\n\n", separator: "\n\n").training
        #expect(stream.ids.count == 13)
        #expect(stream.beginnings == [3, 7, 9])
        #expect(try corpus("ab\n\ncd").training.beginnings == [])
    }

    @Test func digestsTellStreamsApart() {
        let stream = TokenStream(ids: [1, 2, 3], characters: 3)
        #expect(stream.digest == TokenStream(ids: [1, 2, 3], characters: 3).digest)
        #expect(stream.digest != TokenStream(ids: [1, 2, 4], characters: 3).digest)
        #expect(stream.digest != TokenStream(ids: [1, 2, 3], beginnings: [1], characters: 3).digest)
    }
}
