import Archive
import Foundation
import Kernels
import Testing
import Zoo

@testable import Conversion

@Suite("In and out again")
struct RoundTripTests {
    /// Name, dtype, shape and bytes of every tensor.
    private func contents(_ path: String) throws -> [String: String] {
        let file = try Safetensors(path: path)
        var contents: [String: String] = [:]
        for entry in file.entries where entry.type.elementType != nil {
            let tensor = try file.tensor(entry)
            contents[entry.name] = "\(entry.type) \(entry.shape) \(tensor.storage.withUnsafeBytes { SHA256.hexadecimal($0) })"
        }
        return contents
    }

    @Test(
        "safetensors to .rnnz to safetensors: names, shapes and values, bit for bit",
        arguments: [
            "lstm2", "gru1_prefix", "rnn2", "onehot_lstm2", "onehot_gru1", "nobias", "projected", "bidirectional",
            "onehot_bigru2",
            "tied", "tied_noted", "half", "bfloat16",
        ])
    func torch(_ name: String) throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model(name), to: scratch.file("x.rnnz"))
        let report = try convert(from: scratch.file("x.rnnz"), to: scratch.file("y.safetensors"))
        #expect(report.format == "rnnz")
        #expect(try contents(scratch.file("y.safetensors")) == contents(Fixtures.model(name)))
    }

    @Test("An interrupt between any two stages leaves nothing", arguments: ["x.rnnz", "x.safetensors"])
    func interrupted(output: String) throws {
        let scratch = try Scratch()
        var stages = 0
        _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file(output)) {
            stages += 1
            return false
        }
        #expect(stages >= 2)
        try FileManager.default.removeItem(atPath: scratch.file(output))
        for last in 1...stages {
            var asked = 0
            #expect(throws: ArchiveError.interrupted) {
                _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file(output)) {
                    asked += 1
                    return asked == last
                }
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test("An ml5 folder leaves under TensorFlow's names")
    func ml5() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.path("ml5"), to: scratch.file("x.rnnz"))
        _ = try convert(from: scratch.file("x.rnnz"), to: scratch.file("y.safetensors"))
        let file = try Safetensors(path: scratch.file("y.safetensors"))
        #expect(file.entries.count == 7)
        for name in ["embedding", "rnnlm/softmax_w", "rnnlm/multi_rnn_cell/cell_1/basic_lstm_cell/weights"] {
            let tensor = try file.tensor(try #require(file[name]))
            let blob = try readBytes(Fixtures.path("ml5/" + name.replacing("/", with: "_")))
            #expect(tensor.storage.withUnsafeBytes { Array($0) } == blob)
        }
    }

    @Test("A folder may go to safetensors at once")
    func direct() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.path("ml5"), to: scratch.file("y.safetensors"))
        #expect(try Safetensors(path: scratch.file("y.safetensors")).entries.count == 7)
    }

    @Test("An archive to an archive: renamed, everything else kept")
    func rename() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model("onehot_lstm2"), to: scratch.file("a.rnnz"))
        let report = try convert(
            from: scratch.file("a.rnnz"), to: scratch.file("b.rnnz"), options: options(["license": "CC0"]) { $0.name = "other" })
        var (a, b) = (
            try ArchiveReader(path: scratch.file("a.rnnz")).header, try ArchiveReader(path: scratch.file("b.rnnz")).header
        )
        #expect(a.name == "a" && b.name == "other" && b.license == "CC0")
        #expect(report.selfTests.count == a.selfTests.count)
        (a.name, a.license) = (b.name, b.license)
        #expect(a == b)
    }

    @Test("An archive may be written over itself")
    func inPlace() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model("gru1_prefix"), to: scratch.file("a.rnnz"))
        _ = try convert(from: scratch.file("a.rnnz"), to: scratch.file("a.rnnz"), options: options { $0.name = "new" })
        #expect(try ArchiveReader(path: scratch.file("a.rnnz")).header.name == "new")
        #expect(scratch.names == ["a.rnnz"])
    }

    @Test("Converting twice gives the same bytes")
    func deterministic() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file("a.rnnz"), options: options { $0.name = "x" })
        _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file("b.rnnz"), options: options { $0.name = "x" })
        #expect(try readBytes(scratch.file("a.rnnz")) == readBytes(scratch.file("b.rnnz")))
    }

    @Test("A damaged archive is an error of the archive, and the output stays as it was")
    func damaged() throws {
        let scratch = try Scratch()
        _ = try convert(from: Fixtures.model("lstm2"), to: scratch.file("a.rnnz"))
        var bytes = try readBytes(scratch.file("a.rnnz"))
        bytes[bytes.count - 5] ^= 1
        try scratch.write("bad.rnnz", bytes)
        try scratch.write("out.rnnz", text: "old")
        #expect(throws: ZooError.self) { try convert(from: scratch.file("bad.rnnz"), to: scratch.file("out.rnnz")) }
        #expect(try readBytes(scratch.file("out.rnnz")) == Array("old".utf8))
    }
}
