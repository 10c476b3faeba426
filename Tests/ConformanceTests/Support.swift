import Foundation
import Kernels

/// Files that came from others, copied beside the tests.
enum Fixtures {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let folder = tests.appending(path: "Fixtures")
    static let root = tests.deletingLastPathComponent().deletingLastPathComponent()

    static func program(_ name: String) throws -> String {
        try String(contentsOf: root.appending(path: "zoo/programs/\(name).rnn"), encoding: .utf8)
    }

    static func json(_ path: String) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: path)))
        return object as? [String: Any] ?? [:]
    }

    /// The tensors of a small float32 safetensors file: a length, a JSON header, the bytes.
    static func tensors(_ path: String) throws -> [String: Tensor] {
        let data = try Data(contentsOf: folder.appending(path: path))
        let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try JSONSerialization.jsonObject(with: data.subdata(in: 8..<8 + length)) as? [String: [String: Any]] ?? [:]
        var tensors: [String: Tensor] = [:]
        for (name, entry) in header where name != "__metadata__" {
            guard let shape = entry["shape"] as? [Int], let range = entry["data_offsets"] as? [Int],
                entry["dtype"] as? String == "F32"
            else { throw CocoaError(.fileReadCorruptFile) }
            let bytes = data.subdata(in: 8 + length + range[0]..<8 + length + range[1])
            let values = bytes.withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            tensors[name] = Tensor(shape: shape, values: values)
        }
        return tensors
    }
}

/// Nested arrays of numbers, as JSON brings them.
func matrix(_ value: Any?) -> [[Double]] { (value as? [[Any]] ?? []).map(vector) }
func cube(_ value: Any?) -> [[[Double]]] { (value as? [[[Any]]] ?? []).map { $0.map(vector) } }
func vector(_ value: Any?) -> [Double] { (value as? [Any] ?? []).compactMap { ($0 as? NSNumber)?.doubleValue } }

func largestError(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? .infinity : .infinity
}

extension Tensor {
    /// The same elements under another shape.
    func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape: shape, values: floats()) }

    func transposed() -> Tensor {
        let (rows, columns, values) = (shape[0], shape[1], floats())
        return Tensor(
            shape: [columns, rows], values: (0..<rows * columns).map { values[$0 % rows * columns + $0 / rows] })
    }
}
