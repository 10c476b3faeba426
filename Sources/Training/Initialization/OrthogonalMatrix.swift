import Generation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Random matrices with orthogonal rows or columns, evenly among all that there are: Q of the QR factorisation of a matrix of normal
/// numbers, each column with the sign of R's diagonal (Mezzadri, "How to generate random matrices from the classical compact groups",
/// 2007), by Householder's reflections.
enum OrthogonalMatrix {
    /// Row-major, rows × columns. With more rows than columns it is the columns that are orthogonal.
    static func random(rows: Int, columns: Int, _ generator: inout RandomGenerator) -> [Double] {
        let (length, count) = (max(rows, columns), min(rows, columns))
        var vectors = (0..<count).map { _ in (0..<length).map { _ in generator.nextNormal() } }
        orthogonalize(&vectors)
        if rows <= columns { return vectors.flatMap { $0 } }
        return (0..<rows).flatMap { row in vectors.map { $0[row] } }
    }

    /// - Parameter vectors: at least as long as there are of them.
    private static func orthogonalize(_ vectors: inout [[Double]]) {
        let count = vectors.count
        var reflections: [[Double]] = []  // vⱼ with |vⱼ|² = 2, so that a reflection is x − v (v·x); its first j numbers are 0
        var signs: [Double] = []
        for j in 0..<count {
            var v = vectors[j]
            for i in 0..<j { v[i] = 0 }
            let norm = dot(v, v, from: j).squareRoot()
            let diagonal = v[j] > 0 ? -norm : norm
            v[j] -= diagonal
            let size = dot(v, v, from: j)
            if size > 0 { for i in j..<v.count { v[i] *= (2 / size).squareRoot() } }
            for k in (j + 1)..<max(j + 1, count) { reflect(&vectors[k], v, from: j) }
            reflections.append(v)
            signs.append(diagonal < 0 ? -1 : 1)
        }
        for j in 0..<count {
            for i in vectors[j].indices { vectors[j][i] = i == j ? signs[j] : 0 }
            for k in (0...j).reversed() { reflect(&vectors[j], reflections[k], from: k) }
        }
    }

    private static func reflect(_ x: inout [Double], _ v: [Double], from start: Int) {
        let product = dot(v, x, from: start)
        x.withUnsafeMutableBufferPointer { x in
            v.withUnsafeBufferPointer { v in for i in start..<v.count { x[i] -= product * v[i] } }
        }
    }

    /// In eight sums, which is faster than one and the same on every machine.
    private static func dot(_ a: [Double], _ b: [Double], from start: Int) -> Double {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                var sums = SIMD8<Double>.zero
                var i = start
                while i + 8 <= a.count {
                    let x = SIMD8(a[i], a[i + 1], a[i + 2], a[i + 3], a[i + 4], a[i + 5], a[i + 6], a[i + 7])
                    let y = SIMD8(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7])
                    sums += x * y
                    i += 8
                }
                var sum = sums.sum()
                while i < a.count {
                    sum += a[i] * b[i]
                    i += 1
                }
                return sum
            }
        }
    }
}

extension RandomGenerator {
    /// A number of the standard normal distribution (Box and Muller, 1958; one of the two is thrown away, so that a draw has no memory).
    mutating func nextNormal() -> Double {
        let radius = (-2 * log(1 - nextUnit())).squareRoot()
        return radius * cos(2 * .pi * nextUnit())
    }
}
