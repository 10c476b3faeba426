/// Floats that are computed side by side, in every build: lanes run across outputs and never mix, so that a result does not depend
/// on which lane, strip, thread or instruction set it was computed in.
@inlinable public var vectorWidth: Int { 16 }

/// A constant matrix as products read it: one or more *parts* of equally many outputs, side by side.
///
/// Outputs come in blocks of 16 of one part. Blocks are numbered by unit first: block `u * parts + p` has the outputs `16 u` to
/// `16 u + 15` of part p, so that whoever computes a range of units has all their parts (the gates of a cell). Blocks stand in
/// panels of four (the last may be narrower): `[panel][step of inputs][block of the panel][16]`, so that a product reads its
/// weights once, as one stream. What a step is depends on the type:
///
/// | type | step | bytes of a block and step |
/// |---|---|---|
/// | f32 | one input | 64: 16 floats |
/// | f16 | one input | 32: 16 halves |
/// | bf16 | one input | 32: 16 upper halves of floats |
/// | q8 | four inputs | 64: 16 quadruples of bytes, each q + 128 |
/// | q4 | eight inputs | 64: 16 quadruples of bytes, inputs 0…3 in the lower and 4…7 in the upper four bits, each q + 8 |
///
/// The last output block of a part and the last step are padded with zeros.
public struct PackedBlocks {
    @inlinable public static var panelWidth: Int { 4 }

    public var weights: UnsafeRawPointer
    /// For q8 and q4, as binary16: `[panel][block of 32 inputs][block of the panel][16]`.
    public var scales: UnsafePointer<UInt16>?
    public var inputs: Int
    public var parts: Int
    /// Outputs of one part.
    public var outputs: Int

    @inlinable public init(weights: UnsafeRawPointer, scales: UnsafePointer<UInt16>?, inputs: Int, parts: Int, outputs: Int) {
        self.weights = weights
        self.scales = scales
        self.inputs = inputs
        self.parts = parts
        self.outputs = outputs
    }

    /// Blocks of one part.
    @inlinable public var units: Int { (outputs + vectorWidth - 1) / vectorWidth }
    @inlinable public var blocks: Int { units * parts }
}

/// The rows that a matrix multiplies, and where the results go.
public struct Product {
    /// [rows][inputs], `inputStride` floats apart; for q8 and q4, each as `QuantizedVector` says.
    public var x: UnsafePointer<Float>
    public var inputStride: Int
    /// [rows][parts][outputs]: rows `outputStride`, parts `partStride` floats apart.
    public var y: UnsafeMutablePointer<Float>
    public var outputStride: Int
    public var partStride: Int
    public var rows: Int
    /// What the sums begin with, for each part; nil: zero.
    public var initials: UnsafePointer<Initial>?

    @inlinable public init(
        x: UnsafePointer<Float>, inputStride: Int, y: UnsafeMutablePointer<Float>,
        outputStride: Int, partStride: Int, rows: Int, initials: UnsafePointer<Initial>? = nil
    ) {
        self.x = x
        self.inputStride = inputStride
        self.y = y
        self.outputStride = outputStride
        self.partStride = partStride
        self.rows = rows
        self.initials = initials
    }
}

/// What the sums of one part begin with: a row for each row of the product. A whole vector may be read at the end of each.
public struct Initial {
    public var base: UnsafePointer<Float>
    /// Floats from one row to the next; 0 where all begin alike.
    public var rowStride: Int
    /// Where the rows are those that tokens name.
    public var tokens: UnsafePointer<Int32>?

    @inlinable public init(base: UnsafePointer<Float>, rowStride: Int, tokens: UnsafePointer<Int32>? = nil) {
        self.base = base
        self.rowStride = rowStride
        self.tokens = tokens
    }

    @inlinable @inline(__always)
    public func row(_ row: Int) -> UnsafePointer<Float> {
        guard let tokens else { return base + row &* rowStride }
        return base + Int(tokens[row]) &* rowStride
    }
}

/// How a vector is laid out whose elements are rounded to eight bits, each stretch of 256 by its own scale: first the values (-127 to
/// 127, zeros beyond the end, in blocks of 32), then a 32-bit integer for each block: the sum of its values times -128, which takes
/// back what was added to weights to make them unsigned; then a float for each stretch, its scale. Element i is about
/// `scale[i / 256] * value[i]`.
public enum QuantizedVector {
    @inlinable public static var blockLength: Int { 32 }

    /// Longer than a block of weights, because a scale costs a product two instructions where it costs rounding one; no longer, because
    /// one large element takes the precision of all that share its scale.
    @inlinable public static var blocksPerStretch: Int { 8 }

    @inlinable public static func blocks(_ count: Int) -> Int { (count + blockLength - 1) / blockLength }

    @inlinable public static func stretches(_ count: Int) -> Int { (blocks(count) + blocksPerStretch - 1) / blocksPerStretch }

    /// The room that a vector takes, in floats.
    @inlinable public static func floats(_ count: Int) -> Int { blocks(count) * (blockLength / 4 + 1) + stretches(count) }
}
