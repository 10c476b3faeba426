import KernelInterface

// After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). Some rows of b are copied to where they
// stay in the second-level cache, as panels in the order in which tiles read them, and beside them the same rows of a few units of a.
// Blocks of rows come in ascending order and take up the sums where the block before left them in the result.

/// Rows of the result, and columns, whose sums are kept in registers together.
#if AVX512
private let tileRows = 12
private let tileColumns = 2 &* vectorWidth
#elseif AVX2 || arch(arm64)
private let tileRows = 6
private let tileColumns = vectorWidth
#else
private let tileRows = 2
private let tileColumns = vectorWidth
#endif

/// Columns of a that are copied together: a multiple of every build's `tileRows`.
private let groupColumns = OuterProducts.groupUnits &* vectorWidth

func outerProducts(_ product: OuterProducts, _ units: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) {
    let lines = units.lowerBound &* vectorWidth..<min(product.aCount, units.upperBound &* vectorWidth)
    var column = 0
    while column < product.bCount {
        let columns = column..<min(product.bCount, column &+ OuterProducts.blockColumns)
        var row = 0
        repeat {
            let rows = row..<min(product.rows, row &+ OuterProducts.blockRows)
            addBlock(product, lines, columns, rows, scratch)
            row = rows.upperBound
        } while row < product.rows
        column = columns.upperBound
    }
}

/// To some lines and columns of the result, what some rows add.
private func addBlock(
    _ product: OuterProducts, _ lines: Range<Int>, _ columns: Range<Int>, _ rows: Range<Int>,
    _ scratch: UnsafeMutablePointer<Float>
) {
    let a = scratch + OuterProducts.tileFloats
    let b = a + groupColumns &* rows.count
    copy(product.b + rows.lowerBound &* product.bStride, product.bStride, columns, rows.count, panelWidth: tileColumns, to: b)
    var line = lines.lowerBound
    while line < lines.upperBound {
        let group = line..<min(lines.upperBound, line &+ groupColumns)
        copy(product.a + rows.lowerBound &* product.aStride, product.aStride, group, rows.count, panelWidth: groupColumns, to: a)
        let block = Block(
            a: a, b: b, steps: rows.count, result: product.result + (line &* product.resultStride &+ columns.lowerBound),
            stride: product.resultStride, lines: group.count, columns: columns.count,
            isEmpty: rows.lowerBound == 0 && !product.isAdded, edge: scratch)
        block.add()
        line = group.upperBound
    }
}

/// Some columns of some rows, as `[panel][row][column of the panel]`, filled up with zeros.
private func copy(
    _ from: UnsafePointer<Float>, _ stride: Int, _ columns: Range<Int>, _ rows: Int, panelWidth: Int,
    to panels: UnsafeMutablePointer<Float>
) {
    var (column, panel) = (columns.lowerBound, panels)
    while column < columns.upperBound {
        let width = min(panelWidth, columns.upperBound &- column)
        for row in 0..<rows {
            let (source, place) = (from + (row &* stride &+ column), panel + row &* panelWidth)
            var i = 0
            while i < width {
                Vector.load(source + i).store(place + i)
                i &+= vectorWidth
            }
            while i < panelWidth {
                Vector.zero.store(place + i)
                i &+= vectorWidth
            }
        }
        panel += panelWidth &* rows
        column &+= panelWidth
    }
}

/// What is copied of some rows, and the part of the result that it adds to.
private struct Block {
    /// [steps][groupColumns]
    let a: UnsafePointer<Float>
    /// [panel][steps][tileColumns]
    let b: UnsafePointer<Float>
    let steps: Int
    let result: UnsafeMutablePointer<Float>
    let stride: Int
    let lines: Int
    let columns: Int
    /// Whether nothing stands in the result yet.
    let isEmpty: Bool
    /// Room for a tile of which a part is not in the result.
    let edge: UnsafeMutablePointer<Float>

    func add() {
        var column = 0
        while column < columns {
            var line = 0
            while line < lines {
                addTile(line, column)
                line &+= tileRows
            }
            column &+= tileColumns
        }
    }

    private func addTile(_ line: Int, _ column: Int) {
        let (x, y) = (a + line, b + column &* steps)
        let to = result + (line &* stride &+ column)
        let (height, width) = (min(tileRows, lines &- line), min(tileColumns, columns &- column))
        if height == tileRows && width == tileColumns {
            addWhole(x, y, to, stride)
        } else {
            if !isEmpty { move(to, stride, to: edge, tileColumns, height, width) }
            addWhole(x, y, edge, tileColumns)
            move(edge, tileColumns, to: to, stride, height, width)
        }
    }

    @inline(never)
    private func addWhole(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ stride: Int)
    {
        var tile = isEmpty ? Tile() : Tile(to, stride)
        for k in 0..<steps { tile.add(Line(y + k &* tileColumns), x + k &* groupColumns) }
        tile.store(to, stride)
    }

    private func move(
        _ from: UnsafeMutablePointer<Float>, _ fromStride: Int, to: UnsafeMutablePointer<Float>, _ toStride: Int, _ lines: Int,
        _ columns: Int
    ) {
        for i in 0..<lines {
            for j in 0..<columns { to[i &* toStride &+ j] = from[i &* fromStride &+ j] }
        }
    }
}

/// The columns of one line of a tile.
private struct Line {
    private var left: Vector
    #if AVX512
    private var right: Vector
    #endif

    @_transparent
    init() {
        left = .zero
        #if AVX512
        right = .zero
        #endif
    }

    @_transparent
    init(_ p: UnsafePointer<Float>) {
        left = Vector.load(p)
        #if AVX512
        right = Vector.load(p + vectorWidth)
        #endif
    }

    @_transparent
    mutating func add(_ y: Line, times x: Float) {
        let x = Vector(repeating: x)
        left = left.adding(y.left, times: x)
        #if AVX512
        right = right.adding(y.right, times: x)
        #endif
    }

    @_transparent
    func store(_ p: UnsafeMutablePointer<Float>) {
        left.store(p)
        #if AVX512
        right.store(p + vectorWidth)
        #endif
    }
}

/// The sums of `tileRows` lines.
private struct Tile {
    private var a = Line(), b = Line()
    #if AVX2 || AVX512 || arch(arm64)
    private var c = Line(), d = Line(), e = Line(), f = Line()
    #endif
    #if AVX512
    private var g = Line(), h = Line(), i = Line(), j = Line(), k = Line(), l = Line()
    #endif

    @_transparent
    init() {}

    @_transparent
    init(_ p: UnsafePointer<Float>, _ stride: Int) {
        a = Line(p)
        b = Line(p + stride)
        #if AVX2 || AVX512 || arch(arm64)
        c = Line(p + 2 &* stride)
        d = Line(p + 3 &* stride)
        e = Line(p + 4 &* stride)
        f = Line(p + 5 &* stride)
        #endif
        #if AVX512
        g = Line(p + 6 &* stride)
        h = Line(p + 7 &* stride)
        i = Line(p + 8 &* stride)
        j = Line(p + 9 &* stride)
        k = Line(p + 10 &* stride)
        l = Line(p + 11 &* stride)
        #endif
    }

    @_transparent
    mutating func add(_ y: Line, _ x: UnsafePointer<Float>) {
        a.add(y, times: x[0])
        b.add(y, times: x[1])
        #if AVX2 || AVX512 || arch(arm64)
        c.add(y, times: x[2])
        d.add(y, times: x[3])
        e.add(y, times: x[4])
        f.add(y, times: x[5])
        #endif
        #if AVX512
        g.add(y, times: x[6])
        h.add(y, times: x[7])
        i.add(y, times: x[8])
        j.add(y, times: x[9])
        k.add(y, times: x[10])
        l.add(y, times: x[11])
        #endif
    }

    @_transparent
    func store(_ p: UnsafeMutablePointer<Float>, _ stride: Int) {
        a.store(p)
        b.store(p + stride)
        #if AVX2 || AVX512 || arch(arm64)
        c.store(p + 2 &* stride)
        d.store(p + 3 &* stride)
        e.store(p + 4 &* stride)
        f.store(p + 5 &* stride)
        #endif
        #if AVX512
        g.store(p + 6 &* stride)
        h.store(p + 7 &* stride)
        i.store(p + 8 &* stride)
        j.store(p + 9 &* stride)
        k.store(p + 10 &* stride)
        l.store(p + 11 &* stride)
        #endif
    }
}
