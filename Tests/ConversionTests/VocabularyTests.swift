import Archive
import Testing
import Tokenization

@testable import Conversion

@Suite("Vocabularies of models")
struct VocabularyTests {
    /// The model has 11 rows.
    private func converting(_ json: String, _ settings: [String: String] = [:]) throws -> (ArchiveHeader?, ConversionError?) {
        let scratch = try Scratch()
        let path = try scratch.write("v.json", text: json)
        let options = options(settings) { $0.vocabularyPath = path }
        do {
            _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file("x.rnnz"), options: options)
            return (try ArchiveReader(path: scratch.file("x.rnnz")).header, nil)
        } catch let error as ConversionError {
            #expect(scratch.names == ["v.json"])
            return (nil, error)
        }
    }

    private func array(_ count: Int) -> String {
        "[" + (0..<count).map { "\"\(Character(Unicode.Scalar(UInt8(97 + $0))))\"" }.joined(separator: ",") + "]"
    }

    @Test("The file beside the model is read, and its digest kept")
    func beside() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file("x.rnnz"))
        let header = try ArchiveReader(path: scratch.file("x.rnnz")).header
        let tokenizer = try makeTokenizer(json: try #require(header.tokenizers["text"]).serialized())
        #expect(tokenizer.encode("ah é\n").ids == [2, 9, 1, 10, 0])
        #expect(
            header.provenance?.files.last
                == .init(name: "vocab.json", sha256: SHA256.hexadecimal(try readBytes(Fixtures.path("vocab.json")))))
    }

    @Test("Without any, ids only, and a warning")
    func none() throws {
        let scratch = try Scratch()
        let model = try scratch.copy(Fixtures.model("lstm2"), as: "m.safetensors")
        let report = try convert(from: model, to: scratch.file("x.rnnz"))
        #expect(report.warnings.contains { $0.contains("--vocab") })
        #expect(try ArchiveReader(path: scratch.file("x.rnnz")).header.tokenizers.isEmpty)
    }

    @Test("The wrong number of entries, with both numbers", arguments: [10, 12])
    func size(_ count: Int) throws {
        let (_, error) = try converting(array(count))
        guard case .vocabularySize(_, count, 11) = error else { return unexpected(error) }
        #expect(error?.category == .badData)
        #expect(error?.description.contains("\(count)") == true && error?.description.contains("11") == true)
    }

    @Test("An id out of range")
    func range() throws {
        let (_, error) = try converting(#"{"a": 0, "b": 11}"#)
        guard case .vocabularyID(_, "b", 11, 11) = error else { return unexpected(error) }
    }

    @Test("Ids may have gaps; the last row must have an entry unless it is known as padding")
    func gaps() throws {
        #expect(try converting(#"{"a": 0, "b": 10}"#).0?.unusedIDs == 0)
        let (_, error) = try converting(#"{"a": 0, "b": 9}"#)
        guard case .vocabularySize(_, 2, 11) = error else { return unexpected(error) }
        let header = try converting(#"{"a": 0, "b": 9}"#, ["padding": "10"]).0
        #expect(header?.special.padding == 10 && header?.unusedIDs == 1)
    }

    @Test(
        "Duplicates, foreign JSON and damage are bad data that names the file",
        arguments: ["{}", "[]", "5", #"["a","a"]"#, "[\"a\"", ""])
    func damaged(_ json: String) throws {
        let (_, error) = try converting(json)
        guard case .vocabulary(let path, _) = error else { return unexpected(error) }
        #expect(path.hasSuffix("v.json"))
    }

    @Test("A vocabulary that was named and is missing")
    func missing() throws {
        #expect(
            try conversionError(Fixtures.model("lstm2"), options { $0.vocabularyPath = "/no/vocab.json" })?.category
                == .inputNotFound)
    }

    @Test("Special entries are found by their names, and --set has the last word")
    func special() throws {
        let json = #"["<pad>","<s>","</s>","<unk>","a","b","c","d","e","f","g"]"#
        let found = try #require(try converting(json).0).special
        #expect(found.padding == 0 && found.start == 1 && found.end == 2 && found.unknown == 3)
        #expect(try #require(try converting(json, ["end": "4"]).0).special.end == 4)
    }
}
