import KernelInterface

// Matrices of f32, f16 and bf16. Each output is summed over its inputs in ascending order, from what it begins with, whichever of the
// loops below computes it: the same bits for one row and for many.

func multiplyF32(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) { multiply(F32.self, matrix, product, blocks) }

func multiplyF16(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) { multiply(F16.self, matrix, product, blocks) }

func multiplyBF16(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) {
    multiply(BF16.self, matrix, product, blocks)
}

/// How weights stand in their panels.
private protocol FloatFormat {
    /// Bytes of one input of a block.
    static var blockBytes: Int { get }
    /// The weights of one input and of block i among those that begin at a pointer.
    static func load(_ weights: UnsafeRawPointer, _ block: Int) -> Vector
}

private enum F32: FloatFormat {
    @_transparent
    static var blockBytes: Int { 64 }
    @_transparent
    static func load(_ weights: UnsafeRawPointer, _ block: Int) -> Vector { Vector.load(weights + block &* 64) }
}

private enum F16: FloatFormat {
    @_transparent
    static var blockBytes: Int { 32 }
    @_transparent
    static func load(_ weights: UnsafeRawPointer, _ block: Int) -> Vector { Vector.load(halves: weights + block &* 32) }
}

private enum BF16: FloatFormat {
    @_transparent
    static var blockBytes: Int { 32 }
    @_transparent
    static func load(_ weights: UnsafeRawPointer, _ block: Int) -> Vector { Vector.load(upperHalves: weights + block &* 32) }
}

private func multiply<Format: FloatFormat>(
    _ format: Format.Type, _ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>
) {
    if product.rows == 1 {
        multiplyOne(format, matrix, product, blocks)
        return
    }
    // As many rows at once as the second-level cache holds beside the weights.
    let tall = max(tileRows, (1 << 17) / max(matrix.inputs, 1) / tileRows &* tileRows)
    var row = 0
    while row < product.rows {
        let end = min(product.rows, row &+ tall)
        multiplyMany(format, matrix, product, row..<end, blocks)
        row = end
    }
}

// MARK: One row

private func multiplyOne<Format: FloatFormat>(
    _ format: Format.Type, _ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>
) {
    let (x, inputs, blockBytes) = (product.x, matrix.inputs, Format.blockBytes)
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
                    a.add(format, panel.base + k &* 4 &* blockBytes, xk)
                    b.add(format, other + k &* 4 &* blockBytes, xk)
                }
                a.store()
                b.store()
                block &+= 4
                continue
            }
            #endif
            var a = Four(&output)
            for k in 0..<inputs { a.add(format, panel.base + k &* 4 &* blockBytes, Vector(repeating: x[k])) }
            a.store()
        } else {
            for i in 0..<panel.count {
                var sum = output.start(row: 0)
                for k in 0..<inputs {
                    sum = sum.adding(Format.load(panel.base + k &* panel.stride, i), times: Vector(repeating: x[k]))
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

    @_transparent
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

    @_transparent
    mutating func add<Format: FloatFormat>(_ format: Format.Type, _ weights: UnsafeRawPointer, _ x: Vector) {
        a = a.adding(Format.load(weights, 0), times: x)
        b = b.adding(Format.load(weights, 1), times: x)
        c = c.adding(Format.load(weights, 2), times: x)
        d = d.adding(Format.load(weights, 3), times: x)
    }

    @_transparent
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

private func multiplyMany<Format: FloatFormat>(
    _ format: Format.Type, _ matrix: PackedBlocks, _ product: Product, _ rows: Range<Int>, _ blocks: Range<Int>
) {
    let (inputs, blockBytes, firstRow, endRow) = (matrix.inputs, Format.blockBytes, rows.lowerBound, rows.upperBound)
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
                        a.add(Format.load(step, 0), x, k)
                        b.add(Format.load(step, 1), x, k)
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
                for k in 0..<inputs { a.add(Format.load(base + k &* panel.stride, 0), x, k) }
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

    @_transparent
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

    @_transparent
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

    @_transparent
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

    @_transparent
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
