import Foundation
import Kernels
import Testing

@testable import Archive

@Suite struct RoundTripTests {
    static let tensors: [String: Tensor] = [
        "embedding": randomTensor(.f32, [300, 70], seed: 1),
        "half": randomTensor(.f16, [3, 5, 7], seed: 2),
        "brain": randomTensor(.bf16, [1001], seed: 3),
        "scalar": Tensor(shape: [], values: [2.5]),
        "empty": Tensor(shape: [0, 4], values: []),
        "zeros": Tensor(shape: [64, 64], values: [Float](repeating: 0, count: 4096)),
    ]

    func written(_ header: ArchiveHeader, chunkByteCount: Int = 4096, threads: Int = 2) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        var writer = ArchiveWriter()
        writer.chunkByteCount = chunkByteCount
        writer.team = ThreadTeam(count: threads)
        let count = try writer.write(header, tensors: Self.tensors, to: folder.file("a.rnnz"))
        let bytes = try readFile(folder.file("a.rnnz"))
        #expect(bytes.count == count)
        #expect(folder.names == ["a.rnnz"])
        return bytes
    }

    @Test(arguments: [1, 7, 4096, 1 << 20, 1 << 30])
    func everyTensorComesBack(chunkByteCount: Int) throws {
        let reader = try ArchiveReader(bytes: try written(ArchiveHeader(name: "x"), chunkByteCount: chunkByteCount))
        let read = try reader.tensors()
        #expect(read.count == Self.tensors.count)
        for (name, tensor) in Self.tensors {
            let back = try #require(read[name])
            #expect(back.elementType == tensor.elementType)
            #expect(back.shape == tensor.shape)
            #expect(back.bytes == tensor.bytes, "\(name)")
            try reader.checkDigest(of: back, name: name)
        }
    }

    @Test func oneTensorIsReadWithoutTheRest() throws {
        var bytes = try written(ArchiveHeader(name: "x"))
        let reader = try ArchiveReader(bytes: bytes)
        let other = try reader.entry("embedding").chunks[0]
        bytes[bytes.count - reader.header.tensors.flatMap(\.chunks).reduce(0) { $0 + $1.stored } + other.offset] ^= 1
        let damaged = try ArchiveReader(bytes: bytes)
        #expect(try damaged.tensor("half").bytes == Self.tensors["half"]?.bytes)
        #expect(throws: ArchiveError.chunkChecksumMismatch(tensor: "embedding", chunk: 0)) { try damaged.tensor("embedding") }
        #expect(throws: ArchiveError.noSuchTensor(name: "other")) { try damaged.tensor("other") }
    }

    @Test func theBytesDoNotDependOnThreads() throws {
        #expect(try written(ArchiveHeader(name: "x"), threads: 1) == written(ArchiveHeader(name: "x"), threads: 3))
    }

    @Test func listedTensorsKeepTheirOrder() throws {
        var header = ArchiveHeader(name: "x")
        header.tensors = [TensorEntry(name: "zeros"), TensorEntry(name: "half")]
        let names = try ArchiveReader(bytes: try written(header)).header.tensors.map(\.name)
        #expect(names == ["zeros", "half", "brain", "embedding", "empty", "scalar"])
    }

    @Test func zerosStayWithinTheExpansionLimit() throws {
        let entry = try ArchiveReader(bytes: try written(ArchiveHeader(name: "x"), chunkByteCount: 1 << 20)).entry("zeros")
        #expect(entry.chunks.count == 1)
        #expect(entry.chunks[0].stored < 16384 / 7)
        #expect(entry.chunks[0].stored * ArchiveFormat.expansionLimit >= 16384)
    }

    @Test func weightsShrinkAndNoiseIsStoredRaw() throws {
        let reader = try ArchiveReader(bytes: try written(ArchiveHeader(name: "x"), chunkByteCount: 1 << 20))
        let weights = try reader.entry("embedding").chunks[0]
        #expect(weights.encoding == .planes)
        #expect(weights.stored < weights.size * 93 / 100)
        #expect(try reader.entry("scalar").chunks[0].encoding == .raw)
    }

    @Test func everyFieldOfTheHeaderComesBack() throws {
        var header = ArchiveHeader(name: "näme \"quoted\"\n\u{1}😀")
        header.architecture = "gru"
        header.description = "d"
        header.license = "MIT"
        header.provenance = Provenance(
            format: "f", files: [.init(name: "a.pt", sha256: String(repeating: "0a", count: 32))], converter: "c", note: "n")
        header.program = "step(token) { return E[token] }"
        header.hyperparameters = [
            "eps": 1e-5, "third": 1.0 / 3, "huge": 1.7976931348623157e308, "tiny": .leastNonzeroMagnitude, "minus": -0.0,
        ]
        header.tokenizers = ["text": .object(["a": .array([.null, .bool(true), .number(0.1), .string("\u{0}")])])]
        header.special.start = 5
        header.special.end = 6
        header.special.unknown = 0
        header.special.padding = 7
        header.special.startText = "\n"
        header.unusedIDs = 3
        header.window = 9
        header.sourceLimit = 10
        header.targetLimit = 11
        header.generation = ["temperature": .number(0.7)]
        header.selfTests = [
            SelfTest(origin: "o", ids: [1, 2], logits: [0.1, -1e-300, Double(Float(0.1))], greedy: [3], tolerance: 1e-6),
            SelfTest(origin: "p", ids: [1], tolerance: 0),
        ]
        header.tensors = [
            TensorEntry(
                name: "half",
                sources: [
                    .init(
                        name: "h.old", shape: [1, 3, 7, 5],
                        steps: [.squeeze(axis: 0), .transpose, .reshape([105]), .reshape([3, 5, 7]), .rows(from: 0, to: 2)]),
                    .init(name: "i.old", shape: [1, 5, 7]),
                ])
        ]
        var read = try ArchiveReader(bytes: try written(header)).header
        #expect(read.hyperparameters["minus"]?.sign == .minus)
        #expect(read.tensors[0].sources == header.tensors[0].sources)
        read.tensors = header.tensors
        #expect(read == header)
        header.tensors = []
        let coded = try JSONDecoder().decode(ArchiveHeader.self, from: JSONEncoder().encode(header))
        #expect(coded == header)
    }

    @Test func anArchiveMayHoldNoTensors() throws {
        let folder = try TemporaryFolder()
        try ArchiveWriter().write(ArchiveHeader(name: "t"), tensors: [:], to: folder.file("t.rnnz"))
        let reader = try ArchiveReader(path: folder.file("t.rnnz"))
        #expect(reader.header == ArchiveHeader(name: "t"))
        #expect(try reader.tensors().isEmpty)
    }

    @Test func bytePlanesAreRegrouped() {
        let source: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        var planes = [UInt8](repeating: 0, count: 8)
        for (size, expected) in [(4, [1, 5, 2, 6, 3, 7, 4, 8]), (2, [1, 3, 5, 7, 2, 4, 6, 8])] as [(Int, [UInt8])] {
            source.withUnsafeBytes { from in
                planes.withUnsafeMutableBytes { BytePlanes.split(from, elementSize: size, into: $0) }
            }
            #expect(planes == expected)
        }
    }
}

/// Against readers and writers that share no code with ours.
@Suite struct IndependentImplementationTests {
    static let hasNumPy = runPython(["-c", "import numpy"]).status == 0

    static func runPython(_ arguments: [String]) -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        guard (try? process.run()) != nil else { return (-1, "") }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// The float32 values of a .npy file: a magic, a version, a length, a text, the values.
    static func npy(_ path: String) throws -> [Float] {
        let bytes = try readFile(path)
        let start = 10 + Int(bytes.littleEndian(at: 8, as: UInt16.self))
        return stride(from: start, to: bytes.count, by: 4).map {
            Float(bitPattern: bytes.littleEndian(at: $0, as: UInt32.self))
        }
    }

    @Test(.enabled(if: hasNumPy, "needs python3 with NumPy"))
    func thePythonReaderReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        var writer = ArchiveWriter()
        writer.chunkByteCount = 5000
        var header = ArchiveHeader(name: "für Python")
        header.hyperparameters = ["eps": 1e-5]
        try writer.write(header, tensors: RoundTripTests.tensors, to: folder.file("a.rnnz"))
        let run = Self.runPython(["\(sourceFolder)/reader/read_rnnz.py", folder.file("a.rnnz"), folder.path])
        try #require(run.status == 0, "\(run.output)")
        let entries = try ArchiveReader(path: folder.file("a.rnnz")).header.tensors
        for (i, entry) in entries.enumerated() {
            let tensor = try #require(RoundTripTests.tensors[entry.name])
            #expect(try Self.npy(folder.file("\(i).npy")).map(\.bitPattern) == tensor.floats().map(\.bitPattern))
        }
        let json = try JSONValue(parsing: readFile(folder.file("header.json")))
        #expect(json["name"]?.string == "für Python")
        #expect(json["hyperparameters"]?["eps"]?.number == 1e-5)
    }

    /// Written by Fixtures/make_v1.py. Version 1 stays readable for ever.
    @Test func version1IsReadable() throws {
        let reader = try ArchiveReader(path: try fixture("v1.rnnz"))
        let tensors = try reader.tensors()
        #expect(reader.header.tensors.map(\.name) == ["embedding", "layers.0.W", "layers.0.b", "out.weight", "scale", "nothing"])
        #expect(reader.header.tensors.map(\.dtype) == [.f32, .f16, .bf16, .f32, .f32, .f32])
        #expect(reader.header.tensors.map(\.shape) == [[20, 16], [24, 16], [24], [20, 6], [], [0, 3]])
        #expect(reader.header.tensors.map(\.chunks.count) == [3, 3, 1, 3, 1, 0])
        for (name, tensor) in tensors {
            let expected: [Float] = (0..<tensor.count).map { i in Float(37 * i % 101 - 50) / 16 }
            #expect(tensor.floats() == expected, "\(name)")
            try reader.checkDigest(of: tensor, name: name)
        }
    }

    @Test func theHeaderOfVersion1IsReadable() throws {
        let header = try ArchiveReader(path: try fixture("v1.rnnz")).header
        #expect(header.name == "version 1")
        #expect(header.description?.hasSuffix("ä€😀") == true)
        #expect(header.provenance?.files == [.init(name: "make_v1.py", sha256: String(repeating: "0", count: 64))])
        #expect(header.program?.contains("return out.weight @ embedding[token]") == true)
        #expect(header.hyperparameters == ["eps": 1e-5, "heads": 2])
        #expect(header.tokenizers["text"]?["list"] == .array([.number(1), .number(2.5), .bool(true), .null, .string("x\u{0}y")]))
        #expect(header.special.startText == "\n")
        let special = header.special
        #expect([special.unknown, special.start, special.end, special.padding] == [0, 1, 2, 3])
        #expect([header.unusedIDs, header.window, header.sourceLimit, header.targetLimit] == [4, 12, 100, 200])
        #expect(header.generation == ["temperature": .number(0.5), "top-k": .number(0)])
        #expect(
            header.selfTests
                == [SelfTest(origin: "NumPy", ids: [1, 2], logits: [0.1, -2.5e-7, 3], greedy: [2], tolerance: 1e-5)])
        #expect(header.tensors[1].source?.steps == [.squeeze(axis: 0), .transpose])
        #expect(header.tensors[2].sources.map(\.steps) == [[.reshape([16])], [.rows(from: 1, to: 9)]])
    }
}
