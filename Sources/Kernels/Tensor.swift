/// What one number of a tensor is stored as. The raw value is the name in an archive's header.
public enum ElementType: String, Sendable, Codable, CaseIterable {
    case f32, f16, bf16

    /// Bytes of one element.
    public var size: Int { self == .f32 ? 4 : 2 }
}

/// An immutable array of numbers with a shape: what an archive or a checkpoint holds. Row-major, little-endian.
///
/// The bytes are shared between copies and never change after initialisation.
public struct Tensor: Sendable {
    public let elementType: ElementType
    public let shape: [Int]
    /// `count * elementType.size` bytes.
    public let storage: TensorStorage

    public var count: Int { shape.reduce(1, *) }
    public var byteCount: Int { storage.byteCount }

    /// - Precondition: the storage has exactly the bytes that shape and element type ask for.
    public init(_ elementType: ElementType, shape: [Int], storage: TensorStorage) {
        precondition(storage.byteCount == shape.reduce(1, *) * elementType.size, "tensor storage does not fit its shape")
        self.elementType = elementType
        self.shape = shape
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
        base = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 64))
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
        } else {
            // Shift exponent and fraction into place and let one exact multiplication by 2^112 mend the bias, subnormals included.
            self = Float(bitPattern: magnitude << 13) * Float(bitPattern: 0x7780_0000)
            self = Float(bitPattern: bitPattern | sign)
        }
    }
}
