import Archive
import Foundation
import Kernels

/// A folder that is gone after the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path + "/rnnz-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try makeFolder((name as NSString).deletingLastPathComponent)
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    }
}

/// Counts in a circle: after token t comes (t + 1) mod 3, with a logit of 1 where the others have 0. The one-hot of the answer
/// is the row of the table, so every logit is exact.
enum CountingModel {
    static let program = "step(token) {\n  return table[token]\n}\n"
    static let table = Tensor(shape: [3, 3], values: [0, 1, 0, 0, 0, 1, 1, 0, 0])

    static func header() -> ArchiveHeader {
        var header = ArchiveHeader(name: "counting")
        header.program = program
        header.tokenizers["text"] = characters(["a", "b", "c"])
        header.selfTests = [
            SelfTest(origin: "a reader of the table", ids: [0, 1], logits: [0, 0, 1], greedy: [2, 0, 1, 2], tolerance: 0)
        ]
        return header
    }

    static func characters(_ characters: [String]) -> JSONValue {
        .object(["kind": .string("characters"), "vocabulary": .array(characters.map { .string($0) })])
    }
}
