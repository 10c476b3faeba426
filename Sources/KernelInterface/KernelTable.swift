/// The loops that everything else is made of, in one build: `Kernels` chooses among the builds when the process starts.
///
/// Every member is a plain function of pointers, so that no vector crosses the border between two builds.
public struct KernelTable: Sendable {
    /// y = W x for some blocks of the outputs; `Product` says for which rows.
    public typealias Multiply = @Sendable (PackedBlocks, Product, Range<Int>) -> Void

    public var name: StaticString

    // Products of a packed constant matrix with the rows of a batch
    public var multiplyF32: Multiply
    public var multiplyF16: Multiply
    public var multiplyBF16: Multiply
    public var multiplyQ8: Multiply
    public var multiplyQ4: Multiply
    /// Rounds some stretches of a vector to eight bits, as `QuantizedVector` lays it out: what `multiplyQ8` and `multiplyQ4` multiply.
    public var quantize:
        @Sendable (_ x: UnsafePointer<Float>, _ count: Int, UnsafeMutablePointer<Float>, _ stretches: Range<Int>) -> Void

    /// Pointwise steps over a number of vectors.
    public var pass: @Sendable (UnsafePointer<PassStep>, Int, UnsafePointer<PassOperand>, Int) -> Void

    // Of one contiguous run, each summed in one fixed order
    public var sum: @Sendable (UnsafePointer<Float>, Int) -> Float
    public var softmax: @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void
    /// y[i] = Σ a[i, k] x[k] for a row-major [rows, columns] that is itself computed.
    public var matrixVector:
        @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, _ rows: Int, _ columns: Int) -> Void
    /// y[j] = Σ x[k] a[k, j], likewise.
    public var vectorMatrix:
        @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, _ rows: Int, _ columns: Int) -> Void

    /// Some lines of a remembered matrix.
    public typealias UpdateState =
        @Sendable (
            StateUpdate, UnsafePointer<StateUpdate.Term>, Int, UnsafePointer<StateUpdate.Reading>, Int, _ lines: Range<Int>
        ) -> Void
    public var updateState: UpdateState

    // Gradients, summed over the rows in ascending order
    /// For some units of the result, with scratch of `OuterProducts.scratchFloats`.
    public typealias AddOuterProducts =
        @Sendable (OuterProducts, _ units: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) -> Void
    public var outerProducts: AddOuterProducts
    public var addRows: @Sendable (RowSum, _ columns: Range<Int>) -> Void
    public var scatterRows: @Sendable (RowScatter, _ columns: Range<Int>) -> Void

    /// What cross entropy says of one row of logits: gradient[j] = (softmax(logits)[j] - [j = target]) · scale.
    /// Returns the surprisal -log softmax(logits)[target], in nats. The gradient may stand where the logits stood.
    public typealias CrossEntropy =
        @Sendable (
            _ gradient: UnsafeMutablePointer<Float>, _ logits: UnsafePointer<Float>, Int, _ target: Int, _ scale: Float
        ) -> Float
    public var crossEntropy: CrossEntropy

    /// What the first numbers are multiplied by.
    public var dropoutMask: @Sendable (UnsafeMutablePointer<Float>, Int, Dropout) -> Void

    public init(
        name: StaticString, multiplyF32: @escaping Multiply, multiplyF16: @escaping Multiply, multiplyBF16: @escaping Multiply,
        multiplyQ8: @escaping Multiply, multiplyQ4: @escaping Multiply,
        quantize: @escaping @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Range<Int>) -> Void,
        pass: @escaping @Sendable (UnsafePointer<PassStep>, Int, UnsafePointer<PassOperand>, Int) -> Void,
        sum: @escaping @Sendable (UnsafePointer<Float>, Int) -> Float,
        softmax: @escaping @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void,
        matrixVector:
            @escaping @Sendable (
                UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, Int, Int
            ) -> Void,
        vectorMatrix:
            @escaping @Sendable (
                UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, Int, Int
            ) -> Void,
        updateState: @escaping UpdateState, outerProducts: @escaping AddOuterProducts,
        addRows: @escaping @Sendable (RowSum, Range<Int>) -> Void,
        scatterRows: @escaping @Sendable (RowScatter, Range<Int>) -> Void, crossEntropy: @escaping CrossEntropy,
        dropoutMask: @escaping @Sendable (UnsafeMutablePointer<Float>, Int, Dropout) -> Void
    ) {
        self.name = name
        self.multiplyF32 = multiplyF32
        self.multiplyF16 = multiplyF16
        self.multiplyBF16 = multiplyBF16
        self.multiplyQ8 = multiplyQ8
        self.multiplyQ4 = multiplyQ4
        self.quantize = quantize
        self.pass = pass
        self.sum = sum
        self.softmax = softmax
        self.matrixVector = matrixVector
        self.vectorMatrix = vectorMatrix
        self.updateState = updateState
        self.outerProducts = outerProducts
        self.addRows = addRows
        self.scatterRows = scatterRows
        self.crossEntropy = crossEntropy
        self.dropoutMask = dropoutMask
    }
}
