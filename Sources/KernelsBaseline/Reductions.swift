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
    let divisor = exponentials(d, a, count, peak: largest(a, count))
    for i in 0..<count { d[i] /= divisor }
}

/// (softmax(a) - [index = target]) · scale; and -log softmax(a)[target] as log Σ e^(a - max) + (max - a[target]).
func crossEntropy(
    _ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ count: Int, _ target: Int, _ scale: Float
) -> Float {
    let peak = largest(a, count)
    let distance = peak - a[target]
    let sum = exponentials(d, a, count, peak: peak)
    let factor = scale / sum
    for i in 0..<count { d[i] *= factor }
    d[target] -= scale
    return logarithm(Vector(repeating: sum))[0] + distance
}

private func largest(_ a: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Vector(repeating: -.infinity)
    var i = 0
    while i &+ vectorWidth <= count {
        lanes = Vector.maximum(lanes, Vector.load(a + i))
        i &+= vectorWidth
    }
    var largest = -Float.infinity
    for lane in 0..<vectorWidth where lanes[lane] > largest { largest = lanes[lane] }
    while i < count {
        if a[i] > largest { largest = a[i] }
        i &+= 1
    }
    return largest
}

/// e^(a - peak).
/// - Returns: their sum.
private func exponentials(_ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ count: Int, peak: Float) -> Float {
    let peak = Vector(repeating: peak)
    var lanes = Vector.zero
    var i = 0
    while i &+ vectorWidth <= count {
        let y = exponential(Vector.load(a + i) - peak)
        y.store(d + i)
        lanes += y
        i &+= vectorWidth
    }
    let rest = count &- i
    if rest > 0 {
        exponential(Vector.load(a + i, first: rest) - peak).store(d + i, first: rest)
        lanes += Vector.load(d + i, first: rest)
    }
    return lanes.total
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
