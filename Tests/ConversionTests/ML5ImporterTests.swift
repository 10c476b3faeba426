import Archive
import Foundation
import Kernels
import Testing

@testable import Conversion

@Suite("ml5 folders")
struct ML5ImporterTests {
    /// A copy of the fixture whose manifest can be changed.
    private func folder(_ change: (Scratch, inout [String: [String: Any]]) throws -> Void) throws -> Scratch {
        let scratch = try Scratch()
        for name in try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("ml5")) {
            _ = try scratch.copy(Fixtures.path("ml5/\(name)"), as: name)
        }
        let data = try Data(contentsOf: URL(fileURLWithPath: scratch.file("manifest.json")))
        var manifest = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [String: Any]])
        try change(scratch, &manifest)
        try scratch.write("manifest.json", Array(try JSONSerialization.data(withJSONObject: manifest)))
        return scratch
    }

    private func error(_ change: (Scratch, inout [String: [String: Any]]) throws -> Void) throws -> ConversionError? {
        let scratch = try folder(change)
        let output = try Scratch()
        let found = try conversionError(scratch.path, to: output.file("x.rnnz"))
        #expect(output.names.isEmpty)
        return found
    }

    @Test("Both spellings of the variables; the step counter is no tensor")
    func names() throws {
        let model = try ML5Importer().convert(ConversionInput(path: Fixtures.path("ml5")), options: ConversionOptions())
        #expect(
            model.parts.map(\.name) == [
                "embedding", "cells.0.kernel", "cells.0.bias", "cells.1.kernel", "cells.1.bias", "softmax_w", "softmax_b",
            ])
        #expect(model.parts[3].sources.first?.name == "rnnlm/multi_rnn_cell/cell_1/basic_lstm_cell/weights")
        #expect(model.parts[0].sources.isEmpty)
        #expect(model.warnings.isEmpty)
        #expect(model.header.provenance?.files.count == 9)  // manifest, seven variables, vocabulary
    }

    @Test("A file name that leads out of the folder", arguments: ["../embedding", "/etc/passwd", "..", ".", "a/b", "a\u{0}b"])
    func escaping(_ name: String) throws {
        let found = try error { $1["embedding"]?["filename"] = name }
        guard case .manifestFileOutside(_, "embedding", name) = found else { return unexpected(found) }
    }

    @Test("A link that leads out of the folder")
    func link() throws {
        let found = try error { scratch, _ in
            try FileManager.default.removeItem(atPath: scratch.file("embedding"))
            try FileManager.default.createSymbolicLink(
                atPath: scratch.file("embedding"), withDestinationPath: Fixtures.path("ml5/embedding"))
        }
        guard case .manifestFileOutside(_, "embedding", "embedding") = found else { return unexpected(found) }
    }

    @Test("A file of the wrong size, and one that is missing")
    func blobs() throws {
        let short = try error { scratch, _ in try scratch.write("embedding", [1, 2, 3]) }
        guard case .blobSize(_, "embedding", 176, 3) = short else { return unexpected(short) }
        let missing = try error { scratch, _ in try FileManager.default.removeItem(atPath: scratch.file("rnnlm_softmax_b")) }
        guard case .manifestEntry(_, "rnnlm/softmax_b", _) = missing else { return unexpected(missing) }
        #expect(missing?.category == .badData)
    }

    @Test("Malformed entries")
    func entries() throws {
        let values: [[String: Any]] = [
            [:], ["filename": 5, "shape": [1]], ["filename": "embedding"], ["filename": "embedding", "shape": [-1, 4]],
            ["filename": "embedding", "shape": "11"], ["filename": "embedding", "shape": [1 << 40, 1 << 40]],
            ["filename": "embedding", "shape": [1, 1, 1, 1, 1, 1, 1, 11, 4]],
        ]
        for value in values {
            let found = try error { $1["embedding"] = value }
            guard case .manifestEntry(_, "embedding", _) = found else { return unexpected(found) }
        }
    }

    @Test("Missing variables are named together; further ones are a warning")
    func variables() throws {
        let found = try error { _, manifest in
            manifest["embedding"] = nil
            manifest["rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/bias"] = nil
        }
        #expect(found == .missingTensors(names: ["embedding", "rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/bias"]))
        let scratch = try folder { $1["learning_rate"] = ["filename": "lr", "shape": []] }
        let model = try ML5Importer().convert(ConversionInput(path: scratch.path), options: ConversionOptions())
        #expect(model.warnings.contains { $0.contains("learning_rate") })
    }

    @Test("Shapes that do not meet")
    func shapes() throws {
        let found = try error { scratch, manifest in
            manifest["rnnlm/softmax_w"]?["shape"] = [11, 5]
        }
        #expect(found == .shape(tensor: "rnnlm/softmax_w", found: [11, 5], expected: "[5, 11]"))
    }

    @Test("A manifest that is no JSON, or no object")
    func manifest() throws {
        for text in ["", "[]", "{\"a\":1,\"a\":2}", String(repeating: "[", count: 100_000)] {
            let scratch = try Scratch()
            let output = try Scratch()
            try scratch.write("manifest.json", text: text)
            let found = try conversionError(scratch.path, to: output.file("x.rnnz"))
            guard case .notJSON = found else { return unexpected(found) }
            #expect(output.names.isEmpty)
        }
    }

    @Test("Entries that are no single characters are kept, and named in a warning")
    func damagedVocabulary() throws {
        let scratch = try folder { scratch, _ in
            try scratch.write("vocab.json", text: #"{"\n":0," ":1,"":2,"b":3,"c":4,"d":5,"e":6,"  ":7,"g":8,"h":9,"é":10}"#)
        }
        let model = try ML5Importer().convert(ConversionInput(path: scratch.path), options: ConversionOptions())
        #expect(model.warnings.contains { $0.contains(#""" (2), "  " (7)"#) && $0.contains("--vocab") })
        #expect(model.header.tokenizers["text"]?["kind"] == .string("characters"))
    }

    @Test("--program does not go with a folder that brings its own")
    func program() throws {
        let scratch = try Scratch()
        let path = try scratch.write("p.rnn", text: "step(token) { return embedding[token] }")
        let found = try conversionError(Fixtures.path("ml5"), options { $0.program = path })
        guard case .unsupportedOption("--program", _) = found else { return unexpected(found) }
    }
}
