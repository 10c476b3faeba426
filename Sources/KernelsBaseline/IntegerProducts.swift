import KernelInterface

#if AVX2 || AVX512
import _Builtin_intrinsics.intel
#endif

// Matrices of q8 and q4 times vectors of eight bits: whole numbers within a block of 32 inputs, which no build rounds or saturates,
// one rounded addition for each block of a stretch, in ascending order, and one for each stretch.

func multiplyQ8(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) { multiply(Q8.self, matrix, product, blocks) }

func multiplyQ4(_ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>) { multiply(Q4.self, matrix, product, blocks) }

/// How weights stand in their panels.
private protocol IntegerFormat {
    /// Of a block of 32 inputs.
    static var steps: Int { get }
    /// What the sums of a block begin with, to take back what was added to its weights.
    static func start(_ x: Quantized, _ block: Int) -> Int32
    /// Adds the products of one step's weights and values.
    static func add(_ weights: UnsafeRawPointer, _ values: UnsafePointer<Int8>, to sum: inout Integers)
}

extension IntegerFormat {
    @_transparent
    static var valuesPerStep: Int { QuantizedVector.blockLength / steps }
}

private enum Q8: IntegerFormat {
    @_transparent
    static var steps: Int { 8 }

    @_transparent
    static func start(_ x: Quantized, _ block: Int) -> Int32 { Integers.takesSignedBytes ? 0 : x.offset(block) }

    @_transparent
    static func add(_ weights: UnsafeRawPointer, _ values: UnsafePointer<Int8>, to sum: inout Integers) {
        sum.add(bytes: weights, Quadruple(values))
    }
}

private enum Q4: IntegerFormat {
    @_transparent
    static var steps: Int { 4 }

    @_transparent
    static func start(_ x: Quantized, _ block: Int) -> Int32 { x.offset(block) / 16 }

    @_transparent
    static func add(_ weights: UnsafeRawPointer, _ values: UnsafePointer<Int8>, to sum: inout Integers) {
        sum.add(nibbles: weights, Quadruple(values), Quadruple(values + 4))
    }
}

/// What the loops below read of a matrix and a product.
private struct Operands {
    let product: Product
    let scales: UnsafePointer<UInt16>
    let inputBlocks: Int
    let stretches: Int

    /// Blocks of inputs that share the scale of a vector.
    @_transparent
    func blocks(of stretch: Int) -> Range<Int> {
        let first = stretch &* QuantizedVector.blocksPerStretch
        return first..<min(first &+ QuantizedVector.blocksPerStretch, inputBlocks)
    }
}

private func multiply<Format: IntegerFormat>(
    _ format: Format.Type, _ matrix: PackedBlocks, _ product: Product, _ blocks: Range<Int>
) {
    guard let scales = matrix.scales else { return }
    let inputBlocks = QuantizedVector.blocks(matrix.inputs)
    let operands = Operands(
        product: product, scales: scales, inputBlocks: inputBlocks, stretches: QuantizedVector.stretches(matrix.inputs))
    var output = OutputCursor(matrix, product, block: blocks.lowerBound)
    var block = blocks.lowerBound
    while block < blocks.upperBound {
        let panel = Panel(
            matrix, block, blocks.upperBound, stepBytes: 64 &* Format.steps &* inputBlocks, 64, inputBlocks: inputBlocks)
        block &+= panel.count
        if product.rows == 1 && panel.count == 4 {
            fourBlocks(format, operands, panel, output)
            for _ in 0..<4 { output.advance() }
            continue
        }
        var i = 0
        while i < panel.count {
            if product.rows == 1 {
                oneBlock(format, operands, panel, i, output)
            } else {
                #if AVX512
                if i &+ 1 < panel.count {
                    let first = output
                    output.advance()
                    twoBlocksOfTiles(format, operands, panel, i, first, output)
                    output.advance()
                    i &+= 2
                    continue
                }
                #endif
                oneBlockOfTiles(format, operands, panel, i, output)
            }
            output.advance()
            i &+= 1
        }
    }
}

private func fourBlocks<Format: IntegerFormat>(
    _ format: Format.Type, _ operands: Operands, _ panel: Panel, _ first: OutputCursor
) {
    var output = first
    var a = nextStart(&output), b = nextStart(&output), c = nextStart(&output), d = nextStart(&output)
    let x = Quantized(operands.product, 0, operands.inputBlocks)
    var w = panel.base
    var s = UnsafeRawPointer(operands.scales + panel.scaleOffset)
    for stretch in 0..<operands.stretches {
        var (e, f, g, h) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        for i in operands.blocks(of: stretch) {
            let start = Integers(repeating: Format.start(x, i))
            var (p, q, r, t) = (start, start, start, start)
            var values = x.values + i &* QuantizedVector.blockLength
            for _ in 0..<Format.steps {
                Format.add(w, values, to: &p)
                Format.add(w + 64, values, to: &q)
                Format.add(w + 128, values, to: &r)
                Format.add(w + 192, values, to: &t)
                w += 256
                values += Format.valuesPerStep
            }
            e = e.adding(p.floats, times: Vector.load(halves: s))
            f = f.adding(q.floats, times: Vector.load(halves: s + 32))
            g = g.adding(r.floats, times: Vector.load(halves: s + 64))
            h = h.adding(t.floats, times: Vector.load(halves: s + 96))
            s += 128
        }
        let scale = Vector(repeating: x.scale(stretch))
        a = a.adding(e, times: scale)
        b = b.adding(f, times: scale)
        c = c.adding(g, times: scale)
        d = d.adding(h, times: scale)
    }
    output = first
    output.store(a, row: 0)
    output.advance()
    output.store(b, row: 0)
    output.advance()
    output.store(c, row: 0)
    output.advance()
    output.store(d, row: 0)
}

private func oneBlock<Format: IntegerFormat>(
    _ format: Format.Type, _ operands: Operands, _ panel: Panel, _ block: Int, _ output: OutputCursor
) {
    let x = Quantized(operands.product, 0, operands.inputBlocks)
    var sum = output.start(row: 0)
    var w = panel.base + block &* 64
    var s = operands.scales + (panel.scaleOffset &+ block &* vectorWidth)
    for stretch in 0..<operands.stretches {
        var partial = Vector.zero
        for i in operands.blocks(of: stretch) {
            var whole = Integers(repeating: Format.start(x, i))
            var values = x.values + i &* QuantizedVector.blockLength
            for _ in 0..<Format.steps {
                Format.add(w, values, to: &whole)
                w += panel.stride
                values += Format.valuesPerStep
            }
            partial = partial.adding(whole.floats, times: Vector.load(halves: s))
            s += panel.scaleStride
        }
        sum = sum.adding(partial, times: Vector(repeating: x.scale(stretch)))
    }
    output.store(sum, row: 0)
}

#if AVX512
private func twoBlocksOfTiles<Format: IntegerFormat>(
    _ format: Format.Type, _ operands: Operands, _ panel: Panel, _ block: Int, _ first: OutputCursor, _ second: OutputCursor
) {
    let rows = operands.product.rows
    var row = 0
    while row < rows {
        let x = TileVectors(operands.product, row, operands.inputBlocks)
        var a = TileSums(first, row, rows)
        var b = TileSums(second, row, rows)
        var w = panel.base + block &* 64
        var s = operands.scales + (panel.scaleOffset &+ block &* vectorWidth)
        for stretch in 0..<operands.stretches {
            var (e, f) = (TileSums(), TileSums())
            for i in operands.blocks(of: stretch) {
                var p = TileIntegers(format, x, i)
                var q = p
                var at = i &* QuantizedVector.blockLength
                for _ in 0..<Format.steps {
                    p.add(format, w, x, at)
                    q.add(format, w + 64, x, at)
                    w += panel.stride
                    at &+= Format.valuesPerStep
                }
                e.add(p, times: Vector.load(halves: s))
                f.add(q, times: Vector.load(halves: s + vectorWidth))
                s += panel.scaleStride
            }
            a.add(e, x, stretch)
            b.add(f, x, stretch)
        }
        a.store(first, row, rows)
        b.store(second, row, rows)
        row &+= 4
    }
}
#endif

private func oneBlockOfTiles<Format: IntegerFormat>(
    _ format: Format.Type, _ operands: Operands, _ panel: Panel, _ block: Int, _ output: OutputCursor
) {
    let rows = operands.product.rows
    var row = 0
    while row < rows {
        let x = TileVectors(operands.product, row, operands.inputBlocks)
        var a = TileSums(output, row, rows)
        var w = panel.base + block &* 64
        var s = operands.scales + (panel.scaleOffset &+ block &* vectorWidth)
        for stretch in 0..<operands.stretches {
            var e = TileSums()
            for i in operands.blocks(of: stretch) {
                var p = TileIntegers(format, x, i)
                var at = i &* QuantizedVector.blockLength
                for _ in 0..<Format.steps {
                    p.add(format, w, x, at)
                    w += panel.stride
                    at &+= Format.valuesPerStep
                }
                e.add(p, times: Vector.load(halves: s))
                s += panel.scaleStride
            }
            a.add(e, x, stretch)
        }
        a.store(output, row, rows)
        row &+= 4
    }
}

@_transparent
private func nextStart(_ output: inout OutputCursor) -> Vector {
    let start = output.start(row: 0)
    output.advance()
    return start
}

/// A row of the vectors, as `QuantizedVector` lays it out.
private struct Quantized {
    let values: UnsafePointer<Int8>
    private let offsets: UnsafePointer<Int32>
    private let scales: UnsafePointer<Float>

    @_transparent
    init(_ product: Product, _ row: Int, _ blocks: Int) {
        let base = UnsafeRawPointer(product.x + row &* product.inputStride)
        values = base.assumingMemoryBound(to: Int8.self)
        let offsets = base + blocks &* QuantizedVector.blockLength
        self.offsets = offsets.assumingMemoryBound(to: Int32.self)
        scales = (offsets + 4 &* blocks).assumingMemoryBound(to: Float.self)
    }

    @_transparent
    func scale(_ stretch: Int) -> Float { scales[stretch] }

    @_transparent
    func offset(_ block: Int) -> Int32 { offsets[block] }
}

/// Four rows of vectors. Those beyond the end stand for the last one, so that a tile is always whole.
private struct TileVectors {
    let a, b, c, d: Quantized

    @_transparent
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

    @_transparent
    init<Format: IntegerFormat>(_ format: Format.Type, _ x: TileVectors, _ block: Int) {
        a = Integers(repeating: Format.start(x.a, block))
        b = Integers(repeating: Format.start(x.b, block))
        c = Integers(repeating: Format.start(x.c, block))
        d = Integers(repeating: Format.start(x.d, block))
    }

    @_transparent
    mutating func add<Format: IntegerFormat>(_ format: Format.Type, _ weights: UnsafeRawPointer, _ x: TileVectors, _ at: Int) {
        Format.add(weights, x.a.values + at, to: &a)
        Format.add(weights, x.b.values + at, to: &b)
        Format.add(weights, x.c.values + at, to: &c)
        Format.add(weights, x.d.values + at, to: &d)
    }
}

/// The sums of one block of outputs, for four rows.
private struct TileSums {
    private var a, b, c, d: Vector

    @_transparent
    init() { (a, b, c, d) = (.zero, .zero, .zero, .zero) }

    @_transparent
    init(_ output: OutputCursor, _ row: Int, _ end: Int) {
        let last = end &- 1
        a = output.start(row: row)
        b = output.start(row: min(row &+ 1, last))
        c = output.start(row: min(row &+ 2, last))
        d = output.start(row: min(row &+ 3, last))
    }

    /// Of a block of inputs, by the scales of its weights.
    @_transparent
    mutating func add(_ whole: TileIntegers, times scale: Vector) {
        a = a.adding(whole.a.floats, times: scale)
        b = b.adding(whole.b.floats, times: scale)
        c = c.adding(whole.c.floats, times: scale)
        d = d.adding(whole.d.floats, times: scale)
    }

    /// Of a stretch of inputs, by the scales of the vectors.
    @_transparent
    mutating func add(_ partial: TileSums, _ x: TileVectors, _ stretch: Int) {
        a = a.adding(partial.a, times: Vector(repeating: x.a.scale(stretch)))
        b = b.adding(partial.b, times: Vector(repeating: x.b.scale(stretch)))
        c = c.adding(partial.c, times: Vector(repeating: x.c.scale(stretch)))
        d = d.adding(partial.d, times: Vector(repeating: x.d.scale(stretch)))
    }

    @_transparent
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
    @_transparent
    fileprivate init(_ values: UnsafePointer<Int8>) { self = UnsafeRawPointer(values).loadUnaligned(as: Int32.self) }
}

/// Sixteen sums of products of unsigned weights and signed values, four products at a time.
private struct Integers {
    #if AVX512
    static var takesSignedBytes: Bool { false }
    private var lanes: SIMD8<Int64>

    @_transparent
    init(repeating value: Int32) { lanes = _mm512_set1_epi32(value) }

    @_transparent
    mutating func add(bytes weights: UnsafeRawPointer, _ values: Quadruple) {
        lanes = _mm512_dpbusd_epi32(lanes, weights.loadUnaligned(as: SIMD8<Int64>.self), _mm512_set1_epi32(values))
    }

    @_transparent
    mutating func add(nibbles weights: UnsafeRawPointer, _ low: Quadruple, _ high: Quadruple) {
        let pairs = weights.loadUnaligned(as: SIMD8<Int64>.self)
        let mask = SIMD8<Int64>(repeating: 0x0f0f_0f0f_0f0f_0f0f)
        lanes = _mm512_dpbusd_epi32(lanes, _mm512_and_si512(pairs, mask), _mm512_set1_epi32(low))
        lanes = _mm512_dpbusd_epi32(lanes, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), mask), _mm512_set1_epi32(high))
    }

    @_transparent
    var floats: Vector { _mm512_cvtepi32_ps(lanes) }
    #elseif AVX2
    static var takesSignedBytes: Bool { true }
    private var low: SIMD4<Int64>
    private var high: SIMD4<Int64>

    @_transparent
    init(repeating value: Int32) {
        low = _mm256_set1_epi32(value)
        high = low
    }

    @_transparent
    mutating func add(bytes weights: UnsafeRawPointer, _ values: Quadruple) {
        let x = _mm256_set1_epi32(values)
        low = Self.add(low, weights.loadUnaligned(as: SIMD4<Int64>.self), x)
        high = Self.add(high, weights.loadUnaligned(fromByteOffset: 32, as: SIMD4<Int64>.self), x)
    }

    /// The instruction adds neighbouring products in sixteen bits. With the offset taken off again and a weight's sign moved to the
    /// value, no such sum is beyond 2 · 128 · 127, which they hold.
    @_transparent
    private static func add(_ sum: SIMD4<Int64>, _ weights: SIMD4<Int64>, _ x: SIMD4<Int64>) -> SIMD4<Int64> {
        let signed = _mm256_xor_si256(weights, SIMD4(repeating: Int64(bitPattern: 0x8080_8080_8080_8080)))
        let products = _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(x, signed))
        return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)))
    }

    @_transparent
    mutating func add(nibbles weights: UnsafeRawPointer, _ lowValues: Quadruple, _ highValues: Quadruple) {
        let (x, y) = (_mm256_set1_epi32(lowValues), _mm256_set1_epi32(highValues))
        low = Self.add(low, nibbles: weights.loadUnaligned(as: SIMD4<Int64>.self), x, y)
        high = Self.add(high, nibbles: weights.loadUnaligned(fromByteOffset: 32, as: SIMD4<Int64>.self), x, y)
    }

    @_transparent
    private static func add(
        _ sum: SIMD4<Int64>, nibbles: SIMD4<Int64>, _ x: SIMD4<Int64>, _ y: SIMD4<Int64>
    ) -> SIMD4<Int64> {
        let mask = SIMD4<Int64>(repeating: 0x0f0f_0f0f_0f0f_0f0f)
        let first = _mm256_maddubs_epi16(_mm256_and_si256(nibbles, mask), x)
        let second = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(nibbles, 4), mask), y)
        return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(1)))
    }

    @_transparent
    var floats: Vector {
        Vector(lowHalf: _mm256_cvtepi32_ps(low), highHalf: _mm256_cvtepi32_ps(high))
    }
    #else
    static var takesSignedBytes: Bool { false }
    private var lanes: SIMD16<Int32>

    @_transparent
    init(repeating value: Int32) { lanes = SIMD16(repeating: value) }

    @_transparent
    mutating func add(bytes weights: UnsafeRawPointer, _ values: Quadruple) {
        let quadruples = weights.loadUnaligned(as: SIMD16<Int32>.self)
        lanes &+= (quadruples & 0xff) &* SIMD16(repeating: (values &<< 24) &>> 24)
        lanes &+= ((quadruples &>> 8) & 0xff) &* SIMD16(repeating: (values &<< 16) &>> 24)
        lanes &+= ((quadruples &>> 16) & 0xff) &* SIMD16(repeating: (values &<< 8) &>> 24)
        lanes &+= ((quadruples &>> 24) & 0xff) &* SIMD16(repeating: values &>> 24)
    }

    @_transparent
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
    @_transparent
    var floats: Vector {
        let shifter = Vector(repeating: 12_582_912)
        return unsafeBitCast(lanes &+ unsafeBitCast(shifter, to: SIMD16<Int32>.self), to: Vector.self) - shifter
    }
    #endif
}

// MARK: Rounding vectors to eight bits

/// Each stretch: the scale is the largest magnitude over 127, and values are rounded to the nearest whole number, ties to even.
/// A stretch with something that is not finite has a scale that is not.
func quantize(_ x: UnsafePointer<Float>, _ count: Int, _ result: UnsafeMutablePointer<Float>, _ stretches: Range<Int>) {
    let total = QuantizedVector.blocks(count)
    let values = UnsafeMutableRawPointer(result)
    let offsets = (values + total &* QuantizedVector.blockLength).assumingMemoryBound(to: Int32.self)
    let scales = result + total &* (QuantizedVector.blockLength / 4 &+ 1)
    for stretch in stretches {
        let first = stretch &* QuantizedVector.blocksPerStretch
        let blocks = first..<min(first &+ QuantizedVector.blocksPerStretch, total)
        let largest = largestMagnitude(x, count, blocks)
        // One of nothing but the smallest numbers is all zeros.
        let isZero = largest < 1e-30
        scales[stretch] = isZero ? 0 : largest * (1 / 127)
        let inverse = Vector(repeating: isZero ? 0 : 127 / largest)
        let shifter = Vector(repeating: 12_582_912)  // 1.5 · 2^23: adding it rounds to a whole number in the low bits
        let whole = unsafeBitCast(shifter, to: SIMD16<Int32>.self)
        for block in blocks {
            let at = block &* QuantizedVector.blockLength
            let (a, b) = (load(x + at, count &- at), load(x + (at &+ 16), count &- at &- 16))
            let u = unsafeBitCast(a * inverse + shifter, to: SIMD16<Int32>.self) &- whole
            let v = unsafeBitCast(b * inverse + shifter, to: SIMD16<Int32>.self) &- whole
            store(u, to: values + at)
            store(v, to: values + at + 16)
            offsets[block] = -128 &* (u &+ v).total
        }
    }
}

/// Of the elements of some blocks. As whole numbers, magnitudes are in the same order, infinity and NaN above all others.
@_transparent
private func largestMagnitude(_ x: UnsafePointer<Float>, _ count: Int, _ blocks: Range<Int>) -> Float {
    var largest = SIMD16<UInt32>.zero
    for block in blocks {
        let at = block &* QuantizedVector.blockLength
        let (a, b) = (load(x + at, count &- at), load(x + (at &+ 16), count &- at &- 16))
        let (p, q) = (unsafeBitCast(a, to: Bits.self).masked(0x7fff_ffff), unsafeBitCast(b, to: Bits.self).masked(0x7fff_ffff))
        largest = largest.larger(p.larger(q))
    }
    return Float(bitPattern: largest.largest)
}

/// The lowest byte of each lane.
@_transparent
private func store(_ lanes: SIMD16<Int32>, to values: UnsafeMutableRawPointer) {
    #if AVX512
    let bytes = _mm512_cvtepi32_epi8(unsafeBitCast(lanes, to: SIMD8<Int64>.self))
    values.storeBytes(of: bytes, as: SIMD2<Int64>.self)
    #else
    for i in 0..<16 { values.storeBytes(of: Int8(truncatingIfNeeded: lanes[i]), toByteOffset: i, as: Int8.self) }
    #endif
}

@_transparent
private func load(_ x: UnsafePointer<Float>, _ count: Int) -> Vector {
    count >= vectorWidth ? Vector.load(x) : count <= 0 ? .zero : Vector.load(x, first: count)
}
