import Archive
import Foundation
import Kernels
import Network
import Testing
import Zoo

@testable import Conversion

@Suite("Quantizing")
struct QuantizingTests {
    private func load(_ path: String) throws -> (header: ArchiveHeader, tensors: [String: Tensor]) {
        let reader = try ArchiveReader(path: path)
        return (reader.header, try reader.tensors())
    }

    /// Random weights [out, in] of sizes that make blocks worth it, under a program with every use of a tensor.
    private func checkpoint(_ scratch: Scratch, program: String, _ shapes: [String: [Int]], scale: Float = 0.3) throws -> (
        input: String, options: ConversionOptions
    ) {
        var state: UInt64 = 42
        var values: [String: [Float]] = [:]
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            values[name] = (0..<shape.reduce(1, *)).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return scale * (Float(state >> 40) / Float(1 << 23) - 1)
            }
        }
        try writeModel(shapes, to: scratch.file("m.safetensors"), values: values)
        let path = try scratch.write("p.rnn", text: program)
        return (scratch.file("m.safetensors"), options { $0.program = path })
    }

    static let program = """
        step(token) {
          x = embedding[token] + bias
          h = tanh(x @ kernel + recurrent @ prev(h, start: first))
          return output @ (h * gain)
        }
        """
    static let shapes = [
        "embedding": [40, 48], "bias": [48], "kernel": [48, 64], "recurrent": [64, 64], "first": [64], "output": [40, 64],
        "gain": [64],
    ]

    @Test("Matrices are converted, along the axis that their products sum over; the rest is not", arguments: quantizedTypes)
    func tensors(type: ElementType) throws {
        let scratch = try Scratch()
        var (input, options) = try checkpoint(scratch, program: Self.program, Self.shapes)
        _ = try convert(from: input, to: scratch.file("exact.rnnz"), options: options)
        options.quantize = type
        let report = try convert(from: input, to: scratch.file("small.rnnz"), options: options)
        let (exact, small) = (try load(scratch.file("exact.rnnz")), try load(scratch.file("small.rnnz")))
        let axes = ["embedding": 1, "kernel": 0, "recurrent": 1, "output": 1]
        let quantization = try #require(report.quantization)
        #expect(quantization.type == type.rawValue && Set(quantization.tensors) == Set(axes.keys))
        #expect(quantization.bytesBefore == exact.tensors.values.reduce(0) { $0 + $1.byteCount })
        #expect(quantization.bytesAfter == small.tensors.values.reduce(0) { $0 + $1.byteCount })
        for (name, tensor) in exact.tensors {
            let stored = try #require(small.tensors[name])
            guard let axis = axes[name] else {
                #expect(stored.elementType == .f32 && stored.floats() == tensor.floats(), "\(name)")
                continue
            }
            let expected = try tensor.converted(to: type, blockAxis: type.isQuantized ? axis : nil)
            #expect(stored.elementType == type && stored.blockAxis == (type.isQuantized ? axis : nil), "\(name)")
            #expect(stored.floats() == expected.floats(), "\(name)")
        }
        let verification = try verify(path: scratch.file("small.rnnz"))
        #expect(verification.passed)
    }

    @Test("An archive and the checkpoint that it came from give the same tensors", arguments: quantizedTypes)
    func fromArchive(type: ElementType) throws {
        let scratch = try Scratch()
        var (input, options) = try checkpoint(scratch, program: Self.program, Self.shapes)
        _ = try convert(from: input, to: scratch.file("exact.rnnz"), options: options)
        options.quantize = type
        _ = try convert(from: input, to: scratch.file("a.rnnz"), options: options)
        _ = try convert(
            from: scratch.file("exact.rnnz"), to: scratch.file("b.rnnz"), options: ConversionTests.options { $0.quantize = type })
        let (a, b) = (try load(scratch.file("a.rnnz")), try load(scratch.file("b.rnnz")))
        #expect(a.header.tensors.map(\.sha256) == b.header.tensors.map(\.sha256))
        #expect(a.header.selfTests == b.header.selfTests)
    }

    @Test("Self-tests are made anew: those of the exact weights would not be met")
    func selfTests() throws {
        let scratch = try Scratch()
        var (input, options) = try checkpoint(scratch, program: Self.program, Self.shapes)
        _ = try convert(from: input, to: scratch.file("exact.rnnz"), options: options)
        let exact = try #require(try load(scratch.file("exact.rnnz")).header.selfTests.first)
        for type in quantizedTypes {
            options.quantize = type
            _ = try convert(from: input, to: scratch.file("small.rnnz"), options: options)
            let small = try load(scratch.file("small.rnnz"))
            let test = try #require(small.header.selfTests.first)
            #expect(test.ids == exact.ids && test.logits != exact.logits)
            let largest = max(1, test.logits?.map { abs($0) }.max() ?? 0)
            if type.isQuantized {
                #expect(test.tolerance >= largest / 200 && test.tolerance <= largest / 5)
            } else {
                #expect(test.tolerance == 1e-5 * largest)
            }
            // The answers are those of the stored numbers, as f32, without any rounding of vectors.
            let network = try Network(
                program: Self.program, hyperparameters: [:], tensors: small.tensors.mapValues(\.widened))
            #expect(test.logits == (try network.interpret(test.ids)).last)
            // An integer product would stay within the tolerance.
            let quantized = try Network(program: Self.program, hyperparameters: [:], tensors: small.tensors)
            #expect(quantized.hasIntegerProducts == type.isQuantized)
            let rounded = try #require(try quantized.interpret(test.ids, roundingActivations: true).last)
            for (a, b) in zip(rounded, test.logits ?? []) { #expect(abs(a - b) <= test.tolerance) }
        }
    }

    @Test("A model that cannot stand rounded vectors is not written")
    func coarse() throws {
        let scratch = try Scratch()
        // One element of the vector is so large that the others, which decide, have no bits left.
        let program = "step(token) { return output @ (embedding[token] + big) - correction }"
        try writeModel(
            ["embedding": [40, 64], "output": [40, 64], "big": [64], "correction": [40]], to: scratch.file("m.safetensors"),
            values: [
                "embedding": (0..<2560).map { Float(($0 * 7919) % 13) / 6 - 1 },
                "output": (0..<2560).map { $0 % 64 == 0 ? 1 : Float(($0 * 104729) % 11) / 5 - 1 },
                "big": (0..<64).map { $0 == 0 ? 100 : 0 }, "correction": [Float](repeating: 100, count: 40),
            ])
        let path = try scratch.write("p.rnn", text: program)
        let found = try conversionError(scratch.file("m.safetensors"), options { ($0.program, $0.quantize) = (path, .q8) })
        guard case .roundingTooCoarse(let error, let limit) = found else { return unexpected(found) }
        #expect(error > limit && found?.category == .failed)
        _ = try convert(
            from: scratch.file("m.safetensors"), to: scratch.file("f16.rnnz"),
            options: options { ($0.program, $0.quantize) = (path, .f16) })
    }

    @Test("What would not become smaller stays as it is, and is told")
    func nothingToGain() throws {
        let scratch = try Scratch()
        // A gather of rows of 5, products over 4 and 5: blocks of 32 would be larger than the numbers.
        let small = try convert(
            from: Fixtures.model("lstm2"), to: scratch.file("a.rnnz"), options: options { $0.quantize = .q8 })
        #expect(small.quantization == nil && small.warnings.contains { $0.contains("becomes smaller as q8") })
        #expect(try load(scratch.file("a.rnnz")).header.tensors.allSatisfy { $0.dtype == .f32 })
        let half = try convert(
            from: Fixtures.model("half"), to: scratch.file("b.rnnz"), options: options { $0.quantize = .bf16 })
        #expect(half.quantization == nil)
        #expect(try load(scratch.file("b.rnnz")).header.tensors.allSatisfy { $0.dtype == .f16 })
    }

    @Test("Numbers that a type cannot hold: their tensor stays as it was, with a warning")
    func outOfRange() throws {
        let scratch = try Scratch()
        let program = "step(token) { return 0.0000001 * (output @ embedding[token]) }"
        try writeModel(
            ["embedding": [40, 64], "output": [40, 64]], to: scratch.file("m.safetensors"),
            values: ["output": [1e7] + [Float](repeating: 1, count: 2559)])
        let path = try scratch.write("p.rnn", text: program)
        for type in [ElementType.f16, .q8, .q4] {
            let report = try convert(
                from: scratch.file("m.safetensors"), to: scratch.file("x.rnnz"),
                options: options { ($0.program, $0.quantize) = (path, type) })
            #expect(report.warnings.contains { $0.contains("output") && $0.contains("too large for \(type)") })
            let tensors = try load(scratch.file("x.rnnz")).tensors
            #expect(tensors["output"]?.elementType == .f32 && tensors["embedding"]?.elementType == type)
        }
    }

    @Test("Weights that are NaN are refused as ever; allowed, their tensor stays as it was")
    func notFinite() throws {
        let scratch = try Scratch()
        let program = "step(token) { return output @ embedding[token] }"
        try writeModel(
            ["embedding": [40, 64], "output": [40, 64]], to: scratch.file("m.safetensors"),
            values: ["embedding": [Float](repeating: 1, count: 2496) + [Float](repeating: .nan, count: 64)])
        let path = try scratch.write("p.rnn", text: program)
        var options = options { ($0.program, $0.quantize) = (path, .q8) }
        guard case .notFinite = try conversionError(scratch.file("m.safetensors"), options) else {
            Issue.record("NaN was converted")
            return
        }
        options.allowNaN = true
        let report = try convert(from: scratch.file("m.safetensors"), to: scratch.file("x.rnnz"), options: options)
        #expect(report.quantization?.tensors == ["output"])
        #expect(report.warnings.contains { $0.contains("embedding (it has values that are NaN or infinite)") })
    }

    @Test("A scale in an archive that is not finite is found as any such number is")
    func scaleNotFinite() throws {
        let scratch = try Scratch()
        var header = ArchiveHeader(name: "x")
        header.program = "step(token) { return table[token] }"
        let table = Tensor(
            .q8, shape: [3, 33],
            storage: TensorStorage(byteCount: 6 * 34) { $0.storeBytes(of: 0x7c00, toByteOffset: 3 * 34, as: UInt16.self) })
        try ArchiveWriter().write(header, tensors: ["table": table], to: scratch.file("x.rnnz"))
        let error = try conversionError(scratch.file("x.rnnz"))
        #expect(error == .notFinite(tensors: [.init(tensor: "table", first: [1, 32], count: 1)]))
    }

    @Test("Quantized weights leave as f32, with the source's names and shapes")
    func leaving() throws {
        let scratch = try Scratch()
        var (input, options) = try checkpoint(scratch, program: Self.program, Self.shapes)
        options.quantize = .q4
        _ = try convert(from: input, to: scratch.file("small.rnnz"), options: options)
        _ = try convert(from: scratch.file("small.rnnz"), to: scratch.file("out.safetensors"))
        let small = try load(scratch.file("small.rnnz")).tensors
        let file = try Safetensors(path: scratch.file("out.safetensors"))
        #expect(Set(file.entries.map(\.name)) == Set(Self.shapes.keys))
        for entry in file.entries {
            #expect(entry.type == .f32 && entry.shape == Self.shapes[entry.name])
            #expect(try file.tensor(entry).floats() == small[entry.name]?.floats())
        }
        // Straight to safetensors there is nothing to quantize.
        guard case .unsupportedOption("--quantize", _) = try conversionError(input, options, to: scratch.file("y.safetensors"))
        else {
            Issue.record("safetensors were quantized")
            return
        }
    }

    @Test("What is quantized already is quantized further with a warning, and not made larger")
    func twice() throws {
        let scratch = try Scratch()
        var (input, options) = try checkpoint(scratch, program: Self.program, Self.shapes)
        options.quantize = .q8
        _ = try convert(from: input, to: scratch.file("q8.rnnz"), options: options)
        let again = ConversionTests.options { $0.quantize = .q4 }
        let report = try convert(from: scratch.file("q8.rnnz"), to: scratch.file("q4.rnnz"), options: again)
        #expect(report.quantization?.tensors.count == 4)
        #expect(report.warnings.contains { $0.contains("quantized before") && $0.contains("recurrent") })
        for type in [ElementType.q8, .f16] {
            let same = ConversionTests.options { $0.quantize = type }
            let report = try convert(from: scratch.file("q8.rnnz"), to: scratch.file("same.rnnz"), options: same)
            #expect(report.quantization == nil)
            let (a, b) = (try load(scratch.file("q8.rnnz")).header, try load(scratch.file("same.rnnz")).header)
            #expect(a.tensors.map(\.sha256) == b.tensors.map(\.sha256) && a.selfTests == b.selfTests)
        }
    }

    /// One tensor of a source under two names, looked up and multiplied the other way: quantized alike, or it could not be restored.
    @Test("Tied weights are quantized alike")
    func tied() throws {
        let scratch = try Scratch()
        var header = ArchiveHeader(name: "tied")
        header.program = "step(token) { h = tanh(W @ prev(h) + embedding[token])\n return output @ h + 0.01 * (h @ twin) }"
        let shared = Tensor(shape: [40, 40], values: (0..<1600).map { Float(($0 * 7919) % 101) / 100 - 0.5 })
        let source = TensorEntry.Source(name: "shared", shape: [40, 40])
        let names = ["embedding", "output", "twin"]
        header.tensors = names.map { TensorEntry(name: $0, source: source) }
        let tensors = ["W": Tensor(shape: [40, 40], values: shared.floats().map { $0 / 2 })]
            .merging(names.map { ($0, shared) }) { $1 }
        try ArchiveWriter().write(header, tensors: tensors, to: scratch.file("x.rnnz"))
        let options = ConversionTests.options { $0.quantize = .q4 }
        _ = try convert(from: scratch.file("x.rnnz"), to: scratch.file("y.rnnz"), options: options)
        let entries = try load(scratch.file("y.rnnz")).header.tensors
        #expect(entries.allSatisfy { $0.dtype == .q4 && $0.blockAxis == nil })
        #expect(Set(entries.filter { $0.name != "W" }.map(\.sha256)).count == 1)
        _ = try convert(from: scratch.file("y.rnnz"), to: scratch.file("z.safetensors"))
        #expect(try Safetensors(path: scratch.file("z.safetensors"))["shared"]?.type == .f32)
    }

    @Test("An interrupt between any two tensors leaves nothing")
    func interrupted() throws {
        let scratch = try Scratch()
        var (input, options) = try checkpoint(scratch, program: Self.program, Self.shapes)
        var counts: [Int] = []
        for type in [nil, ElementType.q4] {
            options.quantize = type
            var asked = 0
            _ = try convert(from: input, to: scratch.file("x.rnnz"), options: options) {
                asked += 1
                return false
            }
            counts.append(asked)
        }
        #expect(counts[1] == counts[0] + 4)
        try FileManager.default.removeItem(atPath: scratch.file("x.rnnz"))
        for last in 1...counts[1] {
            var asked = 0
            #expect(throws: ArchiveError.interrupted) {
                _ = try convert(from: input, to: scratch.file("x.rnnz"), options: options) {
                    asked += 1
                    return asked == last
                }
            }
        }
        #expect(scratch.names == ["m.safetensors", "p.rnn"])
    }

    @Test("A tokenizer alone has nothing to quantize")
    func tokenizerAlone() throws {
        let scratch = try Scratch()
        var header = ArchiveHeader(name: "t")
        header.tokenizers["text"] = .object(["kind": .string("bytes")])
        try ArchiveWriter().write(header, tensors: [:], to: scratch.file("t.rnnz"))
        let options = ConversionTests.options { $0.quantize = .q8 }
        let report = try convert(from: scratch.file("t.rnnz"), to: scratch.file("u.rnnz"), options: options)
        #expect(report.quantization == nil && report.warnings.contains { $0.contains("no program") })
    }
}
