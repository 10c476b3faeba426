import Archive
import Conversion
import Foundation
import Kernels
import Testing

/// Small models made by make_models.py, with the logits that PyTorch computes.
enum Fixtures {
    static let folder = Bundle.module.resourceURL?.appendingPathComponent("Fixtures").path ?? "Fixtures"

    static func path(_ name: String) -> String { "\(folder)/\(name)" }
    static func model(_ name: String) -> String { path("\(name).safetensors") }

    struct Expected: Decodable {
        struct Model: Decodable {
            let logits: [[Double]]
            let parameters: Int
        }
        struct Window: Decodable {
            let model: String
            let window: Int
            let padding: Int
            let logits: [[Double]]
        }
        let ids: [Int]
        let models: [String: Model]
        let window: Window
    }

    static func expected() throws -> Expected {
        try JSONDecoder().decode(Expected.self, from: Data(contentsOf: URL(fileURLWithPath: path("expected.json"))))
    }
}

/// Other people's models, which are read where they are and never copied.
enum Reference {
    static let folder: String? = {
        if let path = ProcessInfo.processInfo.environment["RNNZ_REFERENCE"] { return path }
        let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../shared/reference").standardized.path
        return FileManager.default.fileExists(atPath: beside) ? beside : nil
    }()

    static func has(_ name: String) -> Bool { folder.map { FileManager.default.fileExists(atPath: "\($0)/\(name)") } ?? false }
    static func path(_ name: String) -> String { "\(folder ?? "")/\(name)" }
}

/// A folder of a test's own, removed at its end.
final class Scratch {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("conversion-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(Array(bytes)).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    @discardableResult
    func write(_ name: String, text: String) throws -> String { try write(name, Array(text.utf8)) }

    /// A copy of a fixture, to be damaged.
    func copy(_ source: String, as name: String) throws -> String {
        try FileManager.default.copyItem(atPath: source, toPath: file(name))
        return file(name)
    }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

func readBytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

/// The bytes of a safetensors file: length, header, data.
func safetensors(header: String, data: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + [UInt8](repeating: 0, count: data)
}

/// A state dictionary of zeros (or of the numbers given) with these shapes.
func writeModel(_ shapes: [String: [Int]], to path: String, values: [String: [Float]] = [:]) throws {
    let tensors = shapes.map { name, shape in
        (name: name, tensor: Tensor(shape: shape, values: values[name] ?? [Float](repeating: 0.25, count: shape.reduce(1, *))))
    }
    try Safetensors.write(tensors, to: path)
}

/// The error that a conversion ends with; the output must not have come into being.
func conversionError(
    _ input: String, _ options: ConversionOptions = ConversionOptions(), to output: String? = nil
) throws -> ConversionError? {
    let scratch = try Scratch()
    let output = output ?? scratch.file("out.rnnz")
    do {
        _ = try convert(from: input, to: output, options: options)
        Issue.record("\(input) was converted")
        return nil
    } catch let error as ConversionError {
        #expect(scratch.names.isEmpty)
        // Every sentence names something: none is left to the default.
        #expect(!error.description.isEmpty && error.description != "the input cannot be converted")
        return error
    }
}

func options(_ settings: [String: String] = [:], _ change: (inout ConversionOptions) -> Void = { _ in }) -> ConversionOptions {
    var options = ConversionOptions()
    options.settings = settings
    change(&options)
    return options
}

/// An error of another kind than the test is about.
func unexpected(_ error: ConversionError?, sourceLocation: SourceLocation = #_sourceLocation) {
    Issue.record("found \(error.map { "\($0)" } ?? "no error")", sourceLocation: sourceLocation)
}
