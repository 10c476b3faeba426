/// Reductions of one contiguous run, each in a fixed order: sixteen lanes side by side, then the lanes pairwise.
public enum Reduction {
    public static func sum(_ a: UnsafePointer<Float>, _ count: Int) -> Float {
        var lanes = Vector.zero
        var i = 0
        while i &+ vectorWidth <= count {
            lanes += Vector.load(a + i)
            i &+= vectorWidth
        }
        if i < count { lanes += Vector.load(a + i, first: count &- i) }
        return total(lanes)
    }

    public static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        var lanes = Vector.zero
        var i = 0
        while i &+ vectorWidth <= count {
            lanes = lanes.adding(Vector.load(a + i), times: Vector.load(b + i))
            i &+= vectorWidth
        }
        let rest = count &- i
        if rest > 0 { lanes = lanes.adding(Vector.load(a + i, first: rest), times: Vector.load(b + i, first: rest)) }
        return total(lanes)
    }

    public static func maximum(_ a: UnsafePointer<Float>, _ count: Int) -> Float {
        var peak = -Float.infinity
        for i in 0..<count where a[i] > peak { peak = a[i] }
        return peak
    }

    /// e^(a - max) / sum, which neither overflows nor divides by zero.
    public static func softmax(_ d: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ count: Int) {
        let peak = Vector(repeating: maximum(a, count))
        var i = 0
        while i &+ vectorWidth <= count {
            exponential(Vector.load(a + i) - peak).store(d + i)
            i &+= vectorWidth
        }
        if i < count { exponential(Vector.load(a + i, first: count &- i) - peak).store(d + i, first: count &- i) }
        let divisor = sum(d, count)
        for i in 0..<count { d[i] /= divisor }
    }

    @inline(__always)
    private static func total(_ lanes: Vector) -> Float {
        let eight = lanes.lowHalf + lanes.highHalf
        let four = eight.lowHalf + eight.highHalf
        return (four[0] + four[2]) + (four[1] + four[3])
    }
}

/// Products with a matrix that is not known beforehand: a state, a window, the positions of a source.
public enum MatrixVector {
    /// y[i] = Σ a[i, k] x[k], a row-major [rows, columns].
    public static func multiply(
        _ y: UnsafeMutablePointer<Float>, matrix a: UnsafePointer<Float>, vector x: UnsafePointer<Float>, rows: Int, columns: Int
    ) {
        for i in 0..<rows { y[i] = Reduction.dot(a + i &* columns, x, columns) }
    }

    /// y[j] = Σ x[k] a[k, j], a row-major [rows, columns]; summed over k in order.
    public static func multiply(
        _ y: UnsafeMutablePointer<Float>, vector x: UnsafePointer<Float>, matrix a: UnsafePointer<Float>, rows: Int, columns: Int
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
}
