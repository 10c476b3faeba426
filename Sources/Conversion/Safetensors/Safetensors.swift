import Kernels

/// A safetensors file: its table of tensors, read and checked when it is opened; the numbers are read when they are asked for.
///
/// Every length, offset, shape and dtype is checked against the file before anything is allocated for it, and the tensors must
/// cover the data exactly: no gap, no overlap, nothing after the last.
public struct Safetensors: Sendable {
    /// One tensor of the table.
    public struct Entry: Sendable, Equatable {
        public let name: String
        public let type: NumberType
        public let shape: [Int]
        /// Bytes from the beginning of the file.
        public let offset: Int
        public let byteCount: Int

        public var count: Int { shape.reduce(1, *) }
    }

    /// What the format knows as dtypes. Only floating-point numbers can be read as weights.
    public enum NumberType: String, Sendable, CaseIterable {
        case bool = "BOOL"
        case f4 = "F4"
        case f6E2M3 = "F6_E2M3"
        case f6E3M2 = "F6_E3M2"
        case u8 = "U8"
        case i8 = "I8"
        case f8E5M2 = "F8_E5M2"
        case f8E4M3 = "F8_E4M3"
        case f8E8M0 = "F8_E8M0"
        case i16 = "I16"
        case u16 = "U16"
        case f16 = "F16"
        case bf16 = "BF16"
        case i32 = "I32"
        case u32 = "U32"
        case f32 = "F32"
        case f64 = "F64"
        case i64 = "I64"
        case u64 = "U64"
        case c64 = "C64"

        /// Bits of one number; those below 8 are packed.
        public var bits: Int {
            switch self {
            case .f4: 4
            case .f6E2M3, .f6E3M2: 6
            case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0: 8
            case .i16, .u16, .f16, .bf16: 16
            case .i32, .u32, .f32: 32
            case .f64, .i64, .u64, .c64: 64
            }
        }

        /// What it is read as: `F64` is rounded to 32 bits. nil: cannot be weights.
        public var elementType: ElementType? {
            switch self {
            case .f32, .f64: .f32
            case .f16: .f16
            case .bf16: .bf16
            default: nil
            }
        }
    }

    /// The format's own limit on the header, in bytes.
    public static let headerLimit = 100_000_000

    /// In the order of their bytes in the file.
    public let entries: [Entry]
    /// The header's `__metadata__`.
    public let metadata: [String: String]
    let file: SourceFile

    public var path: String { file.path }

    /// Opens a file and checks its header.
    /// - Throws: `ConversionError`.
    public init(path: String) throws(ConversionError) {
        try self.init(file: SourceFile(path: path))
    }

    init(file: SourceFile) throws(ConversionError) {
        self.file = file
        (entries, metadata) = try SafetensorsHeader(file: file).table()
    }

    /// The entry of a name.
    public subscript(name: String) -> Entry? { entries.first { $0.name == name } }

    /// Reads one tensor. Numbers of `F64` are rounded to the nearest 32-bit float.
    /// - Throws: `ConversionError.elementTypeNotSupported` for integers and the like; reading errors.
    public func tensor(_ entry: Entry) throws(ConversionError) -> Tensor {
        guard let type = entry.type.elementType else {
            throw .elementTypeNotSupported(path: path, tensor: entry.name, type: entry.type.rawValue)
        }
        if entry.type == .f64 { return try rounded(entry) }
        return try file.tensor(type, shape: entry.shape, at: entry.offset, byteCount: entry.byteCount)
    }

    private func rounded(_ entry: Entry) throws(ConversionError) -> Tensor {
        var failure: ConversionError?
        let storage = TensorStorage(byteCount: entry.byteCount / 2) { destination in
            let floats = destination.bindMemory(to: Float.self)
            let pieceCount = 1 << 17  // numbers read at a time
            do throws(ConversionError) {
                for start in stride(from: 0, to: floats.count, by: pieceCount) {
                    let count = min(pieceCount, floats.count - start)
                    let bytes = try file.bytes(at: entry.offset + start * 8, count: count * 8)
                    bytes.withUnsafeBytes { raw in
                        for i in 0..<count {
                            floats[start + i] = Float(raw.loadUnaligned(fromByteOffset: i * 8, as: Double.self))
                        }
                    }
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return Tensor(.f32, shape: entry.shape, storage: storage)
    }
}
