import Testing

@testable import Tokenization

@Suite struct VocabularyTests {
    @Test func arrayInIdOrder() throws {
        let vocabulary = try readVocabulary(json: Array(#"["<pad>", "[UNK]", "a", null, "\n", "\u00e9", "\ud83d\ude00"]"#.utf8))
        #expect(vocabulary.entries == [0: "<pad>", 1: "[UNK]", 2: "a", 4: "\n", 5: "é", 6: "😀"])
        #expect(vocabulary.special == [0, 1])
        #expect(vocabulary.kind == .characters)
        #expect(vocabulary.unknown == 1)
        #expect(vocabulary.firstSpecial(named: "eos", "pad") == 0)
        #expect(vocabulary.idLimit == 7)
        let tokenizer = try vocabulary.makeTokenizer()
        #expect(tokenizer.encode("a\né😀x<pad>").ids == [2, 4, 5, 6, 1, 0])
    }

    @Test func objectFromStringToId() throws {
        let vocabulary = try readVocabulary(json: Array("\u{FEFF} { \"b\" : 7 , \"a\":0,\r\n\t\"<>\":3} ".utf8))
        #expect(vocabulary.entries == [7: "b", 0: "a", 3: "<>"])
        #expect(vocabulary.special.isEmpty)  // nothing stands between the brackets
        #expect(vocabulary.kind == .words)
    }

    @Test func canonicallyEqualKeysStayApart() throws {
        let vocabulary = try readVocabulary(json: Array("{\"\u{E9}\":0,\"e\u{301}\":1}".utf8))
        #expect(vocabulary.entries.count == 2)
        #expect(try vocabulary.makeTokenizer().encode("e\u{301}\u{E9}").ids == [1, 0])
    }

    @Test func pairOfVocabularies() throws {
        let json = Array(#"{"src": ["<unk>", "i", "am"], "tgt": {"je": 0, "suis": 2}}"#.utf8)
        let both = try readVocabularies(json: json)
        #expect(both["source"]?.kind == .words && both["source"]?.unknown == 0)
        #expect(both["target"]?.entries == [0: "je", 2: "suis"])
        #expect(throws: TokenizationError.isPair) { try readVocabulary(json: json) }
        // An ordinary vocabulary may have these two words.
        #expect(try readVocabulary(json: Array(#"{"src": 0, "tgt": 1}"#.utf8)).entries == [0: "src", 1: "tgt"])
    }

    @Test(arguments: [#"["a","b"]"#, #"["aa","b"]"#, #"["<s>","</s>"]"#, #"["<unk>"," ","\"","\\","\u0000","\u007f","/"]"#])
    func storedFormIsReadBack(_ json: String) throws {
        let tokenizer = try readVocabulary(json: Array(json.utf8)).makeTokenizer()
        let stored = try tokenizer.json()
        let again = try makeTokenizer(json: stored)
        #expect(try again.json() == stored)
        #expect(type(of: again) == type(of: tokenizer))
        let text = "a <s>b\0\"\\/ aa b \u{7F}<unk>"
        #expect(again.encode(text) == tokenizer.encode(text))
        #expect((0..<10).allSatisfy { again.bytes(of: $0) == tokenizer.bytes(of: $0) })
    }

    @Test func storedFormKeepsGapsSpecialAndUnknown() throws {
        let tokenizer = try CharacterTokenizer(vocabulary: [2: "x", 5: "<s>"], special: [5, 9], unknown: 1)
        #expect(
            String(decoding: tokenizer.json(), as: UTF8.self)
                == #"{"kind":"characters","vocabulary":[null,null,"x",null,null,"<s>",null,null,null,null],"special":[5,9],"unknown":1}"#
        )
        let again = try makeTokenizer(json: tokenizer.json())
        #expect(again.idLimit == 10 && again.isSpecial(9) && again.encode("x?").ids == [2, 1])
        #expect(try makeTokenizer(json: ByteTokenizer().json()) is ByteTokenizer)
    }
}

@Suite struct WordTokenizerTests {
    static func tokenizer() throws -> WordTokenizer {
        try WordTokenizer(
            vocabulary: [0: "<s>", 1: "<unk>", 2: "i", 3: "am", 4: "here", 5: "l'été", 6: "."], special: [0, 1], unknown: 1)
    }

    @Test func wordsBetweenSingleSpaces() throws {
        let tokenizer = try Self.tokenizer()
        let encoding = tokenizer.encode("<s> i am here l'été .")
        #expect(encoding.ids == [0, 2, 3, 4, 5, 6])
        #expect(encoding.spans[5] == 22..<23)
        #expect(tokenizer.decode(encoding.ids) == "i am here l'été .")
    }

    @Test func unknownWordsAreReplacedAndReported() throws {
        let encoding = try Self.tokenizer().encode("i was here was")
        #expect(encoding.ids == [2, 1, 4, 1])
        #expect(encoding.unknown == [UnknownCharacter(text: "was", count: 2, offset: 2)])
        let none = try WordTokenizer(vocabulary: [0: "i"])
        #expect(none.encode("i was i").ids == [0, 0])
    }

    @Test func whiteSpaceAndSpecialTokensCutUnknownPieces() throws {
        let tokenizer = try Self.tokenizer()
        let encoding = tokenizer.encode("i am\nhere<s>i\t\r\n")
        #expect(encoding.ids == [2, 3, 4, 0, 2])
        #expect(encoding.spans == [0..<1, 2..<4, 5..<9, 9..<12, 12..<13])
        #expect(encoding.unknown.isEmpty)
    }

    @Test func theEmptyWordCountsOnlyWhereListed() throws {
        #expect(try Self.tokenizer().encode("  i  am ").ids == [2, 3])
        let listed = try WordTokenizer(vocabulary: [0: "", 1: "a", 2: "\n"])
        let text = " a  a \n a"
        #expect(listed.encode(text).ids == [0, 1, 0, 1, 2, 1])
        #expect(listed.decode(listed.encode(text).ids) == text)
    }

    @Test func piecesJoinedAreTheWhole() throws {
        let tokenizer = try Self.tokenizer()
        let text = String(repeating: "i am nowhere ", count: 60_000)
        var ids: [Int] = []
        tokenizer.encode(text) { ids += $0.ids }
        #expect(ids == tokenizer.encode(text).ids && ids.count == 180_000)
        tokenizer.encode("") { _ in Issue.record("nothing has no pieces") }
    }

    @Test func anUnknownWordOfMegabytesIsReportedShort() throws {
        let encoding = try Self.tokenizer().encode(String(repeating: "é", count: 2_000_000))
        #expect(encoding.ids == [1])
        #expect(encoding.unknown.first?.text == String(repeating: "é", count: 32))
    }

    @Test func canonicallyEqualWordsAreDifferent() throws {
        let tokenizer = try WordTokenizer(vocabulary: [0: "\u{E9}t", 1: "e\u{301}t"])
        #expect(tokenizer.encode("e\u{301}t \u{E9}t").ids == [1, 0])
    }
}

@Suite struct ByteTokenizerTests {
    @Test func everyByteIsAToken() {
        let tokenizer = ByteTokenizer()
        let encoding = tokenizer.encode("é\0")
        #expect(encoding.ids == [0xC3, 0xA9, 0] && encoding.spans == [0..<1, 1..<2, 2..<3])
        #expect(tokenizer.decode(encoding.ids) == "é\0")
        #expect(tokenizer.bytes(of: 255) == [255] && tokenizer.bytes(of: 256).isEmpty && tokenizer.bytes(of: -1).isEmpty)
        var ids: [Int] = []
        let text = String(repeating: "aé", count: 70_000)
        tokenizer.encode(text) { ids += $0.ids }
        #expect(ids == tokenizer.encode(text).ids)
    }
}
