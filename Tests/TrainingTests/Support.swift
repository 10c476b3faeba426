import Archive
import Foundation
import Kernels
import Training

/// A folder that is gone after the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path + "/rnnz-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }

    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

func fixture(_ name: String) throws -> JSONValue {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)")
    return try JSONValue(parsing: [UInt8](try Data(contentsOf: url)))
}

/// Random character models that PyTorch trained; the files belong to the tests of conformance.
private func goldenFile(_ name: String) throws -> [UInt8] {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: tests.appending(path: "ConformanceTests/Fixtures/torch_golden/\(name)")))
}

func golden(_ name: String) throws -> JSONValue { try JSONValue(parsing: try goldenFile("\(name).json")) }

/// The parameters before training, under PyTorch's names. Of safetensors with nothing but `f32`.
func goldenStart(_ name: String) throws -> [String: [Float]] {
    let bytes = try goldenFile("\(name)_init.safetensors")
    let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    var tensors: [String: [Float]] = [:]
    for (name, entry) in try JSONValue(parsing: Array(bytes[8..<(8 + length)])).object ?? [:] where name != "__metadata__" {
        let range = (entry["data_offsets"]?.array ?? []).compactMap(\.integer)
        tensors[name] = bytes[(8 + length + range[0])..<(8 + length + range[1])].withUnsafeBytes { raw in
            (0..<(raw.count / 4)).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }
    return tensors
}

extension JSONValue {
    var numbers: [Double] { array?.compactMap(\.number) ?? [] }
}

/// Memory of parameters, for as long as a test needs it.
final class ParameterMemory {
    let parameters: [Parameter]

    init(_ tensors: [(name: String, shape: [Int])]) {
        parameters = tensors.map { tensor in
            let count = tensor.shape.reduce(1, *)
            func zeros() -> UnsafeMutableBufferPointer<Float> {
                let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
                memory.initialize(repeating: 0)
                return memory
            }
            return Parameter(name: tensor.name, shape: tensor.shape, values: zeros(), gradient: zeros())
        }
    }

    deinit {
        for parameter in parameters {
            parameter.values.deallocate()
            parameter.gradient.deallocate()
        }
    }
}

extension UnsafeMutableBufferPointer<Float> {
    func set(_ numbers: [Double]) { for (i, x) in numbers.enumerated() { self[i] = Float(x) } }
}
