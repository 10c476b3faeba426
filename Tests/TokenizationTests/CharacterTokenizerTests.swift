import Testing

@testable import Tokenization

@Suite struct CharacterTokenizerTests {
    static let texts: [(name: String, text: String)] = [
        ("English", "The quick brown fox\njumps over the lazy dog.\r\n"),
        ("French", "Où est l'été ? Là-bas, garçon — « naïf »."),
        ("decomposed", "e\u{301}te\u{301} vs été"),
        ("Greek", "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία."),
        ("Russian", "Съешь же ещё этих мягких французских булок"),
        ("Arabic", "نص حكيم له سر قاطع"),
        ("Hindi", "ऋषियों को सताने वाले"),
        ("Chinese", "天地玄黃 宇宙洪荒"),
        ("Japanese", "いろはにほへと ちりぬるを"),
        ("Korean", "키스의 고유조건은"),
        ("emoji", "👩‍👩‍👧‍👦 🇫🇷 🏳️‍🌈 👍🏽"),
        ("outside the basic plane", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \u{10FFFF}"),
        ("NUL and controls", "a\0b\u{1}\u{7F}\u{85}\u{2028}\u{FEFF}c"),
    ]

    /// The vocabulary a PyTorch script would make: the sorted set of code points.
    static func vocabulary(of text: String) -> [Int: String] {
        let scalars = Set(text.unicodeScalars).sorted()
        return Dictionary(uniqueKeysWithValues: scalars.enumerated().map { ($0.offset, String(Character($0.element))) })
    }

    @Test(arguments: texts) func roundTrip(_ sample: (name: String, text: String)) throws {
        let tokenizer = try CharacterTokenizer(vocabulary: Self.vocabulary(of: sample.text))
        let encoding = tokenizer.encode(sample.text)
        #expect(encoding.ids.count == sample.text.unicodeScalars.count)
        #expect(encoding.unknown.isEmpty)
        #expect(Array(tokenizer.decode(encoding.ids).utf8) == Array(sample.text.utf8))
        // The spans are the text, in order and without gaps, and each is its token's bytes.
        let bytes = Array(sample.text.utf8)
        #expect(encoding.spans.flatMap { bytes[$0] } == bytes)
        for (id, span) in zip(encoding.ids, encoding.spans) { #expect(tokenizer.bytes(of: id) == Array(bytes[span])) }
    }

    @Test func lineEndsAreTwoTokens() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "\n", 1: "\r", 2: "é"])
        #expect(tokenizer.encode("\r\né\n").ids == [1, 0, 2, 0])
    }

    @Test func canonicallyEqualEntriesAreDifferentCharacters() throws {
        // U+00C5 and U+212B are one for String's ==, and two tokens here.
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "\u{C5}", 1: "\u{212B}", 2: "A", 3: "\u{30A}"])
        #expect(tokenizer.encode("\u{212B}\u{C5}A\u{30A}").ids == [1, 0, 2, 3])
        #expect(Array(tokenizer.decode([1, 0]).utf8) == Array("\u{212B}\u{C5}".utf8))
    }

    @Test func unknownCharactersAreReplacedAndReported() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "a", 1: "<unk>"], special: [1], unknown: 1)
        let encoding = tokenizer.encode("a€ax€")
        #expect(encoding.ids == [0, 1, 0, 1, 1])
        #expect(encoding.spans == [0..<1, 1..<4, 4..<5, 5..<6, 6..<9])
        #expect(
            encoding.unknown == [
                UnknownCharacter(text: "€", count: 2, offset: 1), UnknownCharacter(text: "x", count: 1, offset: 5),
            ])
    }

    @Test func unknownCharactersAreSkippedWithoutAnUnknownToken() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [5: "a", 9: "b"])
        let encoding = tokenizer.encode("\0a😀b")
        #expect(encoding.ids == [5, 9])
        #expect(encoding.spans == [1..<2, 6..<7])
        #expect(encoding.unknown.map(\.text) == ["\0", "😀"])
        #expect(encoding.unknown.map(\.character) == ["\0", "😀"])
    }

    @Test func specialTokensInTheTextAreRecognisedAndNotDecoded() throws {
        let tokenizer = try CharacterTokenizer(
            vocabulary: [0: "<s>", 1: "<s>x>", 2: "[PAD]", 3: "<", 4: "s", 5: ">", 6: "x", 7: "["], special: [0, 1, 2])
        #expect(tokenizer.encode("<s>x<s>x><s[PAD][").ids == [0, 6, 1, 3, 4, 2, 7])
        #expect(tokenizer.decode([0, 6, 1, 3, 4, 2, 7]) == "x<s[")
        #expect(tokenizer.bytes(of: 0) == Array("<s>".utf8))
        #expect(tokenizer.isSpecial(2) && !tokenizer.isSpecial(3) && !tokenizer.isSpecial(-1))
    }

    @Test func longerEntriesAreOnlyDecoded() throws {
        // As in the published ml5 vocabulary that lost its "U" and "u".
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "a", 1: "", 2: "  ", 3: " "])
        #expect(tokenizer.encode("a  a").ids == [0, 3, 3, 0])
        #expect(tokenizer.decode([0, 1, 2, 0]) == "a  a")
    }

    @Test func aListedGraphemeIsOneToken() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "e", 1: "e\u{301}", 2: "🇫🇷"])
        #expect(tokenizer.encode("ee\u{301}🇫🇷").ids == [0, 1, 2])
    }

    @Test func gapsAndOddIdsDecodeToNothing() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [3: "a", 10: "b"], special: [20])
        #expect(tokenizer.idLimit == 21)
        #expect(tokenizer.decode([3, 4, -1, 20, 21, .max, .min, 10]) == "ab")
    }

    @Test func piecesJoinedAreTheWhole() throws {
        let text = String(repeating: "ab<s>€x", count: 40_000)
        let tokenizer = try CharacterTokenizer(vocabulary: [0: "a", 1: "b", 2: "<s>", 3: "€"], special: [2])
        let whole = tokenizer.encode(text)
        var ids: [Int] = []
        var spans: [Range<Int>] = []
        var unknown = 0
        var pieces = 0
        tokenizer.encode(text) { piece in
            ids += piece.ids
            spans += piece.spans
            unknown += piece.unknown.reduce(0) { $0 + $1.count }
            pieces += 1
        }
        #expect(pieces > 1)
        #expect(ids == whole.ids && spans == whole.spans && unknown == 40_000)
    }

    @Test func aLineOfAHundredMegabytesIsLinear() throws {
        let text = String(repeating: "To be, or not to be: <that> is the question. ", count: 100_000_000 / 45)
        let tokenizer = try CharacterTokenizer(vocabulary: Self.vocabulary(of: String(text.prefix(200))))
        var tokens = 0
        let time = ContinuousClock().measure { tokenizer.encode(text) { tokens += $0.ids.count } }
        #expect(tokens == text.utf8.count)
        let megabytesPerSecond = Double(text.utf8.count) / 1e6 / (time / .seconds(1))
        #expect(megabytesPerSecond > 20, "encoding is far slower than a scan")
    }

    @Test func manySpecialBeginningsStayLinear() throws {
        // Every place looks like the beginning of a special token that is never finished.
        let long = "<" + String(repeating: "<", count: 250) + ">"
        let tokenizer = try CharacterTokenizer(vocabulary: [0: long, 1: "<"], special: [0])
        #expect(tokenizer.encode(String(repeating: "<", count: 20_000)).ids.count == 20_000)
    }
}

@Suite struct HostileVocabularyTests {
    @Test func emptyVocabularyIsRefused() {
        #expect(throws: TokenizationError.emptyVocabulary) { try CharacterTokenizer(vocabulary: [:]) }
        #expect(throws: TokenizationError.emptyVocabulary) { try WordTokenizer(vocabulary: [:]) }
        #expect(throws: TokenizationError.emptyVocabulary) { try readVocabulary(json: Array("[]".utf8)) }
        #expect(throws: TokenizationError.emptyVocabulary) { try readVocabulary(json: Array("{}".utf8)) }
    }

    @Test func negativeIdIsRefused() {
        #expect(throws: TokenizationError.idOutOfRange(entry: "a", id: -1, limit: 1 << 22)) {
            try CharacterTokenizer(vocabulary: [-1: "a"])
        }
        #expect(throws: TokenizationError.idOutOfRange(entry: "", id: -5, limit: 1 << 22)) {
            try CharacterTokenizer(vocabulary: [0: "a"], special: [-5])
        }
    }

    @Test func enormousIdIsRefusedBeforeMemoryIsAskedFor() {
        #expect(throws: TokenizationError.idOutOfRange(entry: "", id: .max, limit: 1 << 22)) {
            try CharacterTokenizer(vocabulary: [0: "a"], unknown: .max)
        }
        #expect(throws: TokenizationError.idOutOfRange(entry: "a", id: 1 << 22, limit: 1 << 22)) {
            try readVocabulary(json: Array(#"{"a": 4194304}"#.utf8))
        }
    }

    @Test func duplicateEntryIsRefused() {
        #expect(throws: TokenizationError.duplicateEntry("a", first: 1, second: 3)) {
            try CharacterTokenizer(vocabulary: [1: "a", 3: "a"])
        }
        #expect(throws: TokenizationError.duplicateEntry("a", first: 0, second: 2)) {
            try readVocabulary(json: Array(#"["a", "b", "a"]"#.utf8))
        }
        #expect(throws: TokenizationError.duplicateEntry("a", first: 0, second: 1)) {
            try readVocabulary(json: Array(#"{"a": 0, "a": 1}"#.utf8))
        }
    }

    @Test func duplicateIdIsRefused() {
        #expect(throws: TokenizationError.duplicateID(0, first: "a", second: "b")) {
            try readVocabulary(json: Array(#"{"a": 0, "b": 0}"#.utf8))
        }
    }

    @Test func idThatIsNoWholeNumberIsRefused() {
        for value in ["1.5", "\"1\"", "null", "1e300"] {
            #expect(throws: TokenizationError.self) { try readVocabulary(json: Array("{\"a\": \(value)}".utf8)) }
        }
    }

    @Test func entryThatIsNoStringIsRefused() {
        #expect(throws: TokenizationError.notAString(id: 1, found: "a number")) {
            try readVocabulary(json: Array(#"["a", 7]"#.utf8))
        }
        #expect(throws: TokenizationError.notAVocabulary(found: "a string")) {
            try readVocabulary(json: Array(#""abc""#.utf8))
        }
    }

    @Test func longSpecialEntryIsRefused() {
        let entry = "<" + String(repeating: "x", count: 300) + ">"
        #expect(throws: TokenizationError.entryTooLong(id: 0, bytes: 302, limit: 256)) {
            try CharacterTokenizer(vocabulary: [0: entry], special: [0])
        }
    }

    @Test(arguments: [
        "", " ", "[", "{", "[\"a\"", "[\"a\",]", "{\"a\"}", "{\"a\":}", "{a:1}", "[\"a\"] x", "[\"\\x\"]", "[\"\\u12\"]", "[01]",
        "[.5]",
        "[1.]", "[-]", "[1e]", "[\"a\nb\"]", "[\"\\ud83d\"]", "[\"\\ud83d\\u0041\"]", "[\"\\udc00\"]", "tru", "[\"", "\u{FEFF}",
    ]) func brokenJSONIsRefused(_ text: String) {
        #expect(throws: TokenizationError.self) { try readVocabulary(json: Array(text.utf8)) }
        #expect(throws: TokenizationError.self) { try makeTokenizer(json: Array(text.utf8)) }
    }

    @Test func deepNestingIsRefused() {
        let text = String(repeating: "[", count: 1_000_000)
        #expect(throws: TokenizationError.self) { try readVocabulary(json: Array(text.utf8)) }
    }

    @Test func textThatIsNotUTF8IsRefused() {
        #expect(throws: TokenizationError.self) { try readVocabulary(json: Array("[\"".utf8) + [0xFF] + Array("\"]".utf8)) }
    }

    @Test(arguments: [
        #"[]"#, #"{}"#, #"{"kind": 3}"#, #"{"kind":"morse"}"#, #"{"kind":"bytes","size":256}"#, #"{"kind":"characters"}"#,
        #"{"kind":"characters","vocabulary":"abc"}"#, #"{"kind":"characters","vocabulary":["a","a"]}"#,
        #"{"kind":"characters","vocabulary":["a"],"special":[0,0]}"#, #"{"kind":"characters","vocabulary":["a"],"special":0}"#,
        #"{"kind":"characters","vocabulary":["a"],"special":[-1]}"#, #"{"kind":"characters","vocabulary":["a"],"unknown":"a"}"#,
        #"{"kind":"characters","vocabulary":["a"],"unknown":-1}"#, #"{"kind":"words","vocabulary":[null]}"#,
        #"{"kind":"words","vocabulary":["a"],"lowercase":true}"#, #"{"kind":"bytes","kind":"bytes"}"#,
    ]) func badStoredTokenizerIsRefused(_ text: String) {
        #expect(throws: TokenizationError.self) { try makeTokenizer(json: Array(text.utf8)) }
    }

    @Test func everyErrorIsOneSentence() {
        let errors: [TokenizationError] = [
            .invalidJSON(offset: 1, problem: "x"), .notAVocabulary(found: "x"), .isPair, .emptyVocabulary,
            .notAString(id: 0, found: "x"), .notAnID(entry: "a\n\0", found: "x"), .idOutOfRange(entry: "a", id: 1, limit: 2),
            .tooManyEntries(count: 1, limit: 1), .duplicateEntry(String(repeating: "x", count: 99), first: 0, second: 1),
            .duplicateID(0, first: "a", second: "b"), .entryTooLong(id: 0, bytes: 1, limit: 1), .unknownKind("x"),
            .missingField(kind: "", field: "x"), .missingField(kind: "x", field: "x"), .unexpectedField(kind: "x", field: "x"),
            .wrongField(kind: "x", field: "x", expected: "x"),
        ]
        for error in errors {
            #expect(!error.description.contains("\n") && !error.description.contains("\0"))
            #expect(error.description.count < 200)
        }
    }
}
