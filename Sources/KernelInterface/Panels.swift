// What the loops of products have in common. It stands here because a type leaves functions behind that the linker may share: none may
// come from a build with larger instructions.

/// Neighbouring blocks of one panel.
public struct Panel {
    /// The first step of the first block.
    public let base: UnsafeRawPointer
    public let count: Int
    /// Bytes from one step to the next.
    public let stride: Int
    /// Where the scales of the first block begin, in numbers; and from one block of inputs to the next.
    public let scaleOffset: Int
    public let scaleStride: Int

    /// - Parameters:
    ///   - block: the first one wanted.
    ///   - end: blocks from here on are not wanted.
    ///   - stepBytes: bytes of all steps of one block.
    ///   - blockBytes: bytes of one step of one block.
    @inlinable @inline(__always)
    public init(_ matrix: PackedBlocks, _ block: Int, _ end: Int, stepBytes: Int, _ blockBytes: Int, inputBlocks: Int = 0) {
        let first = block / PackedBlocks.panelWidth &* PackedBlocks.panelWidth
        let width = min(PackedBlocks.panelWidth, matrix.blocks &- first)
        base = matrix.weights + first &* stepBytes + (block &- first) &* blockBytes
        count = min(first &+ width, end) &- block
        stride = width &* blockBytes
        scaleOffset = first &* inputBlocks &* vectorWidth &+ (block &- first) &* vectorWidth
        scaleStride = width &* vectorWidth
    }
}

/// Where the results of a block go: it walks over the blocks in their order.
public struct OutputCursor {
    @usableFromInline let y: UnsafeMutablePointer<Float>
    @usableFromInline let rowStride: Int
    @usableFromInline let partStride: Int
    @usableFromInline let parts: Int
    @usableFromInline let outputs: Int
    @usableFromInline let initials: UnsafePointer<Initial>?
    @usableFromInline var part: Int
    @usableFromInline var unit: Int

    @inlinable @inline(__always)
    public init(_ matrix: PackedBlocks, _ product: Product, block: Int) {
        y = product.y
        rowStride = product.outputStride
        partStride = product.partStride
        parts = matrix.parts
        outputs = matrix.outputs
        initials = product.initials
        unit = block / matrix.parts
        part = block &- unit &* matrix.parts
    }

    @inlinable @inline(__always)
    public mutating func advance() {
        part &+= 1
        if part == parts {
            part = 0
            unit &+= 1
        }
    }

    /// Outputs that the block has: 16, or fewer at the end of a part.
    @inlinable @inline(__always)
    public var count: Int { min(vectorWidth, outputs &- unit &* vectorWidth) }

    /// What the block's sums begin with.
    @inlinable @inline(__always)
    public func initial(row: Int) -> UnsafePointer<Float>? {
        guard let initials else { return nil }
        return initials[part].row(row) + unit &* vectorWidth
    }

    @inlinable @inline(__always)
    public func destination(row: Int) -> UnsafeMutablePointer<Float> {
        y + (row &* rowStride &+ part &* partStride &+ unit &* vectorWidth)
    }
}
