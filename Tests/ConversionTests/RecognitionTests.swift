import Testing

@testable import Conversion

@Suite("Recognition")
struct RecognitionTests {
    @Test("Files are known by their first bytes, whatever their names")
    func contents() {
        let cases: [([UInt8], FileContent)] = [
            ([], .empty),
            ([0x89] + Array("RNNZ\r\n\u{1a}".utf8), .rnnz),
            (safetensors(header: "{}"), .safetensors),
            (Array("PK\u{3}\u{4}........archive/data.pkl".utf8), .torchZip),
            (Array("PK\u{3}\u{4}....metadata.json....config.json".utf8), .kerasZip),
            (Array("PK\u{3}\u{4}....a.npy".utf8), .numpyZip),
            (Array("PK\u{3}\u{4}....a.txt".utf8), .zip),
            ([0x80, 0x02, 0x8a, 0x0a], .pickle),
            ([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a], .hdf5),
            (Array("GGUF\u{3}".utf8), .gguf),
            (Array("lmgg".utf8), .ggml),
            ([0x08, 0x07, 0x12, 0x07] + Array("pytorch".utf8), .onnx),
            ([0x93] + Array("NUMPY".utf8), .numpy),
            ([0x1f, 0x8b, 8], .gzip),
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), .gitLFSPointer),
            (Array("\n<!DOCTYPE html><html>".utf8), .webPage),
            (Array(" {\"a\": 1}".utf8), .json),
            (Array("hello".utf8), .text),
            ([0xff, 0, 1, 2, 3], .unknown),
        ]
        for (bytes, content) in cases { #expect(FileContent(bytes) == content) }
    }

    /// Headers whose lengths begin as a pickle of protocols 2 to 5 does, or as gzip.
    @Test("A header's length is not mistaken for another format", arguments: [0x280, 0x380, 0x480, 0x580, 0x8b1f])
    func lengthsThatLookLikeMagicNumbers(length: Int) {
        #expect(FileContent(safetensors(header: "{" + String(repeating: " ", count: length - 2) + "}")) == .safetensors)
    }

    @Test("A foreign file: what it is, what to do, what is recognised")
    func foreign() throws {
        let scratch = try Scratch()
        let path = try scratch.write("model.pt", Array("PK\u{3}\u{4}........archive/data.pkl".utf8))
        let error = try #require(try conversionError(path))
        #expect(error.category == .badData)
        #expect(error.description.contains("a PyTorch checkpoint (zip)"))
        #expect(error.description.contains("save_file"))
        for importer in builtInImporters { #expect(error.description.contains(type(of: importer).summary)) }
        for (name, text) in [("a.bin", "version https://git-lfs.github.com/spec/v1"), ("a.rnn", "step(x) {"), ("a.json", "{}")] {
            guard case .unrecognised = try conversionError(try scratch.write(name, text: text)) else {
                Issue.record("\(name) was recognised")
                continue
            }
        }
    }

    @Test("What looks like nothing is taken at its name, so that the error says what is wrong")
    func damaged() throws {
        let scratch = try Scratch()
        let empty = try conversionError(try scratch.write("empty.safetensors", []))
        #expect(empty == .safetensorsTooShort(path: scratch.file("empty.safetensors"), size: 0))
        let noise = try conversionError(try scratch.write("noise.safetensors", [9, 1, 255, 3, 4, 5, 6, 7, 8, 9, 10]))
        guard case .safetensorsHeaderLength = noise else { return unexpected(noise) }
    }

    @Test("A missing input, an empty folder, several checkpoints")
    func inputs() throws {
        let scratch = try Scratch()
        let elsewhere = try Scratch()
        let output = elsewhere.file("out.rnnz")
        #expect(try conversionError("/no/such/model")?.category == .inputNotFound)
        let empty = try conversionError(scratch.path, to: output)
        guard case .unrecognised(_, "a folder", _, _) = empty else { return unexpected(empty) }
        _ = try scratch.copy(Fixtures.model("lstm2"), as: "a.bin")
        _ = try scratch.copy(Fixtures.model("lstm2"), as: "b.bin")
        #expect(
            try conversionError(scratch.path, to: output)
                == .severalCheckpoints(path: scratch.path, names: ["a.bin", "b.bin"]))
        #expect(elsewhere.names.isEmpty)
    }

    @Test("--from names the format: an unknown one, and one that does not fit")
    func from() throws {
        let unknown = try conversionError(Fixtures.model("lstm2"), options { $0.from = "ml5-charnn" })
        guard case .unknownFormat("ml5-charnn", "ml5-charrnn", _) = unknown else { return unexpected(unknown) }
        #expect(unknown?.category == .words)
        let wrong = try conversionError(Fixtures.model("lstm2"), options { $0.from = "ml5-charrnn" })
        #expect(wrong == .formatDoesNotFit(path: Fixtures.model("lstm2"), format: "ml5-charrnn", content: "a safetensors file"))
        let bare = try conversionError(Fixtures.model("lstm2"), options { $0.from = "safetensors" })
        #expect(bare == .programRequired(format: "safetensors"))
    }

    @Test("Outputs that cannot be")
    func outputs() throws {
        let scratch = try Scratch()
        #expect(try conversionError(Fixtures.model("lstm2"), to: "x.onnx") == .outputKind(path: "x.onnx"))
        let nowhere = scratch.file("none/x.rnnz")
        guard case .writeFailed(nowhere, _) = try conversionError(Fixtures.model("lstm2"), to: nowhere) else {
            Issue.record("written to a folder that is not there")
            return
        }
    }

    @Test("Options that are not built yet are refused, not ignored")
    func unbuilt() throws {
        let changes: [(inout ConversionOptions) -> Void] = [
            { $0.mappingPath = "m.json" }, { $0.tokenizerPath = "t.json" },
        ]
        for change in changes {
            let error = try conversionError(Fixtures.model("lstm2"), options([:], change))
            guard case .unsupportedOption = error else { return unexpected(error) }
        }
    }
}
