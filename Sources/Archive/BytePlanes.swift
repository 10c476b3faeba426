/// The bytes of many numbers, regrouped: first the lowest byte of each, then the next, to the highest. A float's sign, exponent
/// and first bits of fraction then stand together, and only they are what compresses. The blocks of quantized tensors are regrouped
/// in the same way, as if each were one number of 34 or 18 bytes: their scales compress like other floats.
enum BytePlanes {
    /// - Precondition: both have the same size, a multiple of `elementSize`.
    static func split(_ source: UnsafeRawBufferPointer, elementSize: Int, into planes: UnsafeMutableRawBufferPointer) {
        let count = source.count / elementSize
        guard count > 0, let from = source.baseAddress, let to = planes.bindMemory(to: UInt8.self).baseAddress else { return }
        switch elementSize {
        case 4:
            for i in 0..<count {
                let value = UInt32(littleEndian: from.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
                to[i] = UInt8(truncatingIfNeeded: value)
                to[count + i] = UInt8(truncatingIfNeeded: value >> 8)
                to[2 * count + i] = UInt8(truncatingIfNeeded: value >> 16)
                to[3 * count + i] = UInt8(truncatingIfNeeded: value >> 24)
            }
        case 2:
            for i in 0..<count {
                let value = UInt16(littleEndian: from.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                to[i] = UInt8(truncatingIfNeeded: value)
                to[count + i] = UInt8(truncatingIfNeeded: value >> 8)
            }
        default:
            let bytes = from.assumingMemoryBound(to: UInt8.self)
            for plane in 0..<elementSize {
                for i in 0..<count { to[plane * count + i] = bytes[i * elementSize + plane] }
            }
        }
    }

    /// The reverse of `split`.
    static func merge(_ planes: UnsafeRawBufferPointer, elementSize: Int, into destination: UnsafeMutableRawBufferPointer) {
        let count = planes.count / elementSize
        guard count > 0, let to = destination.baseAddress, let from = planes.bindMemory(to: UInt8.self).baseAddress else {
            return
        }
        switch elementSize {
        case 4:
            for i in 0..<count {
                let low = UInt32(from[i]) | UInt32(from[count + i]) << 8
                let high = UInt32(from[2 * count + i]) | UInt32(from[3 * count + i]) << 8
                to.storeBytes(of: (low | high << 16).littleEndian, toByteOffset: 4 * i, as: UInt32.self)
            }
        case 2:
            for i in 0..<count {
                let value = UInt16(from[i]) | UInt16(from[count + i]) << 8
                to.storeBytes(of: value.littleEndian, toByteOffset: 2 * i, as: UInt16.self)
            }
        default:
            let bytes = to.assumingMemoryBound(to: UInt8.self)
            for plane in 0..<elementSize {
                for i in 0..<count { bytes[i * elementSize + plane] = from[plane * count + i] }
            }
        }
    }
}
