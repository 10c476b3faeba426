// Sums over the rows of a batch: the gradients of constants. Each number of a result is one chain of additions over the rows in
// ascending order, so that a result does not depend on how its numbers are divided between threads.

/// The gradient of a matrix: result[i, j] = Σ a[r, i] b[r, j] over the rows r, each term added in one fused step where the processor
/// can. Threads divide the columns of a, the rows of the result, in units of 16.
///
/// A whole vector may be read at the end of each row of a and b: what stands beyond their counts does not matter. Nothing is written
/// beyond the result.
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
    /// Whether sums begin with what stands in the result; otherwise with zero.
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

    /// Of 16 rows of the result; the last may have fewer.
    @inlinable public var units: Int { (aCount + vectorWidth - 1) / vectorWidth }

    /// Rows of a and b, and columns of b, that are copied to scratch at once.
    @inlinable public static var blockRows: Int { 256 }
    @inlinable public static var blockColumns: Int { 1024 }

    /// Units of a that are copied to scratch at once.
    @inlinable public static var groupUnits: Int { 3 }

    /// Numbers of the result that are kept in registers together, by the build that keeps most.
    @inlinable public static var tileFloats: Int { 12 * 2 * vectorWidth }

    /// The scratch that each thread needs, in floats.
    @inlinable public static func scratchFloats(rows: Int, bCount: Int) -> Int {
        let panel = 2 * vectorWidth
        let columns = (min(bCount, blockColumns) + panel - 1) / panel * panel
        return tileFloats + min(rows, blockRows) * (groupUnits * vectorWidth + columns)
    }
}

/// The gradient of a vector: result[j] = Σ x[r, j] over the rows r. Threads divide the columns.
public struct RowSum {
    /// [rows][columns], `stride` floats apart.
    public var x: UnsafePointer<Float>
    public var stride: Int
    public var rows: Int
    /// [columns]
    public var result: UnsafeMutablePointer<Float>
    /// Whether sums begin with what stands in the result; otherwise with zero.
    public var isAdded: Bool

    @inlinable public init(
        x: UnsafePointer<Float>, stride: Int, rows: Int, result: UnsafeMutablePointer<Float>, isAdded: Bool
    ) {
        self.x = x
        self.stride = stride
        self.rows = rows
        self.result = result
        self.isAdded = isAdded
    }
}

/// The gradient of a table whose rows tokens name: result[tokens[r], j] += x[r, j], row after row. Threads divide the columns.
public struct RowScatter {
    /// [rows][columns], `stride` floats apart.
    public var x: UnsafePointer<Float>
    public var stride: Int
    public var rows: Int
    /// [rows]: rows of the result; those with a negative one are passed over.
    public var tokens: UnsafePointer<Int32>
    /// [vocabulary][columns], `resultStride` floats apart.
    public var result: UnsafeMutablePointer<Float>
    public var resultStride: Int

    @inlinable public init(
        x: UnsafePointer<Float>, stride: Int, rows: Int, tokens: UnsafePointer<Int32>, result: UnsafeMutablePointer<Float>,
        resultStride: Int
    ) {
        self.x = x
        self.stride = stride
        self.rows = rows
        self.tokens = tokens
        self.result = result
        self.resultStride = resultStride
    }
}

/// What dropout multiplies by: 0 with the probability `rate`, otherwise 1 / (1 - rate). The numbers depend on nothing but their place,
/// so that they are the same however the work is divided: word w of block b of Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
/// random numbers: as easy as 1, 2, 3", 2011) decides number 64 ⌊b / 16⌋ + 16 w + b mod 16.
public struct Dropout: Sendable, Equatable {
    /// From 0 to less than 1; rounded down to a multiple of 2^-32.
    public var rate: Float
    /// The first word of Philox's key is the lower half.
    public var key: UInt64
    /// The upper half of Philox's counter; its lower half counts blocks.
    public var stream: UInt64

    @inlinable public init(rate: Float, key: UInt64, stream: UInt64) {
        self.rate = rate
        self.key = key
        self.stream = stream
    }
}
