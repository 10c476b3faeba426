import KernelInterface

// Sums over rows, one chain of additions for each column. Rows are read as they stand in memory, and the result stays in the
// first-level cache meanwhile.

func addRows(_ sum: RowSum, _ columns: Range<Int>) {
    if !sum.isAdded { (sum.result + columns.lowerBound).update(repeating: 0, count: columns.count) }
    var row = 0
    while row &+ 4 <= sum.rows {
        addFour(sum.x + row &* sum.stride, sum.stride, to: sum.result, columns)
        row &+= 4
    }
    while row < sum.rows {
        add(sum.x + row &* sum.stride, to: sum.result, columns)
        row &+= 1
    }
}

func scatterRows(_ scatter: RowScatter, _ columns: Range<Int>) {
    for row in 0..<scatter.rows {
        let token = Int(scatter.tokens[row])
        if token >= 0 { add(scatter.x + row &* scatter.stride, to: scatter.result + token &* scatter.resultStride, columns) }
    }
}

/// The columns of one row.
private func add(_ x: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, _ columns: Range<Int>) {
    var j = columns.lowerBound
    while j &+ vectorWidth <= columns.upperBound {
        (Vector.load(result + j) + Vector.load(x + j)).store(result + j)
        j &+= vectorWidth
    }
    while j < columns.upperBound {
        result[j] += x[j]
        j &+= 1
    }
}

/// The columns of four rows, one row after the other.
private func addFour(_ x: UnsafePointer<Float>, _ stride: Int, to result: UnsafeMutablePointer<Float>, _ columns: Range<Int>) {
    let (a, b, c, d) = (x, x + stride, x + 2 &* stride, x + 3 &* stride)
    var j = columns.lowerBound
    while j &+ vectorWidth <= columns.upperBound {
        let two = Vector.load(result + j) + Vector.load(a + j) + Vector.load(b + j)
        (two + Vector.load(c + j) + Vector.load(d + j)).store(result + j)
        j &+= vectorWidth
    }
    while j < columns.upperBound {
        result[j] = result[j] + a[j] + b[j] + c[j] + d[j]
        j &+= 1
    }
}
