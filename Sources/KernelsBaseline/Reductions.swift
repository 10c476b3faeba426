import KernelInterface

// Reductions of one contiguous run, each in a fixed order: sixteen lanes side by side, then the lanes pairwise.

func sum(_ a: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Vector.zero
    var i = 0
    while i &+ vectorWidth <= count {
        lanes += Vector.load(a + i)
        i &+= vectorWidth
    }
    if i < count { lanes += Vector.load(a + i, first: count &- i) }
    return lanes.total
}

/// e^(a - max) / sum, which neither overflows nor divides by zero.
func softmax(_ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ count: Int) {
    var largest = -Float.infinity
    for i in 0..<count where a[i] > largest { largest = a[i] }
    let peak = Vector(repeating: largest)
    var i = 0
    while i &+ vectorWidth <= count {
        exponential(Vector.load(a + i) - peak).store(d + i)
        i &+= vectorWidth
    }
    if i < count { exponential(Vector.load(a + i, first: count &- i) - peak).store(d + i, first: count &- i) }
    let divisor = sum(d, count)
    for i in 0..<count { d[i] /= divisor }
}

func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Vector.zero
    var i = 0
    while i &+ vectorWidth <= count {
        lanes = lanes.adding(Vector.load(a + i), times: Vector.load(b + i))
        i &+= vectorWidth
    }
    let rest = count &- i
    if rest > 0 { lanes = lanes.adding(Vector.load(a + i, first: rest), times: Vector.load(b + i, first: rest)) }
    return lanes.total
}

func matrixVector(
    _ y: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ rows: Int, _ columns: Int
) {
    for i in 0..<rows { y[i] = dot(a + i &* columns, x, columns) }
}

/// Summed over k in order.
func vectorMatrix(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ a: UnsafePointer<Float>, _ rows: Int, _ columns: Int
) {
    var j = 0
    while j &+ vectorWidth <= columns {
        var sum = Vector.zero
        for k in 0..<rows { sum = sum.adding(Vector.load(a + (k &* columns &+ j)), times: Vector(repeating: x[k])) }
        sum.store(y + j)
        j &+= vectorWidth
    }
    let rest = columns &- j
    if rest > 0 {
        var sum = Vector.zero
        for k in 0..<rows {
            sum = sum.adding(Vector.load(a + (k &* columns &+ j), first: rest), times: Vector(repeating: x[k]))
        }
        sum.store(y + j, first: rest)
    }
}
