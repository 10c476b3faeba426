import Kernels

#if canImport(Glibc)
import Glibc
#endif
extension KernelTable {
    func outerProducts(_ p: OuterProducts, _ units: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) {
        for i in units.lowerBound * 16..<min(p.aCount, units.upperBound * 16) {
            let y = p.result + i * p.resultStride
            if !p.isAdded { y.update(repeating: 0, count: p.bCount) }
            for r in 0..<p.rows {
                let f = p.a[r * p.aStride + i]
                let x = p.b + r * p.bStride
                for j in 0..<p.bCount { y[j] += f * x[j] }
            }
        }
    }
    func addRows(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ columns: Range<Int>) {
        for r in 0..<rows { for j in columns { y[j] += x[r * stride + j] } }
    }
    func scatterRows(
        _ y: UnsafeMutablePointer<Float>, _ width: Int, _ x: UnsafePointer<Float>, _ stride: Int, _ tokens: UnsafePointer<Int32>,
        _ rows: Int, _ columns: Range<Int>
    ) {
        for r in 0..<rows where tokens[r] >= 0 { for j in columns { y[Int(tokens[r]) * width + j] += x[r * stride + j] } }
    }
    func crossEntropy(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ n: Int, _ target: Int, _ scale: Float)
        -> Float
    {
        softmax(y, x, n)
        let loss = -logf(y[target])
        y[target] -= 1
        for j in 0..<n { y[j] *= scale }
        return loss
    }
    func dropoutMask(_ y: UnsafeMutablePointer<Float>, _ n: Int, _ rate: Float, _ seed: UInt64, _ counter: SIMD4<UInt32>) {
        y.update(repeating: 1, count: n)
    }
}
