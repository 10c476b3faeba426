import Archive
import Foundation
import Testing

@testable import Shell

/// PyTorch's trainings of twenty-four steps, from the command line: converted, trained on from there, converted back.
struct TrainGoldenTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ConformanceTests/Fixtures/torch_golden")

    private static func flat(_ json: JSONValue) -> [Double] { json.number.map { [$0] } ?? (json.array ?? []).flatMap(flat) }

    @Test(arguments: [
        ("charlm_lstm_sgd", ["--optimizer", "sgd", "--lr", "0.5"]),
        ("charlm_gru_sgd_momentum", ["--optimizer", "sgd", "--lr", "0.1", "--momentum", "0.9"]),
        ("charlm_gru_adam", ["--optimizer", "adam", "--lr", "0.01"]),
        ("charlm_lstm_adamw", ["--optimizer", "adamw", "--lr", "0.01", "--weight-decay", "0.05"]),
        ("charlm_rnn_rmsprop", ["--optimizer", "rmsprop", "--lr", "0.005"]),
    ]) func stepsAreThoseOfPyTorch(model: String, options: [String]) throws {
        let bench = try Bench()
        let expected = try JSONValue(parsing: [UInt8](try Data(contentsOf: Self.folder.appending(path: model + ".json"))))
        let text = try bench.file("text.txt", try #require(expected["text"]?.string))
        let vocabulary = try bench.file(
            "vocab.json", String(decoding: try #require(expected["vocab"]).serialized(), as: UTF8.self))
        let weights = Self.folder.appending(path: model + "_init.safetensors").path
        let (start, end) = (bench.path("start.rnnz"), bench.path("end.safetensors"))
        #expect(bench.subcommand("convert", weights, start, "--vocab", vocabulary).code == 0)
        let before = bench.output.results.count
        let words = [
            "--init", start, "--data", text, "--out", end, "--clip", "1", "--window", "20", "--batch", "1", "--steps", "24",
        ]
        let code = Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", words + options + ["--json"])
        #expect(code == .done)
        let lines = try bench.output.results.dropFirst(before).split(separator: "\n").map { try parsed(String($0)) }
        let losses = (expected["losses"]?.array ?? []).compactMap(\.number)
        let norms = (expected["grad_norms_before_clip"]?.array ?? []).compactMap(\.number)
        #expect(lines.count == 24 && losses.count == 24 && norms.count == 24)
        for (index, line) in lines.enumerated() {
            #expect(line["step"] as? Int == index + 1)
            #expect(abs((line["loss"] as? Double ?? .infinity) - losses[index]) <= 2e-5)
            #expect(abs((line["gradient_norm"] as? Double ?? .infinity) - norms[index]) <= 2e-5)
        }
        // Under PyTorch's names again.
        let found = try Self.safetensors(end)
        let wanted = try #require(expected["final_params"]?.object)
        #expect(Set(found.keys) == Set(wanted.keys))
        for (name, values) in found {
            let numbers = Self.flat(try #require(wanted[name]))
            #expect(values.count == numbers.count)
            #expect(zip(values, numbers).allSatisfy { abs(Double($0) - $1) <= 5e-5 }, "\(name)")
        }
    }

    /// A length, a header in JSON, the bytes.
    private static func safetensors(_ path: String) throws -> [String: [Float]] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        var tensors: [String: [Float]] = [:]
        for (name, entry) in try JSONValue(parsing: Array(bytes[8..<8 + length])).object ?? [:] where name != "__metadata__" {
            let range = (entry["data_offsets"]?.array ?? []).compactMap(\.integer)
            tensors[name] = bytes[(8 + length + range[0])..<(8 + length + range[1])].withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
        }
        return tensors
    }
}
