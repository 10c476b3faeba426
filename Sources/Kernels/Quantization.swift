/// Where the blocks of a quantized tensor are.
///
/// A *line* is what one index of every axis but the block axis leaves: `length` elements, stored as whole blocks one after the
/// other. Lines follow each other in the row-major order of the other axes' indices. So the lines of a matrix [out, in] with blocks
/// along its last axis, and those of a matrix [in, out] with blocks along its first, are both the outputs in their order.
public struct BlockLayout: Sendable, Equatable {
    /// Elements of a block.
    public static let blockLength = QuantizedVector.blockLength

    public let axis: Int
    /// Elements of a line; what its last block has beyond them is padding.
    public let length: Int
    /// Products of the axes before and after the block axis.
    public let outer: Int
    public let inner: Int
    public let blockByteCount: Int

    public var lines: Int { outer * inner }
    public var blocksPerLine: Int { (length + Self.blockLength - 1) / Self.blockLength }
    public var lineByteCount: Int { blocksPerLine * blockByteCount }

    init(_ type: ElementType, shape: [Int], axis: Int) {
        self.axis = axis
        length = shape[axis]
        outer = shape[..<axis].reduce(1, *)
        inner = shape[(axis + 1)...].reduce(1, *)
        blockByteCount = type.blockByteCount
    }

    /// The place of a line's first element among the tensor's elements in row-major order; the next ones are `inner` apart.
    func firstElement(of line: Int) -> Int { line / inner * length * inner + line % inner }
}

/// Why a tensor cannot be stored as another element type.
public enum QuantizationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The index of the element in row-major order.
    case notFinite(index: Int)
    case tooLarge(value: Float, type: ElementType)

    public var description: String {
        switch self {
        case .notFinite: "it has values that are NaN or infinite"
        case .tooLarge(let value, let type): "its value \(value) is too large for \(type)"
        }
    }
}

extension Tensor {
    /// nil for a tensor that is not quantized.
    public var blockLayout: BlockLayout? { blockAxis.map { BlockLayout(elementType, shape: shape, axis: $0) } }

    /// The tensor itself, or the numbers of its blocks as `f32`, which holds each of them exactly.
    public var dequantized: Tensor { elementType.isQuantized ? widened : self }

    /// As `f32`: every other type's values are among its own.
    public var widened: Tensor {
        if elementType == .f32 { return self }
        return Tensor(
            .f32, shape: shape,
            storage: TensorStorage(byteCount: count * 4) { convert(into: $0.bindMemory(to: Float.self)) })
    }

    /// The same numbers as another type can hold them: rounded to the nearest, ties to even, and for `q8` and `q4` to what a
    /// block's scale allows (`zoo/FORMAT.md`, section 3, gives the bounds). The result does not depend on the number of threads.
    ///
    /// - Parameter blockAxis: the axis that the blocks of `q8` and `q4` run along; nil: the last.
    /// - Precondition: for `q8` and `q4` the tensor has that axis.
    public func converted(
        to type: ElementType, blockAxis: Int? = nil, team: ThreadTeam = .shared
    ) throws(QuantizationError) -> Tensor {
        let axis = type.isQuantized ? blockAxis ?? shape.count - 1 : nil
        if type == elementType && axis == self.blockAxis { return self }
        let source = widened
        if type == .f32 { return source }
        try source.checkRange(of: type)
        guard let axis else { return source.narrowed(to: type) }
        precondition(shape.indices.contains(axis), "a quantized tensor has the axis that its blocks run along")
        return source.quantized(BlockLayout(type, shape: shape, axis: axis), as: type, team: team)
    }

    /// - Precondition: the tensor is `f32`.
    private func checkRange(of type: ElementType) throws(QuantizationError) {
        let (notFinite, largest) = storage.withUnsafeBytes { bytes in
            var notFinite: Int?
            var largest: Float = 0
            for (i, value) in bytes.bindMemory(to: Float.self).enumerated() {
                if !value.isFinite {
                    notFinite = notFinite ?? i
                } else if abs(value) > abs(largest) {
                    largest = value
                }
            }
            return (notFinite, largest)
        }
        // A scale for a whole block has no room for NaN and infinity; a number of its own has.
        if type.isQuantized, let index = notFinite { throw .notFinite(index: index) }
        let isRepresentable =
            switch type {
            case .f32: true
            case .f16: Float(halfBits: largest.halfBits).isFinite
            case .bf16: Float(bitPattern: UInt32(largest.brainBits) << 16).isFinite
            case .q8: Q8Block.scale(largest: abs(largest)).isFinite
            case .q4: Q4Block.scale(largest / -8).isFinite
            }
        if !isRepresentable { throw .tooLarge(value: largest, type: type) }
    }

    private func narrowed(to type: ElementType) -> Tensor {
        let storage = TensorStorage(byteCount: count * 2) { bytes in
            let target = bytes.bindMemory(to: UInt16.self)
            self.storage.withUnsafeBytes { source in
                let floats = source.bindMemory(to: Float.self)
                for i in 0..<count { target[i] = type == .f16 ? floats[i].halfBits : floats[i].brainBits }
            }
        }
        return Tensor(type, shape: shape, storage: storage)
    }

    private func quantized(_ layout: BlockLayout, as type: ElementType, team: ThreadTeam) -> Tensor {
        let storage = TensorStorage(byteCount: layout.lines * layout.lineByteCount) { bytes in
            self.storage.withUnsafeBytes { source in
                nonisolated(unsafe) let floats = source.bindMemory(to: Float.self)
                nonisolated(unsafe) let target = bytes
                // Enough lines for a member of the team not to come back for more all the time.
                let linesAtOnce = max(1, (1 << 14) / max(layout.length, 1))
                team.forEach((layout.lines + linesAtOnce - 1) / linesAtOnce) { part in
                    for line in (part * linesAtOnce)..<min(layout.lines, (part + 1) * linesAtOnce) {
                        Self.quantize(line: line, of: floats, layout, as: type, into: target)
                    }
                }
            }
        }
        return Tensor(type, shape: shape, blockAxis: layout.axis, storage: storage)
    }

    private static func quantize(
        line: Int, of floats: UnsafeBufferPointer<Float>, _ layout: BlockLayout, as type: ElementType,
        into bytes: UnsafeMutableRawBufferPointer
    ) {
        let first = layout.firstElement(of: line)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: BlockLayout.blockLength) { block in
            for index in 0..<layout.blocksPerLine {
                let start = index * BlockLayout.blockLength
                for k in 0..<BlockLayout.blockLength {
                    block[k] = start + k < layout.length ? floats[first + (start + k) * layout.inner] : 0
                }
                let offset = line * layout.lineByteCount + index * layout.blockByteCount
                let target = UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<(offset + layout.blockByteCount)])
                switch type {
                case .q8: Q8Block.encode(UnsafeBufferPointer(block), into: target)
                default: Q4Block.encode(UnsafeBufferPointer(block), into: target)
                }
            }
        }
    }

    /// The elements of a quantized tensor in row-major order.
    func dequantize(_ layout: BlockLayout, into destination: UnsafeMutableBufferPointer<Float>) {
        storage.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: BlockLayout.blockLength) { block in
                for line in 0..<layout.lines {
                    let first = layout.firstElement(of: line)
                    for index in 0..<layout.blocksPerLine {
                        let offset = line * layout.lineByteCount + index * layout.blockByteCount
                        let source = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + layout.blockByteCount)])
                        switch elementType {
                        case .q8: Q8Block.decode(source, into: block)
                        default: Q4Block.decode(source, into: block)
                        }
                        let start = index * BlockLayout.blockLength
                        for k in 0..<min(BlockLayout.blockLength, layout.length - start) {
                            destination[first + (start + k) * layout.inner] = block[k]
                        }
                    }
                }
            }
        }
    }
}

/// 34 bytes: a binary16 scale d, then 32 signed bytes q; the elements are d·q. (The layout of GGUF's Q8_0.)
public enum Q8Block {
    public static let byteCount = 34

    /// Infinite where no binary16 number can be the scale.
    static func scale(largest: Float) -> Float { Float(halfBits: (largest / 127).halfBits) }

    static func encode(_ x: UnsafeBufferPointer<Float>, into block: UnsafeMutableRawBufferPointer) {
        let d = scale(largest: x.reduce(0) { max($0, abs($1)) })
        block.storeBytes(of: d.halfBits.littleEndian, as: UInt16.self)
        for k in 0..<BlockLayout.blockLength {
            // Numbers too small for the smallest scale are zeros.
            let q = d == 0 ? 0 : (x[k] / d).rounded(.toNearestOrEven)
            block[2 + k] = UInt8(bitPattern: Int8(min(max(q, -127), 127)))
        }
    }

    static func decode(_ block: UnsafeRawBufferPointer, into x: UnsafeMutableBufferPointer<Float>) {
        let d = Float(halfBits: UInt16(littleEndian: block.loadUnaligned(as: UInt16.self)))
        for k in 0..<BlockLayout.blockLength { x[k] = d * Float(Int8(bitPattern: block[2 + k])) }
    }
}

/// 18 bytes: a binary16 scale d, then 16 bytes whose low halves are the elements 0 to 15 and whose high halves are 16 to 31, as
/// numbers q from 0 to 15; the elements are d·(q − 8). (The layout of GGUF's Q4_0.)
public enum Q4Block {
    public static let byteCount = 18

    /// Rounded to binary16.
    static func scale(_ value: Float) -> Float { Float(halfBits: value.halfBits) }

    /// The scale that puts the element of largest magnitude at −8 leaves others half a step too far from theirs; a step a little
    /// larger or smaller often has a smaller sum of squared errors, at the price of clamping. Of the scales that put that element
    /// at −8, −9, −8 7/8, … −7, the first with the smallest sum is taken, among those that put no element further than one step away.
    static func encode(_ x: UnsafeBufferPointer<Float>, into block: UnsafeMutableRawBufferPointer) {
        var largest: Float = 0
        for value in x where abs(value) > abs(largest) { largest = value }
        var d = scale(largest / -8)
        var smallest = error(of: x, scale: d).sum
        for eighths in -72 ... -56 where smallest > 0 {
            let candidate = scale(largest / (Float(eighths) / 8))
            guard candidate.isFinite, candidate != 0 else { continue }
            let error = error(of: x, scale: candidate)
            if error.sum < smallest, error.largest <= abs(candidate) { (d, smallest) = (candidate, error.sum) }
        }
        block.storeBytes(of: d.halfBits.littleEndian, as: UInt16.self)
        for k in 0..<16 { block[2 + k] = UInt8(step(x[k], d) + 8) | UInt8(step(x[k + 16], d) + 8) << 4 }
    }

    /// From −8 to 7.
    private static func step(_ x: Float, _ d: Float) -> Float {
        d == 0 ? 0 : min(max((x / d).rounded(.toNearestOrEven), -8), 7)
    }

    /// The sum of the squared errors, in the order of the elements and in double precision, and the largest error.
    private static func error(of x: UnsafeBufferPointer<Float>, scale d: Float) -> (sum: Double, largest: Float) {
        var sum = 0.0
        var largest: Float = 0
        for value in x {
            let error = value - d * step(value, d)
            sum += Double(error) * Double(error)
            largest = max(largest, abs(error))
        }
        return (sum, largest)
    }

    static func decode(_ block: UnsafeRawBufferPointer, into x: UnsafeMutableBufferPointer<Float>) {
        let d = Float(halfBits: UInt16(littleEndian: block.loadUnaligned(as: UInt16.self)))
        for k in 0..<16 {
            x[k] = d * Float(Int(block[2 + k] & 15) - 8)
            x[k + 16] = d * Float(Int(block[2 + k] >> 4) - 8)
        }
    }
}

extension Float {
    /// The nearest IEEE 754 binary16 number, ties to even; infinite beyond the largest. (As for `init(halfBits:)`, not `Float16`.)
    public var halfBits: UInt16 {
        let sign = UInt16(truncatingIfNeeded: bitPattern >> 16) & 0x8000
        let magnitude = bitPattern & 0x7fff_ffff
        if magnitude > 0x7f80_0000 { return sign | 0x7e00 }
        if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
        if magnitude < 0x3880_0000 {
            // Subnormal there. The steps of numbers from 1/2 to 1 are 2^-24, as those of binary16's subnormals are: the addition rounds.
            let rounded = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- 0x3f00_0000)
        }
        let odd = (magnitude >> 13) & 1
        return sign | UInt16(truncatingIfNeeded: (magnitude &+ 0xfff &+ odd &- 0x3800_0000) >> 13)
    }

    /// The upper half of the nearest number that has no lower one (bfloat16), ties to even; infinite beyond the largest.
    public var brainBits: UInt16 {
        if isNaN { return UInt16(truncatingIfNeeded: bitPattern >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bitPattern &+ 0x7fff &+ (bitPattern >> 16 & 1)) >> 16)
    }
}
