/// One matrix that is remembered, scaled and given rank-one terms, with what reads it on the way:
/// `new = old * decay + Σ ± column ⊗ row`. It is traversed once, line by line; a product with the old matrix may be a term's column.
public struct StateUpdate {
    /// How the old matrix is scaled.
    public enum Decay: Sendable {
        case none
        /// One number for all.
        case number
        /// One for each line, or one for each column, or one for each element.
        case line, column, element
    }

    /// A term `± column ⊗ row`: one number for each line, one for each column.
    public struct Term {
        public var column: UnsafePointer<Float>
        public var row: UnsafePointer<Float>
        public var isNegative: Bool

        @inlinable public init(column: UnsafePointer<Float>, row: UnsafePointer<Float>, isNegative: Bool) {
            self.column = column
            self.row = row
            self.isNegative = isNegative
        }
    }

    /// A product with the matrix: `matrix @ vector`, one number for each line, or `vector @ matrix`, one for each column.
    public struct Reading {
        public var vector: UnsafePointer<Float>
        public var result: UnsafeMutablePointer<Float>
        /// Of the old matrix.
        public var isBefore: Bool
        public var matrixFirst: Bool

        @inlinable public init(
            vector: UnsafePointer<Float>, result: UnsafeMutablePointer<Float>, isBefore: Bool, matrixFirst: Bool
        ) {
            self.vector = vector
            self.result = result
            self.isBefore = isBefore
            self.matrixFirst = matrixFirst
        }
    }

    /// [lines][columns]
    public var old: UnsafePointer<Float>
    public var new: UnsafeMutablePointer<Float>
    public var columns: Int
    public var decay: Decay
    public var scale: UnsafePointer<Float>

    @inlinable public init(
        old: UnsafePointer<Float>, new: UnsafeMutablePointer<Float>, columns: Int, decay: Decay, scale: UnsafePointer<Float>
    ) {
        self.old = old
        self.new = new
        self.columns = columns
        self.decay = decay
        self.scale = scale
    }
}
