#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension ElementType {
    /// Of one step of one block of 16 outputs: see `PackedBlocks`.
    fileprivate var stepByteCount: Int { self == .f16 || self == .bf16 ? 32 : 64 }

    fileprivate func steps(inputs: Int) -> Int {
        switch self {
        case .f32, .f16, .bf16: inputs
        case .q8: QuantizedVector.blocks(inputs) * 8
        case .q4: QuantizedVector.blocks(inputs) * 4
        }
    }
}

/// A constant matrix laid out for products: parts of equally many outputs side by side, in the order that `PackedBlocks` states.
public final class PackedMatrix: @unchecked Sendable {
    public let type: ElementType
    public let blocks: PackedBlocks
    private let weights: UnsafeMutableRawPointer
    private let scales: UnsafeMutablePointer<UInt16>?

    public var inputs: Int { blocks.inputs }
    /// Of one part.
    public var outputs: Int { blocks.outputs }
    public var parts: Int { blocks.parts }

    /// A matrix to be packed as one part, as it stands in memory.
    public struct Source {
        public var base: UnsafeRawPointer
        /// Bytes from one output to the next, and from one input to the next; of q8 and q4 the inputs of an output are blocks of 32
        /// side by side, and the second is ignored.
        public var outputStride: Int
        public var inputStride: Int

        public init(base: UnsafeRawPointer, outputStride: Int, inputStride: Int) {
            self.base = base
            self.outputStride = outputStride
            self.inputStride = inputStride
        }
    }

    /// Packs parts of `outputs` × `inputs` numbers each.
    public init(_ parts: [Source], type: ElementType = .f32, outputs: Int, inputs: Int, team: ThreadTeam = .shared) {
        let units = (outputs + vectorWidth - 1) / vectorWidth
        let blockCount = units * parts.count
        let steps = type.steps(inputs: inputs)
        self.type = type
        weights = HugeMemory.allocate(byteCount: max(1, blockCount * steps) * type.stepByteCount)
        let inputBlocks = QuantizedVector.blocks(inputs)
        scales = type.isQuantized ? .allocate(capacity: max(1, blockCount * inputBlocks * vectorWidth)) : nil
        blocks = PackedBlocks(
            weights: UnsafeRawPointer(weights), scales: UnsafePointer(scales), inputs: inputs, parts: parts.count,
            outputs: outputs)
        pack(parts, team)
    }

    /// Packs other numbers of the same type and size in place of those that it has. No product may be running.
    public func pack(_ parts: [Source], _ team: ThreadTeam) {
        let (type, inputs, outputs) = (type, inputs, outputs)
        let blockCount = blocks.units * parts.count
        let steps = type.steps(inputs: inputs)
        let inputBlocks = QuantizedVector.blocks(inputs)
        nonisolated(unsafe) let (sources, weights, scales) = (parts, weights, scales)
        team.run { member in
            for block in member.share(of: blockCount) {
                let panel = block / PackedBlocks.panelWidth * PackedBlocks.panelWidth
                let width = min(PackedBlocks.panelWidth, blockCount - panel)
                let first = block / sources.count * vectorWidth
                var source = sources[block % sources.count]
                source.base += first * source.outputStride
                let target = Target(
                    weights: weights + (panel * steps + block - panel) * type.stepByteCount, stride: width * type.stepByteCount,
                    scales: scales.map { $0 + (panel * inputBlocks + block - panel) * vectorWidth },
                    scaleStride: width * vectorWidth, lanes: min(vectorWidth, outputs - first))
                switch type {
                case .f32: Self.pack(source, as: UInt32.self, inputs, target)
                case .f16, .bf16: Self.pack(source, as: UInt16.self, inputs, target)
                case .q8, .q4: Self.packBlocks(source, type, inputBlocks, target)
                }
            }
        }
    }

    /// Where one block of 16 outputs goes.
    private struct Target {
        var weights: UnsafeMutableRawPointer
        var stride: Int
        var scales: UnsafeMutablePointer<UInt16>?
        var scaleStride: Int
        /// Outputs that there are.
        var lanes: Int
    }

    private static func pack<Bits: FixedWidthInteger>(_ source: Source, as type: Bits.Type, _ inputs: Int, _ target: Target) {
        for k in 0..<inputs {
            let row = (target.weights + k * target.stride).assumingMemoryBound(to: Bits.self)
            let column = source.base + k * source.inputStride
            for lane in 0..<target.lanes {
                row[lane] = (column + lane * source.outputStride).loadUnaligned(as: Bits.self)
            }
            for lane in target.lanes..<vectorWidth { row[lane] = 0 }
        }
    }

    private static func packBlocks(_ source: Source, _ type: ElementType, _ inputBlocks: Int, _ target: Target) {
        let steps = type == .q8 ? 8 : 4
        for block in 0..<inputBlocks {
            for lane in 0..<vectorWidth {
                let isThere = lane < target.lanes
                let stored = source.base + (isThere ? lane * source.outputStride + block * type.blockByteCount : 0)
                target.scales?[block * target.scaleStride + lane] = isThere ? stored.loadUnaligned(as: UInt16.self) : 0
                let numbers = stored + 2
                for step in 0..<steps {
                    let quadruple = target.weights + ((block * steps + step) * target.stride + lane * 4)
                    for i in 0..<4 {
                        var byte: UInt8 = type == .q8 ? 0x80 : 0x88
                        if isThere, type == .q8 {
                            byte = numbers.load(fromByteOffset: 4 * step + i, as: UInt8.self) ^ 0x80
                        } else if isThere {
                            byte = nibble(8 * step + i, of: numbers) | nibble(8 * step + 4 + i, of: numbers) << 4
                        }
                        quadruple.storeBytes(of: byte, toByteOffset: i, as: UInt8.self)
                    }
                }
            }
        }
    }

    /// Of a stored block of q4: the first sixteen numbers stand in the lower four bits of its bytes, the others in the upper.
    @inline(__always)
    private static func nibble(_ index: Int, of numbers: UnsafeRawPointer) -> UInt8 {
        let byte = numbers.load(fromByteOffset: index & 15, as: UInt8.self)
        return index < 16 ? byte & 0xf : byte >> 4
    }

    deinit {
        weights.deallocate()
        scales?.deallocate()
    }

    /// The results of some units (16 outputs of every part) for the product's rows.
    public func multiply(_ product: Product, units: Range<Int>, kernels: KernelTable) {
        if units.isEmpty || product.rows == 0 { return }
        let range = units.lowerBound &* parts..<units.upperBound &* parts
        switch type {
        case .f32: kernels.multiplyF32(blocks, product, range)
        case .f16: kernels.multiplyF16(blocks, product, range)
        case .bf16: kernels.multiplyBF16(blocks, product, range)
        case .q8: kernels.multiplyQ8(blocks, product, range)
        case .q4: kernels.multiplyQ4(blocks, product, range)
        }
    }
}

/// Memory for what is read as long streams: on boundaries of large pages, which the system is asked to use.
enum HugeMemory {
    private static let pageByteCount = 2 << 20

    static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        let isLarge = byteCount >= pageByteCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: isLarge ? pageByteCount : 64)
        #if os(Linux)
        let useHugePages: Int32 = 14  // MADV_HUGEPAGE
        if isLarge { madvise(memory, byteCount, useHugePages) }
        #endif
        return memory
    }
}
