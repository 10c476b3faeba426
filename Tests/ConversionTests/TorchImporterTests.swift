import Archive
import Kernels
import Testing

@testable import Conversion

@Suite("PyTorch names")
struct TorchImporterTests {
    private func importing(_ path: String, _ settings: [String: String] = [:]) throws -> ConvertedModel {
        try TorchImporter().convert(ConversionInput(path: path), options: options(settings))
    }

    private func error(_ shapes: [String: [Int]], _ settings: [String: String] = [:]) throws -> ConversionError? {
        let scratch = try Scratch()
        try writeModel(shapes, to: scratch.file("m.safetensors"))
        return try conversionError(scratch.file("m.safetensors"), options(settings))
    }

    private static let lstm: [String: [Int]] = [
        "embedding.weight": [7, 3], "lstm.weight_ih_l0": [8, 3], "lstm.weight_hh_l0": [8, 2], "lstm.bias_ih_l0": [8],
        "lstm.bias_hh_l0": [8], "fc.weight": [7, 2], "fc.bias": [7],
    ]

    @Test("Names of the program, and of the source")
    func names() throws {
        let model = try importing(Fixtures.model("gru1_prefix"))
        #expect(
            model.parts.map(\.name) == [
                "embedding.weight", "rnn.0.weight_ih", "rnn.0.weight_hh", "rnn.0.bias_ih", "rnn.0.bias_hh", "output.weight",
                "output.bias",
            ])
        #expect(
            model.parts.map { $0.sources.first?.name } == [
                "module.model.encoder.weight", "module.model.gru.weight_ih_l0", "module.model.gru.weight_hh_l0",
                "module.model.gru.bias_ih_l0", "module.model.gru.bias_hh_l0", "module.model.decoder.weight",
                "module.model.decoder.bias",
            ])
        #expect(model.header.architecture == "gru")
        #expect(model.warnings.isEmpty)
        let provenance = try #require(model.header.provenance)
        #expect(provenance.format == "pytorch-safetensors")
        #expect(provenance.files.map(\.name) == ["gru1_prefix.safetensors", "vocab.json"])
        #expect(provenance.files[0].sha256 == SHA256.hexadecimal(try readBytes(Fixtures.model("gru1_prefix"))))
    }

    @Test("The program of a two-layer LSTM, word for word")
    func lstmProgram() throws {
        #expect(
            try importing(Fixtures.model("lstm2")).header.program == """
                # LSTM language model: embedding, 2 layers, linear; gates i f g o.
                # embedding.weight [V, m]; rnn.L.{weight_ih [4n, m], weight_hh [4n, n], bias_ih [4n], bias_hh [4n]}; output.{weight [V, n], bias [V]}
                # V 11, m 4, n 5
                cell lstm(x, p) {
                  i, f, g, o = split(p.weight_ih @ x + p.bias_ih + p.weight_hh @ prev(h) + p.bias_hh)
                  c = sigmoid(f) * prev(c) + sigmoid(i) * tanh(g)
                  h = sigmoid(o) * tanh(c)
                  return h
                }

                step(token) {
                  x = embedding.weight[token]
                  repeat layer in rnn { x = lstm(x, layer) }
                  return output.weight @ x + output.bias
                }

                """)
    }

    @Test("One-hot input: the first layer's matrix is transposed and said to be")
    func oneHot() throws {
        let model = try importing(Fixtures.model("onehot_lstm2"))
        let part = try #require(model.parts.first)
        #expect(part.name == "input.weight" && part.tensor.shape == [11, 20])
        #expect(part.sources == [TensorEntry.Source(name: "lstm.weight_ih_l0", shape: [20, 11], steps: [.transpose])])
        let file = try Safetensors(path: Fixtures.model("onehot_lstm2"))
        let source = try file.tensor(try #require(file["lstm.weight_ih_l0"])).floats()
        var transposed: [Float] = []
        for column in 0..<11 { for row in 0..<20 { transposed.append(source[row * 11 + column]) } }
        #expect(part.tensor.floats() == transposed)
        let program = try #require(model.header.program)
        #expect(program.contains("x = lstm(input.weight[token], rnn.0)"))
        #expect(program.contains("repeat layer in rnn from 1 { x = lstm(layer.weight_ih @ x, layer) }"))
    }

    @Test("Kinds are told by shapes")
    func kinds() throws {
        let programs = [
            ("rnn2", "tanh(p.weight_ih"), ("nobias", "split(p.weight_ih @ x + p.weight_hh @ prev(h))"),
            ("projected", "p.weight_hr @ (sigmoid(o) * tanh(c))"), ("tied", "return embedding.weight @ x + output.bias"),
            ("tied_noted", "return embedding.weight @ x + output.bias"),
            ("onehot_gru1", "x = gru(input.weight[token], rnn.0)\n  return"),
            ("bidirectional", "encode(token) {"), ("bidirectional", "backward lstm(x, layer.reverse)"),
            ("onehot_bigru2", "backward gru(input.reverse.weight[token], rnn.0.reverse)"),
        ]
        for (name, text) in programs {
            let program = try #require(try importing(Fixtures.model(name)).header.program)
            #expect(program.contains(text), "\(name): \(program)")
        }
        let relu = try importing(Fixtures.model("rnn_relu"), ["nonlinearity": "relu"])
        #expect(relu.header.program?.contains("relu(p.weight_ih") == true && relu.warnings.isEmpty)
        #expect(try importing(Fixtures.model("rnn_relu")).warnings.contains { $0.contains("nonlinearity=relu") })
    }

    @Test("A window model is encode and answer")
    func window() throws {
        let model = try importing(Fixtures.model("gru1_prefix"), ["window": "4", "padding": "0"])
        #expect(model.header.program?.contains("return h: last(x)") == true)
        #expect(model.header.program?.contains("answer() { return output.weight @ encode.h + output.bias }") == true)
        #expect(try conversionError(Fixtures.model("bidirectional"), options(["window": "4"])) == .bidirectionalWindow)
    }

    @Test("Modules of one layer that are stacked; extra tensors are named")
    func stacked() throws {
        let model = try importing(Fixtures.model("stacked_extra"))
        #expect(model.parts.first { $0.name == "rnn.1.weight_ih" }?.sources.first?.name == "lstm2.weight_ih_l0")
        #expect(model.parts.first { $0.name == "rnn.1.weight_ih" }?.tensor.shape == [24, 5])
        #expect(model.warnings.contains { $0.contains("norm.num_batches_tracked, norm.weight") })
    }

    @Test("F64 is rounded with a warning; narrow types stay as they are")
    func types() throws {
        #expect(
            try importing(Fixtures.model("double")).warnings.contains { $0.contains("F64") && $0.contains("gru.weight_hh_l0") })
        #expect(try importing(Fixtures.model("half")).parts.allSatisfy { $0.tensor.elementType == .f16 })
        #expect(try importing(Fixtures.model("bfloat16")).parts.allSatisfy { $0.tensor.elementType == .bf16 })
    }

    @Test("All that is missing is named at once")
    func missing() throws {
        var shapes = Self.lstm
        shapes["lstm.weight_ih_l2"] = [8, 2]
        shapes["lstm.bias_hh_l0"] = nil
        let found = try error(shapes)
        #expect(
            found
                == .missingTensors(names: [
                    "lstm.bias_hh_l0", "lstm.weight_ih_l1", "lstm.weight_hh_l1", "lstm.bias_ih_l1", "lstm.bias_hh_l1",
                    "lstm.weight_hh_l2", "lstm.bias_ih_l2", "lstm.bias_hh_l2",
                ]))
        shapes = Self.lstm
        shapes["fc.weight"] = nil
        #expect(try error(shapes) == .noOutputLayer(columns: 2))
    }

    @Test("Shapes that do not meet are named with what is needed")
    func shapes() throws {
        for (name, shape, expected) in [
            ("embedding.weight", [7, 4], "[vocabulary, 3]"), ("fc.weight", [7, 3], "[vocabulary, 2]"), ("fc.bias", [8], "[7]"),
            ("lstm.bias_ih_l0", [9], "[8]"), ("lstm.weight_ih_l0", [9, 3], "[8, 3]"),
        ] {
            var shapes = Self.lstm
            shapes[name] = shape
            #expect(try error(shapes) == .shape(tensor: name, found: shape, expected: expected))
        }
        var shapes = Self.lstm
        shapes["lstm.weight_hh_l0"] = [8, 3]
        #expect(try error(shapes) == .cellUnknown(tensor: "lstm.weight_hh_l0", rows: 8, columns: 3))
        shapes = Self.lstm
        shapes["lstm.weight_hh_l0"] = [8]
        #expect(try error(shapes) == .shape(tensor: "lstm.weight_hh_l0", found: [8], expected: "a matrix"))
        shapes = Self.lstm
        shapes["lstm.weight_hh_l0"] = [0, 0]
        #expect(try error(shapes) == .cellUnknown(tensor: "lstm.weight_hh_l0", rows: 0, columns: 0))
    }

    @Test("What is not clear is an error that says which setting decides, and then it does")
    func ambiguous() throws {
        var two = Self.lstm
        two["decoder.weight"] = [7, 2]
        #expect(
            try error(two) == .ambiguous(what: "the output", candidates: ["decoder.weight", "fc.weight"], setting: "output=NAME"))
        let scratch = try Scratch()
        try writeModel(two, to: scratch.file("m.safetensors"))
        let model = try importing(scratch.file("m.safetensors"), ["output": "decoder.weight"])
        #expect(model.parts.contains { $0.sources.first?.name == "decoder.weight" })

        var gru = Self.lstm.filter { !$0.key.hasPrefix("lstm") }
        gru.merge(["lstm.weight_ih_l0": [6, 3], "lstm.weight_hh_l0": [6, 2]]) { $1 }
        #expect(try error(gru) == .cellContradiction(module: "lstm", name: "lstm", shape: "gru"))
        try writeModel(gru, to: scratch.file("g.safetensors"))
        #expect(try importing(scratch.file("g.safetensors"), ["cell": "gru"]).header.architecture == "gru")

        var modules = Self.lstm
        for (name, shape) in Self.lstm where name.hasPrefix("lstm") { modules["second" + name] = shape }
        #expect(
            try error(modules)
                == .ambiguous(what: "the recurrent module", candidates: ["lstm", "secondlstm"], setting: "recurrent=NAME"))
    }

    @Test("No embedding and no one-hot input of that size")
    func inputSize() throws {
        var shapes = Self.lstm
        shapes["embedding.weight"] = nil
        #expect(try error(shapes) == .inputSize(size: 3, vocabulary: 7, tensor: "lstm.weight_ih_l0"))
    }

    @Test("One-hot input beside a matrix that is named as an embedding")
    func noEmbedding() throws {
        var shapes = Self.lstm.filter { $0.key != "embedding.weight" }
        shapes["lstm.weight_ih_l0"] = [8, 7]
        shapes["encoder.weight"] = [5, 7]
        #expect(try error(shapes) == .outputVocabularyLarger(input: 5, output: 7))
        let scratch = try Scratch()
        try writeModel(shapes, to: scratch.file("m.safetensors"))
        let model = try importing(scratch.file("m.safetensors"), ["embedding": "none"])
        #expect(model.parts.first?.name == "input.weight")
        #expect(model.warnings.contains { $0.contains("encoder.weight") })
    }

    @Test("A layer that stands there twice, as a cell's and as a module's")
    func twice() throws {
        var shapes = Self.lstm
        shapes["lstm.weight_ih"] = [8, 3]
        #expect(try error(shapes) == .layersDiffer(module: "lstm", what: "names"))
    }

    @Test("More logits than tokens that can be fed back")
    func outputLarger() throws {
        var shapes = Self.lstm
        shapes["fc.weight"] = [9, 2]
        shapes["fc.bias"] = [9]
        #expect(try error(shapes) == .outputVocabularyLarger(input: 7, output: 9))
    }

    @Test("Names that a terminal would obey are shown as escapes")
    func controlCharacters() throws {
        let sentence = try #require(try error(["\u{1b}[2J.weight_ih_l0": [8, 3]])).description
        #expect(!sentence.unicodeScalars.contains { $0.value < 0x20 } && sentence.contains("u{1B}[2J.weight_hh_l0"))
    }

    @Test("A file without recurrent layers")
    func noLayers() throws {
        let found = try error(["fc.weight": [2, 2]])
        guard case .noRecurrentLayers = found else { return unexpected(found) }
        // A name that would make a thousand layers is none of PyTorch's.
        #expect(TorchNames.RecurrentName("weight_ih_l99999") == nil)
        #expect(TorchNames.RecurrentName("weight_ih_l01") == nil)
        #expect(TorchNames.RecurrentName("a.b.bias_hh_l12_reverse")?.layer == 12)
        #expect(TorchNames.RecurrentName("cells.0.weight_hh")?.isCell == true)
    }

    @Test("NaN and infinity are named with their places, and refused unless allowed")
    func notFinite() throws {
        let scratch = try Scratch()
        var weights = [Float](repeating: 0.5, count: 14)
        weights[5] = .nan
        weights[9] = -.infinity
        try writeModel(Self.lstm, to: scratch.file("m.safetensors"), values: ["fc.weight": weights])
        let found = try conversionError(scratch.file("m.safetensors"))
        #expect(found == .notFinite(tensors: [.init(tensor: "output.weight", first: [2, 1], count: 2)]))
        #expect(found?.description.contains("--allow-nan") == true)
        let report = try convert(
            from: scratch.file("m.safetensors"), to: scratch.file("m.rnnz"), options: options { $0.allowNaN = true })
        #expect(report.warnings.contains { $0.contains("output.weight (2)") })
    }
}
