/// What the numbers of a tensor are stored as. The raw value is the name in an archive's header.
public enum ElementType: String, Sendable, Codable, CaseIterable {
    case f32, f16, bf16
    /// Blocks of 32 small integers with one scale: see `Q8Block` and `Q4Block`.
    case q8, q4

    public var isQuantized: Bool { self == .q8 || self == .q4 }

    /// Bytes of the smallest piece that can be stored: of a block, or of one number where each is stored by itself.
    public var blockByteCount: Int {
        switch self {
        case .f32: 4
        case .f16, .bf16: 2
        case .q8: Q8Block.byteCount
        case .q4: Q4Block.byteCount
        }
    }

    /// Bytes of a tensor, padding of its blocks included.
    ///
    /// - Parameter blockAxis: nil: the last. Of no meaning where numbers are stored by themselves.
    /// - Returns: nil where the bytes cannot be counted, or there is no such axis.
    public func byteCount(shape: [Int], blockAxis: Int? = nil) -> Int? {
        var shape = shape
        if isQuantized {
            let axis = blockAxis ?? shape.count - 1
            guard shape.indices.contains(axis) else { return nil }
            let length = BlockLayout.blockLength
            shape[axis] = shape[axis] / length + (shape[axis] % length == 0 ? 0 : 1)
        }
        var count = 1
        for size in shape + [blockByteCount] {
            let (product, overflows) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflows else { return nil }
            count = product
        }
        return count
    }
}

/// An immutable array of numbers with a shape: what an archive or a checkpoint holds. Row-major, little-endian.
///
/// The bytes are shared between copies and never change after initialisation.
public struct Tensor: Sendable {
    public let elementType: ElementType
    public let shape: [Int]
    /// The axis that the blocks of a quantized tensor run along; nil for a tensor that is not quantized.
    public let blockAxis: Int?
    /// As many bytes as `elementType.byteCount` says: the elements in row-major order, or the blocks as `blockLayout` says.
    public let storage: TensorStorage

    public var count: Int { shape.reduce(1, *) }
    public var byteCount: Int { storage.byteCount }

    /// - Parameter blockAxis: of a quantized tensor; nil: the last.
    /// - Precondition: the storage has exactly the bytes that shape and element type ask for.
    public init(_ elementType: ElementType, shape: [Int], blockAxis: Int? = nil, storage: TensorStorage) {
        precondition(
            storage.byteCount == elementType.byteCount(shape: shape, blockAxis: blockAxis),
            "tensor storage does not fit its shape")
        self.elementType = elementType
        self.shape = shape
        self.blockAxis = elementType.isQuantized ? blockAxis ?? shape.count - 1 : nil
        self.storage = storage
    }

    /// An `f32` tensor with the given values in row-major order.
    public init(shape: [Int], values: [Float]) {
        precondition(values.count == shape.reduce(1, *), "tensor values do not fit their shape")
        self.init(
            .f32, shape: shape,
            storage: TensorStorage(byteCount: values.count * 4) { bytes in
                values.withUnsafeBytes { bytes.copyMemory(from: $0) }
            })
    }

    /// Every element as a 32-bit float, row-major.
    public func floats() -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
            convert(into: buffer)
            initialised = count
        }
    }

    /// Writes every element as a 32-bit float, row-major.
    /// - Precondition: `destination` holds `count` floats.
    public func convert(into destination: UnsafeMutableBufferPointer<Float>) {
        precondition(destination.count >= count)
        if let blockLayout { return dequantize(blockLayout, into: destination) }
        storage.withUnsafeBytes { bytes in
            switch elementType {
            case .f32:
                UnsafeMutableRawBufferPointer(destination).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * 4)]))
            case .f16:
                let halves = bytes.bindMemory(to: UInt16.self)
                for i in 0..<count { destination[i] = Float(halfBits: halves[i]) }
            case .bf16:
                let halves = bytes.bindMemory(to: UInt16.self)
                for i in 0..<count { destination[i] = Float(bitPattern: UInt32(halves[i]) << 16) }
            case .q8, .q4: break  // they have a block layout
            }
        }
    }

    /// The index of the first element that is NaN or infinite.
    public var firstNonFinite: Int? { floats().firstIndex { !$0.isFinite } }
}

/// Bytes on a 64-byte boundary, written once while being made and only read afterwards.
public final class TensorStorage: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    public let byteCount: Int

    /// The bytes are zero until `fill` writes them. `fill` may hand the buffer to several threads but must not let it escape.
    public init(byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        // Kernels read whole vectors, also at the end.
        base = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 64, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount + 64)
        self.byteCount = byteCount
        try fill(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    }

    deinit { base.deallocate() }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }
}

extension Float {
    /// The value of an IEEE 754 binary16 number. (`Float(Float16)` is a library call where the processor's baseline lacks it.)
    @inlinable
    public init(halfBits h: UInt16) {
        let sign = UInt32(h & 0x8000) << 16
        let magnitude = UInt32(h & 0x7fff)
        if magnitude >= 0x7c00 {
            self.init(bitPattern: sign | 0x7f80_0000 | (magnitude & 0x3ff) << 13)
        } else if magnitude >= 0x400 {
            self.init(bitPattern: sign | ((magnitude << 13) + 0x3800_0000))
        } else {
            // Subnormal: so many times 2^-24, which is exact.
            let value = Float(magnitude) * Float(bitPattern: 0x3380_0000)
            self.init(bitPattern: sign | value.bitPattern)
        }
    }
}
