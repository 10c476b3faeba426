import Archive
import Kernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Safetensors {
    /// Writes a file, or leaves what stood there: the bytes go to a temporary file in the same folder, which is flushed to disk and
    /// then renamed. Tensors are ordered as the reference implementation does (wide numbers first, then by name), and the header is
    /// padded so that the data is aligned.
    /// - Returns: the file's size in bytes.
    /// - Throws: `ConversionError.writeFailed`.
    @discardableResult
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
    ) throws(ConversionError) -> Int {
        let ordered = tensors.sorted { ($1.tensor.elementType.size, $0.name) < ($0.tensor.elementType.size, $1.name) }
        if let twice = zip(ordered, ordered.dropFirst()).first(where: { $0.name == $1.name }) {
            throw .writeFailed(path: path, reason: "two tensors are named \(twice.0.name)")
        }
        let header = try header(of: ordered, metadata: metadata, path: path)
        let file = try NewFile(path: path)
        let length = UInt64(header.count)
        try file.write((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
        try file.write(header)
        for (_, tensor) in ordered {
            var failure: ConversionError?
            tensor.storage.withUnsafeBytes { bytes in
                do throws(ConversionError) { try file.write(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        return try file.commit()
    }

    private static func header(
        of tensors: [(name: String, tensor: Tensor)], metadata: [String: String], path: String
    ) throws(ConversionError) -> [UInt8] {
        var members: [String: JSONValue] = [:]
        if !metadata.isEmpty { members["__metadata__"] = .object(metadata.mapValues { .string($0) }) }
        var offset = 0
        for (name, tensor) in tensors {
            members[name] = .object([
                "dtype": .string(numberType(of: tensor.elementType).rawValue),
                "shape": JSONValue(tensor.shape),
                "data_offsets": JSONValue([offset, offset + tensor.byteCount]),
            ])
            offset += tensor.byteCount
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
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        }
    }
}

/// A file being written under a temporary name. Given up, unless committed, when it is released.
private final class NewFile {
    private let path: String
    private let temporaryPath: String
    private var descriptor: Int32
    private var size = 0

    init(path: String) throws(ConversionError) {
        // A link is written through, not replaced.
        self.path = FilePaths.resolved(path) ?? path
        temporaryPath = "\(self.path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .writeFailed(path: path, reason: SourceFile.reason()) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporaryPath)
    }

    func write(_ bytes: [UInt8]) throws(ConversionError) {
        var failure: ConversionError?
        bytes.withUnsafeBytes { buffer in
            do throws(ConversionError) { try write(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ConversionError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            #if canImport(Glibc)
            let count = Glibc.write(descriptor, base + done, min(bytes.count - done, 1 << 30))
            #else
            let count = Darwin.write(descriptor, base + done, min(bytes.count - done, 1 << 30))
            #endif
            if count < 0 {
                if errno == EINTR { continue }
                throw .writeFailed(path: path, reason: SourceFile.reason())
            }
            done += count
        }
        size += done
    }

    /// Flushes, closes, and gives the file its name.
    func commit() throws(ConversionError) -> Int {
        guard fsync(descriptor) == 0 else { throw .writeFailed(path: path, reason: SourceFile.reason()) }
        guard rename(temporaryPath, path) == 0 else { throw .writeFailed(path: path, reason: SourceFile.reason()) }
        // Renamed: from here on there is nothing to give up.
        close(descriptor)
        descriptor = -1
        flushFolder()
        return size
    }

    /// Makes the renaming itself survive a crash, where the file system allows folders to be flushed.
    private func flushFolder() {
        let folder = open(FilePaths.folder(of: path), O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }
}
