import Archive
import Kernels

extension Safetensors {
    /// Writes a file, or leaves what stood there: the bytes go to a temporary file in the same folder, which is flushed to disk and
    /// then renamed. Quantized tensors, which the format does not have, are written as `F32`. Tensors are ordered as the reference implementation does (wide numbers first, then by name), and the header is
    /// padded so that the data is aligned.
    /// - Returns: the file's size in bytes.
    /// - Throws: `ConversionError.writeFailed`.
    @discardableResult
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
    ) throws(ConversionError) -> Int {
        let ordered = tensors.sorted {
            (numberType(of: $1.tensor.elementType).bits, $0.name) < (numberType(of: $0.tensor.elementType).bits, $1.name)
        }
        if let twice = zip(ordered, ordered.dropFirst()).first(where: { $0.name == $1.name }) {
            throw .writeFailed(path: path, reason: "two tensors are named \(twice.0.name)")
        }
        let header = try header(of: ordered, metadata: metadata, path: path)
        do throws(ArchiveError) {
            return try write(header, ordered.map(\.tensor), to: OutputFile(path: path))
        } catch { throw .writeFailed(path: path, reason: error.writingReason ?? error.description) }
    }

    private static func write(_ header: [UInt8], _ tensors: [Tensor], to file: OutputFile) throws(ArchiveError) -> Int {
        let length = UInt64(header.count)
        try file.write((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
        try file.write(header)
        for tensor in tensors {
            var failure: ArchiveError?
            tensor.dequantized.storage.withUnsafeBytes { bytes in
                do throws(ArchiveError) { try file.write(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try file.commit()
        return file.byteCount
    }

    private static func header(
        of tensors: [(name: String, tensor: Tensor)], metadata: [String: String], path: String
    ) throws(ConversionError) -> [UInt8] {
        var members: [String: JSONValue] = [:]
        if !metadata.isEmpty { members["__metadata__"] = .object(metadata.mapValues { .string($0) }) }
        var offset = 0
        for (name, tensor) in tensors {
            let type = numberType(of: tensor.elementType)
            let byteCount = tensor.count * type.bits / 8
            members[name] = .object([
                "dtype": .string(type.rawValue),
                "shape": JSONValue(tensor.shape),
                "data_offsets": JSONValue([offset, offset + byteCount]),
            ])
            offset += byteCount
        }
        var text: [UInt8]
        do throws(JSONError) {
            text = try JSONValue.object(members).serialized()
        } catch { throw .writeFailed(path: path, reason: error.description) }
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        guard text.count <= headerLimit else { throw .writeFailed(path: path, reason: "the header would be too long") }
        return text
    }

    private static func numberType(of type: ElementType) -> NumberType {
        switch type {
        case .f32, .q8, .q4: .f32
        case .f16: .f16
        case .bf16: .bf16
        }
    }
}
