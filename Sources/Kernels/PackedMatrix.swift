/// A constant matrix laid out for products with vectors: panels of output rows, lanes across outputs.
///
/// Outputs come in blocks of 16, blocks in panels of up to four: `[panel][input k][block of the panel][16]`, so that a product
/// reads its weights once, as one stream. The last block is padded with zeros. Each output is summed over its inputs in
/// ascending order by one thread, in the matrix–vector and in the matrix–matrix kernel alike: the same bits for any number of
/// rows and threads.
public final class PackedMatrix: @unchecked Sendable {
    static let panelBlocks = 4

    public let outputs: Int
    public let inputs: Int
    private let storage: UnsafeMutablePointer<Float>
    private let byteCount: Int

    /// Blocks of 16 outputs: the unit in which work is divided among threads.
    public var blocks: Int { (outputs + vectorWidth - 1) / vectorWidth }
    public var panels: Int { (blocks + Self.panelBlocks - 1) / Self.panelBlocks }

    /// A matrix to be packed, possibly with others below each other.
    public struct Source {
        /// Element of output o and input k is `base[o * outputStride + k * inputStride]`.
        public var base: UnsafePointer<Float>
        public var outputs: Int
        public var outputStride: Int
        public var inputStride: Int

        public init(base: UnsafePointer<Float>, outputs: Int, outputStride: Int, inputStride: Int) {
            self.base = base
            self.outputs = outputs
            self.outputStride = outputStride
            self.inputStride = inputStride
        }
    }

    /// Stacks the sources' outputs. All have `inputs` inputs.
    public init(_ sources: [Source], inputs: Int, team: ThreadTeam = .shared) {
        let outputs = sources.reduce(0) { $0 + $1.outputs }
        self.outputs = outputs
        self.inputs = inputs
        let blocks = (outputs + vectorWidth - 1) / vectorWidth
        byteCount = max(1, blocks * vectorWidth * inputs) * 4
        let raw = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        storage = raw.bindMemory(to: Float.self, capacity: byteCount / 4)
        storage.update(repeating: 0, count: byteCount / 4)
        let lines = sources.flatMap { source in (0..<source.outputs).map { (source, $0) } }
        let storage = UncheckedPointer(storage)
        let unchecked = UncheckedLines(lines: lines)
        team.run { member in
            for block in member.share(of: blocks) {
                let panel = block / Self.panelBlocks
                let width = min(Self.panelBlocks, blocks - panel * Self.panelBlocks)
                let base =
                    storage.pointer + panel * Self.panelBlocks * vectorWidth * inputs
                    + (block - panel * Self.panelBlocks) * vectorWidth
                for lane in 0..<vectorWidth where block * vectorWidth + lane < outputs {
                    let (source, output) = unchecked.lines[block * vectorWidth + lane]
                    let line = source.base + output * source.outputStride
                    for k in 0..<inputs { base[k * width * vectorWidth + lane] = line[k * source.inputStride] }
                }
            }
        }
    }

    deinit { storage.deallocate() }

    /// y[r, o] = Σ w[o, k] x[r, k] for the outputs of some panels.
    ///
    /// - Parameters:
    ///   - x: `rows` vectors of `inputs` floats, `xStride` floats apart.
    ///   - y: `rows` vectors, `yStride` floats apart.
    public func multiply(
        x: UnsafePointer<Float>, xStride: Int, y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int, panels: Range<Int>
    ) {
        let blocks = self.blocks
        for panel in panels {
            let first = panel &* Self.panelBlocks
            let width = min(Self.panelBlocks, blocks &- first)
            let weights = UnsafePointer(storage) + first &* vectorWidth &* inputs
            let output = first &* vectorWidth
            let count = min(width &* vectorWidth, outputs &- output)
            if width == Self.panelBlocks {
                var r = 0
                while r < rows {
                    fourBlocks(weights, x + r &* xStride, y + (r &* yStride &+ output), count)
                    r &+= 1
                }
            } else {
                for r in 0..<rows {
                    for block in 0..<width {
                        let offset = block &* vectorWidth
                        oneBlock(
                            weights + offset, width &* vectorWidth, x + r &* xStride, y + (r &* yStride &+ output &+ offset),
                            min(vectorWidth, count &- offset))
                    }
                }
            }
        }
    }

    /// A whole panel times one vector: four sums side by side.
    @inline(__always)
    private func fourBlocks(
        _ weights: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        var (a, b, c, d) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var w = weights
        for k in 0..<inputs {
            let xk = Vector(repeating: x[k])
            a = a.adding(Vector.load(w), times: xk)
            b = b.adding(Vector.load(w + vectorWidth), times: xk)
            c = c.adding(Vector.load(w + 2 &* vectorWidth), times: xk)
            d = d.adding(Vector.load(w + 3 &* vectorWidth), times: xk)
            w += 4 &* vectorWidth
        }
        a.store(y)
        b.store(y + vectorWidth)
        c.store(y + 2 &* vectorWidth)
        let last = count &- 3 &* vectorWidth
        if last == vectorWidth { d.store(y + 3 &* vectorWidth) } else { d.store(y + 3 &* vectorWidth, first: last) }
    }

    @inline(__always)
    private func oneBlock(
        _ weights: UnsafePointer<Float>, _ stride: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        var sum = Vector.zero
        var w = weights
        for k in 0..<inputs {
            sum = sum.adding(Vector.load(w), times: Vector(repeating: x[k]))
            w += stride
        }
        if count == vectorWidth { sum.store(y) } else { sum.store(y, first: count) }
    }
}

private struct UncheckedPointer: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
    init(_ pointer: UnsafeMutablePointer<Float>) { self.pointer = pointer }
}

private struct UncheckedLines: @unchecked Sendable {
    let lines: [(PackedMatrix.Source, Int)]
}
