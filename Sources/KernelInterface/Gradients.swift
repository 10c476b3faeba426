// Sums over all rows of a batch or all steps of a sequence: the gradients of constants. Each number of a result is one sum over
// the rows in ascending order, whoever computes it, so that a result does not depend on how the work is divided.

/// The gradient of a matrix: result[i, j] = Σ a[r, i] b[r, j] over the rows r. The columns of a come in units of 16, which whoever
/// computes it may divide: each unit has 16 rows of the result, or fewer at the end.
///
/// A whole vector is read at the end of each row of a and b, whose last numbers may be anything; nothing is written beyond the result.
public struct OuterProducts {
    /// [rows][aCount], `aStride` floats apart.
    public var a: UnsafePointer<Float>
    public var aStride: Int
    public var aCount: Int
    /// [rows][bCount], `bStride` floats apart.
    public var b: UnsafePointer<Float>
    public var bStride: Int
    public var bCount: Int
    public var rows: Int
    /// [aCount][bCount], `resultStride` floats apart.
    public var result: UnsafeMutablePointer<Float>
    public var resultStride: Int
    /// Whether the sums begin with what stands in the result; otherwise with zero.
    public var isAdded: Bool

    @inlinable public init(
        a: UnsafePointer<Float>, aStride: Int, aCount: Int, b: UnsafePointer<Float>, bStride: Int, bCount: Int, rows: Int,
        result: UnsafeMutablePointer<Float>, resultStride: Int, isAdded: Bool
    ) {
        self.a = a
        self.aStride = aStride
        self.aCount = aCount
        self.b = b
        self.bStride = bStride
        self.bCount = bCount
        self.rows = rows
        self.result = result
        self.resultStride = resultStride
        self.isAdded = isAdded
    }

    @inlinable public var units: Int { (aCount + vectorWidth - 1) / vectorWidth }

    /// Rows that are copied to scratch at once, and columns of b: together they stay in the second-level cache.
    @inlinable public static var blockRows: Int { 512 }
    @inlinable public static var blockColumns: Int { 512 }

    /// Scratch that each thread needs, in floats, on a boundary of 64 bytes: for a block of b and a unit of a.
    @inlinable public static func scratchFloats(rows: Int, bCount: Int) -> Int {
        let columns = min(blockColumns, (bCount + 2 * vectorWidth - 1) / (2 * vectorWidth) * (2 * vectorWidth))
        return min(blockRows, rows) * (columns + 4 * vectorWidth)
    }
}
