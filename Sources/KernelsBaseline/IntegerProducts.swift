import KernelInterface

#if AVX2 || AVX512
import _Builtin_intrinsics.intel
#endif

// Matrices of q8 and q4 times vectors of eight bits: whole numbers within a block of 32 inputs, which no build rounds or saturates,
// and one rounded addition for each block, in ascending order.

func multiplyQ8(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) {
    multiply(matrix, product, blocks, steps: 8, offset: Integers.byteOffset) { sum, weights, values in
        sum.add(bytes: weights, Quadruple(values))
    }
}

func multiplyQ4(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) {
    multiply(matrix, product, blocks, steps: 4, offset: 8) { sum, weights, values in
        sum.add(nibbles: weights, Quadruple(values), Quadruple(values + 4))
    }
}

/// - Parameters:
///   - steps: of 32 inputs.
///   - offset: what has been added to each weight as `accumulate` sees it.
///   - accumulate: adds the products of one step's weights and values.
@inline(__always)
private func multiply(
    _ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>, steps: Int, offset: Int32,
    _ accumulate: (inout Integers, UnsafeRawPointer, UnsafePointer<Int8>) -> Void
) {
    guard let scales = matrix.scales else { return }
    let inputBlocks = QuantizedVector.blocks(matrix.inputs)
    let valueStep = QuantizedVector.blockLength / steps
    var output = OutputCursor(matrix, product, block: blocks.lowerBound)
    var block = blocks.lowerBound
    while block < blocks.upperBound {
        let panel = Panel(
            matrix, block, blocks.upperBound, stepBytes: 64 &* steps &* inputBlocks, 64, inputBlocks: inputBlocks)
        let own = scales + panel.scaleOffset
        block &+= panel.count
        if product.rows == 1 && panel.count == 4 {
            let first = output
            var a = nextStart(&output), b = nextStart(&output), c = nextStart(&output), d = nextStart(&output)
            var w = panel.base
            var s = UnsafeRawPointer(own)
            let x = Quantized(product, 0, inputBlocks)
            for i in 0..<inputBlocks {
                let start = Integers(repeating: -offset &* x.sum(i))
                var (p, q, r, t) = (start, start, start, start)
                var values = x.values + i &* QuantizedVector.blockLength
                for _ in 0..<steps {
                    accumulate(&p, w, values)
                    accumulate(&q, w + 64, values)
                    accumulate(&r, w + 128, values)
                    accumulate(&t, w + 192, values)
                    w += 256
                    values += valueStep
                }
                let scale = Vector(repeating: x.scale(i))
                a = a.adding(p.floats, times: Vector.load(halves: s) * scale)
                b = b.adding(q.floats, times: Vector.load(halves: s + 32) * scale)
                c = c.adding(r.floats, times: Vector.load(halves: s + 64) * scale)
                d = d.adding(t.floats, times: Vector.load(halves: s + 96) * scale)
                s += 128
            }
            store((a, b, c, d), first)
            continue
        }
        if product.rows == 1 {
            let x = Quantized(product, 0, inputBlocks)
            for i in 0..<panel.count {
                var sum = output.start(row: 0)
                var w = panel.base + i &* 64
                var s = own + i &* vectorWidth
                for j in 0..<inputBlocks {
                    var whole = Integers(repeating: -offset &* x.sum(j))
                    var values = x.values + j &* QuantizedVector.blockLength
                    for _ in 0..<steps {
                        accumulate(&whole, w, values)
                        w += panel.stride
                        values += valueStep
                    }
                    sum = sum.adding(whole.floats, times: Vector.load(halves: s) * Vector(repeating: x.scale(j)))
                    s += panel.scaleStride
                }
                output.store(sum, row: 0)
                output.advance()
            }
            continue
        }
        var i = 0
        while i < panel.count {
            let first = output
            output.advance()
            let base = panel.base + i &* 64
            let scale = own + i &* vectorWidth
            #if AVX512
            if i &+ 1 < panel.count {
                let second = output
                output.advance()
                var row = 0
                while row < product.rows {
                    let rows = TileVectors(product, row, inputBlocks)
                    var a = TileSums(first, row, product.rows)
                    var b = TileSums(second, row, product.rows)
                    var w = base
                    var s = scale
                    for j in 0..<inputBlocks {
                        var p = TileIntegers(rows, j, offset)
                        var q = p
                        var at = j &* QuantizedVector.blockLength
                        for _ in 0..<steps {
                            p.add(w, rows, at, accumulate)
                            q.add(w + 64, rows, at, accumulate)
                            w += panel.stride
                            at &+= valueStep
                        }
                        a.add(p, Vector.load(halves: s), rows, j)
                        b.add(q, Vector.load(halves: s + vectorWidth), rows, j)
                        s += panel.scaleStride
                    }
                    a.store(first, row, product.rows)
                    b.store(second, row, product.rows)
                    row &+= 4
                }
                i &+= 2
                continue
            }
            #endif
            var row = 0
            while row < product.rows {
                let rows = TileVectors(product, row, inputBlocks)
                var a = TileSums(first, row, product.rows)
                var w = base
                var s = scale
                for j in 0..<inputBlocks {
                    var p = TileIntegers(rows, j, offset)
                    var at = j &* QuantizedVector.blockLength
                    for _ in 0..<steps {
                        p.add(w, rows, at, accumulate)
                        w += panel.stride
                        at &+= valueStep
                    }
                    a.add(p, Vector.load(halves: s), rows, j)
                    s += panel.scaleStride
                }
                a.store(first, row, product.rows)
                row &+= 4
            }
            i &+= 1
        }
    }
}

@inline(__always)
private func nextStart(_ output: inout OutputCursor) -> Vector {
    let start = output.start(row: 0)
    output.advance()
    return start
}

@inline(__always)
private func store(_ sums: (Vector, Vector, Vector, Vector), _ output: OutputCursor) {
    var next = output
    next.store(sums.0, row: 0)
    next.advance()
    next.store(sums.1, row: 0)
    next.advance()
    next.store(sums.2, row: 0)
    next.advance()
    next.store(sums.3, row: 0)
}

/// A row of the vectors, as `QuantizedVector` lays it out.
private struct Quantized {
    let values: UnsafePointer<Int8>
    private let scales: UnsafePointer<Float>
    private let blocks: Int

    @inline(__always)
    init(_ product: Product, _ row: Int, _ blocks: Int) {
        let base = UnsafeRawPointer(product.x + row &* product.inputStride)
        values = base.assumingMemoryBound(to: Int8.self)
        scales = (base + blocks &* QuantizedVector.blockLength).assumingMemoryBound(to: Float.self)
        self.blocks = blocks
    }

    @inline(__always)
    func scale(_ block: Int) -> Float { scales[block] }

    @inline(__always)
    func sum(_ block: Int) -> Int32 { Int32(bitPattern: scales[blocks &+ block].bitPattern) }
}

/// Four rows of vectors. Those beyond the end stand for the last one, so that a tile is always whole.
private struct TileVectors {
    let a, b, c, d: Quantized

    @inline(__always)
    init(_ product: Product, _ row: Int, _ blocks: Int) {
        let last = product.rows &- 1
        a = Quantized(product, row, blocks)
        b = Quantized(product, min(row &+ 1, last), blocks)
        c = Quantized(product, min(row &+ 2, last), blocks)
        d = Quantized(product, min(row &+ 3, last), blocks)
    }
}

/// The whole sums of one block of outputs and one of inputs, for four rows.
private struct TileIntegers {
    var a, b, c, d: Integers

    @inline(__always)
    init(_ x: TileVectors, _ block: Int, _ offset: Int32) {
        a = Integers(repeating: -offset &* x.a.sum(block))
        b = Integers(repeating: -offset &* x.b.sum(block))
        c = Integers(repeating: -offset &* x.c.sum(block))
        d = Integers(repeating: -offset &* x.d.sum(block))
    }

    @inline(__always)
    mutating func add(
        _ weights: UnsafeRawPointer, _ x: TileVectors, _ at: Int,
        _ accumulate: (inout Integers, UnsafeRawPointer, UnsafePointer<Int8>) -> Void
    ) {
        accumulate(&a, weights, x.a.values + at)
        accumulate(&b, weights, x.b.values + at)
        accumulate(&c, weights, x.c.values + at)
        accumulate(&d, weights, x.d.values + at)
    }
}

/// The sums of one block of outputs, for four rows.
private struct TileSums {
    private var a, b, c, d: Vector

    @inline(__always)
    init(_ output: OutputCursor, _ row: Int, _ end: Int) {
        let last = end &- 1
        a = output.start(row: row)
        b = output.start(row: min(row &+ 1, last))
        c = output.start(row: min(row &+ 2, last))
        d = output.start(row: min(row &+ 3, last))
    }

    @inline(__always)
    mutating func add(_ whole: TileIntegers, _ scale: Vector, _ x: TileVectors, _ block: Int) {
        a = a.adding(whole.a.floats, times: scale * Vector(repeating: x.a.scale(block)))
        b = b.adding(whole.b.floats, times: scale * Vector(repeating: x.b.scale(block)))
        c = c.adding(whole.c.floats, times: scale * Vector(repeating: x.c.scale(block)))
        d = d.adding(whole.d.floats, times: scale * Vector(repeating: x.d.scale(block)))
    }

    @inline(__always)
    func store(_ output: OutputCursor, _ row: Int, _ end: Int) {
        output.store(a, row: row)
        if row &+ 1 < end { output.store(b, row: row &+ 1) }
        if row &+ 2 < end { output.store(c, row: row &+ 2) }
        if row &+ 3 < end { output.store(d, row: row &+ 3) }
    }
}

/// Four neighbouring values of a vector.
typealias Quadruple = Int32

extension Quadruple {
    @inline(__always)
    fileprivate init(_ values: UnsafePointer<Int8>) { self = UnsafeRawPointer(values).loadUnaligned(as: Int32.self) }
}

/// Sixteen sums of products of unsigned weights and signed values, four products at a time.
private struct Integers {
    #if AVX512
    static var byteOffset: Int32 { 128 }
    private var lanes: SIMD8<Int64>

    @inline(__always)
    init(repeating value: Int32) { lanes = _mm512_set1_epi32(value) }

    @inline(__always)
    mutating func add(bytes weights: UnsafeRawPointer, _ values: Quadruple) {
        lanes = _mm512_dpbusd_epi32(lanes, weights.loadUnaligned(as: SIMD8<Int64>.self), _mm512_set1_epi32(values))
    }

    @inline(__always)
    mutating func add(nibbles weights: UnsafeRawPointer, _ low: Quadruple, _ high: Quadruple) {
        let pairs = weights.loadUnaligned(as: SIMD8<Int64>.self)
        let mask = SIMD8<Int64>(repeating: 0x0f0f_0f0f_0f0f_0f0f)
        lanes = _mm512_dpbusd_epi32(lanes, pairs & mask, _mm512_set1_epi32(low))
        lanes = _mm512_dpbusd_epi32(lanes, _mm512_srli_epi16(pairs, 4) & mask, _mm512_set1_epi32(high))
    }

    @inline(__always)
    var floats: Vector { _mm512_cvtepi32_ps(lanes) }
    #elseif AVX2
    static var byteOffset: Int32 { 0 }
    private var low: SIMD4<Int64>
    private var high: SIMD4<Int64>

    @inline(__always)
    init(repeating value: Int32) {
        low = _mm256_set1_epi32(value)
        high = low
    }

    @inline(__always)
    mutating func add(bytes weights: UnsafeRawPointer, _ values: Quadruple) {
        let x = _mm256_set1_epi32(values)
        low = Self.add(low, weights.loadUnaligned(as: SIMD4<Int64>.self), x)
        high = Self.add(high, weights.loadUnaligned(fromByteOffset: 32, as: SIMD4<Int64>.self), x)
    }

    /// The instruction adds neighbouring products in sixteen bits. With the offset taken off again and a weight's sign moved to the
    /// value, no such sum is beyond 2 · 128 · 127, which they hold.
    @inline(__always)
    private static func add(_ sum: SIMD4<Int64>, _ weights: SIMD4<Int64>, _ x: SIMD4<Int64>) -> SIMD4<Int64> {
        let signed = weights ^ SIMD4<Int64>(repeating: Int64(bitPattern: 0x8080_8080_8080_8080))
        let products = _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(x, signed))
        return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)))
    }

    @inline(__always)
    mutating func add(nibbles weights: UnsafeRawPointer, _ lowValues: Quadruple, _ highValues: Quadruple) {
        let (x, y) = (_mm256_set1_epi32(lowValues), _mm256_set1_epi32(highValues))
        low = Self.add(low, nibbles: weights.loadUnaligned(as: SIMD4<Int64>.self), x, y)
        high = Self.add(high, nibbles: weights.loadUnaligned(fromByteOffset: 32, as: SIMD4<Int64>.self), x, y)
    }

    @inline(__always)
    private static func add(
        _ sum: SIMD4<Int64>, nibbles: SIMD4<Int64>, _ x: SIMD4<Int64>, _ y: SIMD4<Int64>
    ) -> SIMD4<Int64> {
        let mask = SIMD4<Int64>(repeating: 0x0f0f_0f0f_0f0f_0f0f)
        let first = _mm256_maddubs_epi16(nibbles & mask, x)
        let second = _mm256_maddubs_epi16(_mm256_srli_epi16(nibbles, 4) & mask, y)
        return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(1)))
    }

    @inline(__always)
    var floats: Vector {
        Vector(lowHalf: _mm256_cvtepi32_ps(low), highHalf: _mm256_cvtepi32_ps(high))
    }
    #else
    static var byteOffset: Int32 { 128 }
    private var lanes: SIMD16<Int32>

    @inline(__always)
    init(repeating value: Int32) { lanes = SIMD16(repeating: value) }

    @inline(__always)
    mutating func add(bytes weights: UnsafeRawPointer, _ values: Quadruple) {
        let quadruples = weights.loadUnaligned(as: SIMD16<Int32>.self)
        lanes &+= (quadruples & 0xff) &* SIMD16(repeating: (values &<< 24) &>> 24)
        lanes &+= ((quadruples &>> 8) & 0xff) &* SIMD16(repeating: (values &<< 16) &>> 24)
        lanes &+= ((quadruples &>> 16) & 0xff) &* SIMD16(repeating: (values &<< 8) &>> 24)
        lanes &+= ((quadruples &>> 24) & 0xff) &* SIMD16(repeating: values &>> 24)
    }

    @inline(__always)
    mutating func add(nibbles weights: UnsafeRawPointer, _ low: Quadruple, _ high: Quadruple) {
        let pairs = weights.loadUnaligned(as: SIMD16<Int32>.self)
        lanes &+= (pairs & 0xf) &* SIMD16(repeating: (low &<< 24) &>> 24)
        lanes &+= ((pairs &>> 8) & 0xf) &* SIMD16(repeating: (low &<< 16) &>> 24)
        lanes &+= ((pairs &>> 16) & 0xf) &* SIMD16(repeating: (low &<< 8) &>> 24)
        lanes &+= ((pairs &>> 24) & 0xf) &* SIMD16(repeating: low &>> 24)
        lanes &+= ((pairs &>> 4) & 0xf) &* SIMD16(repeating: (high &<< 24) &>> 24)
        lanes &+= ((pairs &>> 12) & 0xf) &* SIMD16(repeating: (high &<< 16) &>> 24)
        lanes &+= ((pairs &>> 20) & 0xf) &* SIMD16(repeating: (high &<< 8) &>> 24)
        lanes &+= ((pairs &>> 28) & 0xf) &* SIMD16(repeating: high &>> 24)
    }

    /// Below 2^24 in magnitude, so exact: 1.5 · 2^23 plus a whole number has it in its low bits.
    @inline(__always)
    var floats: Vector {
        let shifter = Vector(repeating: 12_582_912)
        return unsafeBitCast(lanes &+ unsafeBitCast(shifter, to: SIMD16<Int32>.self), to: Vector.self) - shifter
    }
    #endif
}

// MARK: Rounding vectors to eight bits

/// Each block of 32: the scale is the largest magnitude over 127, and values are rounded to the nearest whole number, ties to even.
/// A block with something that is not finite has a scale that is not.
func quantize(_ x: UnsafePointer<Float>, _ count: Int, _ result: UnsafeMutablePointer<Float>, _ blocks: Range<Int>) {
    let total = QuantizedVector.blocks(count)
    let scales = result + total &* QuantizedVector.blockLength / 4
    for block in blocks {
        let first = block &* QuantizedVector.blockLength
        let (a, b) = (load(x + first, count &- first), load(x + (first &+ 16), count &- first &- 16))
        // As whole numbers, magnitudes are in the same order, infinity and NaN above all others.
        let (p, q) = (unsafeBitCast(a, to: Bits.self) & 0x7fff_ffff, unsafeBitCast(b, to: Bits.self) & 0x7fff_ffff)
        let largest = Float(bitPattern: maximum(p.replacing(with: q, where: q .> p)))
        // A block of nothing but the smallest numbers is a block of zeros.
        let isZero = largest < 1e-30
        let inverse = Vector(repeating: isZero ? 0 : 127 / largest)
        let shifter = Vector(repeating: 12_582_912)  // 1.5 · 2^23: adding it rounds to a whole number in the low bits
        let whole = unsafeBitCast(shifter, to: SIMD16<Int32>.self)
        let u = unsafeBitCast(a * inverse + shifter, to: SIMD16<Int32>.self) &- whole
        let v = unsafeBitCast(b * inverse + shifter, to: SIMD16<Int32>.self) &- whole
        let values = UnsafeMutableRawPointer(result) + first
        store(u, to: values)
        store(v, to: values + 16)
        scales[block] = isZero ? 0 : largest * (1 / 127)
        scales[total &+ block] = Float(bitPattern: UInt32(bitPattern: sum(u &+ v)))
    }
}

@inline(__always)
private func maximum(_ lanes: Bits) -> UInt32 {
    let eight = lanes.lowHalf.replacing(with: lanes.highHalf, where: lanes.highHalf .> lanes.lowHalf)
    let four = eight.lowHalf.replacing(with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
    let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
    return max(two[0], two[1])
}

/// The lowest byte of each lane.
@inline(__always)
private func store(_ lanes: SIMD16<Int32>, to values: UnsafeMutableRawPointer) {
    #if AVX512
    let bytes = _mm512_cvtepi32_epi8(unsafeBitCast(lanes, to: SIMD8<Int64>.self))
    values.storeBytes(of: bytes, as: SIMD2<Int64>.self)
    #else
    for i in 0..<16 { values.storeBytes(of: Int8(truncatingIfNeeded: lanes[i]), toByteOffset: i, as: Int8.self) }
    #endif
}

@inline(__always)
private func sum(_ lanes: SIMD16<Int32>) -> Int32 {
    let eight = lanes.lowHalf &+ lanes.highHalf
    let four = eight.lowHalf &+ eight.highHalf
    let two = four.lowHalf &+ four.highHalf
    return two[0] &+ two[1]
}

@inline(__always)
private func load(_ x: UnsafePointer<Float>, _ count: Int) -> Vector {
    count >= vectorWidth ? Vector.load(x) : count <= 0 ? .zero : Vector.load(x, first: count)
}
