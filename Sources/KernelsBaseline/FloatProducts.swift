import KernelInterface

// Matrices of f32, f16 and bf16. Each output is summed over its inputs in ascending order, from what it begins with, whichever of the loops below
// computes it: the same bits for one row and for many.

func multiplyF32(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) {
    multiply(matrix, product, blocks, blockBytes: 64) { Vector.load($0 + $1 &* 64) }
}

func multiplyF16(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) {
    multiply(matrix, product, blocks, blockBytes: 32) { Vector.load(halves: $0 + $1 &* 32) }
}

func multiplyBF16(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) {
    multiply(matrix, product, blocks, blockBytes: 32) { Vector.load(upperHalves: $0 + $1 &* 32) }
}

/// - Parameter load: the weights of one input and of block i among those that begin at a pointer.
@inline(__always)
private func multiply(
    _ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>, blockBytes: Int, _ load: (UnsafeRawPointer, Int) -> Vector
) {
    if product.rows == 1 {
        multiplyOne(matrix, product, blocks, blockBytes, load)
        return
    }
    // As many rows at once as the second-level cache holds beside the weights.
    let tall = max(tileRows, (1 << 17) / max(matrix.inputs, 1) / tileRows &* tileRows)
    var row = 0
    while row < product.rows {
        let end = min(product.rows, row &+ tall)
        multiplyMany(matrix, product, row, end, blocks, blockBytes, load)
        row = end
    }
}

// MARK: One row

@inline(__always)
private func multiplyOne(
    _ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>, _ blockBytes: Int,
    _ load: (UnsafeRawPointer, Int) -> Vector
) {
    let (x, inputs) = (product.x, matrix.inputs)
    var output = OutputCursor(matrix, product, block: blocks.lowerBound)
    var block = blocks.lowerBound
    while block < blocks.upperBound {
        let panel = Panel(matrix, block, blocks.upperBound, stepBytes: blockBytes &* inputs, blockBytes)
        block &+= panel.count
        if panel.count == 4 {
            #if AVX512
            // Two panels side by side: eight sums hide the latency of an addition.
            if block &+ 4 <= blocks.upperBound {
                let other = panel.base + 4 &* blockBytes &* inputs
                var a = Four(&output)
                var b = Four(&output)
                for k in 0..<inputs {
                    let xk = Vector(repeating: x[k])
                    a.add(panel.base + k &* 4 &* blockBytes, xk, load)
                    b.add(other + k &* 4 &* blockBytes, xk, load)
                }
                a.store()
                b.store()
                block &+= 4
                continue
            }
            #endif
            var a = Four(&output)
            for k in 0..<inputs { a.add(panel.base + k &* 4 &* blockBytes, Vector(repeating: x[k]), load) }
            a.store()
        } else {
            for i in 0..<panel.count {
                var sum = output.start(row: 0)
                for k in 0..<inputs {
                    sum = sum.adding(load(panel.base + k &* panel.stride, i), times: Vector(repeating: x[k]))
                }
                output.store(sum, row: 0)
                output.advance()
            }
        }
    }
}

/// The sums of four neighbouring blocks for one row.
private struct Four {
    private var a: Vector
    private var b: Vector
    private var c: Vector
    private var d: Vector
    /// The first of them.
    private let output: OutputCursor

    @inline(__always)
    init(_ next: inout OutputCursor) {
        output = next
        a = next.start(row: 0)
        next.advance()
        b = next.start(row: 0)
        next.advance()
        c = next.start(row: 0)
        next.advance()
        d = next.start(row: 0)
        next.advance()
    }

    @inline(__always)
    mutating func add(_ weights: UnsafeRawPointer, _ x: Vector, _ load: (UnsafeRawPointer, Int) -> Vector) {
        a = a.adding(load(weights, 0), times: x)
        b = b.adding(load(weights, 1), times: x)
        c = c.adding(load(weights, 2), times: x)
        d = d.adding(load(weights, 3), times: x)
    }

    @inline(__always)
    func store() {
        var next = output
        next.store(a, row: 0)
        next.advance()
        next.store(b, row: 0)
        next.advance()
        next.store(c, row: 0)
        next.advance()
        next.store(d, row: 0)
    }
}

// MARK: Many rows

/// Rows and blocks whose sums are kept in registers together.
#if AVX512
private let tileRows = 8
private let tileBlocks = 2
#else
private let tileRows = 4
private let tileBlocks = 1
#endif

@inline(__always)
private func multiplyMany(
    _ matrix: PackedBlocks, _ product: Product, _ firstRow: Int, _ endRow: Int, _ blocks: Range<Int>, _ blockBytes: Int,
    _ load: (UnsafeRawPointer, Int) -> Vector
) {
    let inputs = matrix.inputs
    var output = OutputCursor(matrix, product, block: blocks.lowerBound)
    var block = blocks.lowerBound
    while block < blocks.upperBound {
        let panel = Panel(matrix, block, blocks.upperBound, stepBytes: blockBytes &* inputs, blockBytes)
        block &+= panel.count
        var i = 0
        while i < panel.count {
            let base = panel.base + i &* blockBytes
            let first = output
            output.advance()
            #if AVX512
            if i &+ 1 < panel.count {
                let second = output
                output.advance()
                var row = firstRow
                while row < endRow {
                    let x = TileRows(product, row, endRow)
                    var a = Tile(first, row, endRow)
                    var b = Tile(second, row, endRow)
                    for k in 0..<inputs {
                        let step = base + k &* panel.stride
                        a.add(load(step, 0), x, k)
                        b.add(load(step, 1), x, k)
                    }
                    a.store(first, row, endRow)
                    b.store(second, row, endRow)
                    row &+= tileRows
                }
                i &+= 2
                continue
            }
            #endif
            var row = firstRow
            while row < endRow {
                let x = TileRows(product, row, endRow)
                var a = Tile(first, row, endRow)
                for k in 0..<inputs { a.add(load(base + k &* panel.stride, 0), x, k) }
                a.store(first, row, endRow)
                row &+= tileRows
            }
            i &+= 1
        }
    }
}

/// Where the rows of a tile begin. Those beyond the end stand for the last one, so that a tile is always whole.
private struct TileRows {
    let a, b, c, d: UnsafePointer<Float>
    #if AVX512
    let e, f, g, h: UnsafePointer<Float>
    #endif

    @inline(__always)
    init(_ product: Product, _ row: Int, _ end: Int) {
        let (x, stride, last) = (product.x, product.inputStride, end &- 1)
        a = x + row &* stride
        b = x + min(row &+ 1, last) &* stride
        c = x + min(row &+ 2, last) &* stride
        d = x + min(row &+ 3, last) &* stride
        #if AVX512
        e = x + min(row &+ 4, last) &* stride
        f = x + min(row &+ 5, last) &* stride
        g = x + min(row &+ 6, last) &* stride
        h = x + min(row &+ 7, last) &* stride
        #endif
    }
}

/// The sums of one block for the rows of a tile.
private struct Tile {
    private var a, b, c, d: Vector
    #if AVX512
    private var e, f, g, h: Vector
    #endif

    @inline(__always)
    init(_ output: OutputCursor, _ row: Int, _ end: Int) {
        let last = end &- 1
        a = output.start(row: row)
        b = output.start(row: min(row &+ 1, last))
        c = output.start(row: min(row &+ 2, last))
        d = output.start(row: min(row &+ 3, last))
        #if AVX512
        e = output.start(row: min(row &+ 4, last))
        f = output.start(row: min(row &+ 5, last))
        g = output.start(row: min(row &+ 6, last))
        h = output.start(row: min(row &+ 7, last))
        #endif
    }

    @inline(__always)
    mutating func add(_ weights: Vector, _ x: TileRows, _ k: Int) {
        a = a.adding(weights, times: Vector(repeating: x.a[k]))
        b = b.adding(weights, times: Vector(repeating: x.b[k]))
        c = c.adding(weights, times: Vector(repeating: x.c[k]))
        d = d.adding(weights, times: Vector(repeating: x.d[k]))
        #if AVX512
        e = e.adding(weights, times: Vector(repeating: x.e[k]))
        f = f.adding(weights, times: Vector(repeating: x.f[k]))
        g = g.adding(weights, times: Vector(repeating: x.g[k]))
        h = h.adding(weights, times: Vector(repeating: x.h[k]))
        #endif
    }

    @inline(__always)
    func store(_ output: OutputCursor, _ row: Int, _ end: Int) {
        output.store(a, row: row)
        if row &+ 1 < end { output.store(b, row: row &+ 1) }
        if row &+ 2 < end { output.store(c, row: row &+ 2) }
        if row &+ 3 < end { output.store(d, row: row &+ 3) }
        #if AVX512
        if row &+ 4 < end { output.store(e, row: row &+ 4) }
        if row &+ 5 < end { output.store(f, row: row &+ 5) }
        if row &+ 6 < end { output.store(g, row: row &+ 6) }
        if row &+ 7 < end { output.store(h, row: row &+ 7) }
        #endif
    }
}
