import Kernels

/// How large a gradient may be before a step is taken with it.
public struct Clipping: Sendable, Equatable {
    /// All gradients together are scaled down to this L2 norm (`torch.nn.utils.clip_grad_norm_`).
    public var norm: Double?
    /// Then each element is cut at this magnitude (`clip_grad_value_`).
    public var value: Double?

    public init(norm: Double? = nil, value: Double? = nil) {
        self.norm = norm
        self.value = value
    }

    /// What to multiply gradients by: PyTorch's max / (norm + 1e-6), at most 1.
    public func scale(for summary: GradientSummary) -> Double {
        guard let norm else { return 1 }
        return min(1, norm / (summary.norm + 1e-6))
    }

    /// The magnitude that scaled elements are cut at.
    public var limit: Double { value ?? .infinity }

    /// Whether it changes a gradient.
    public func clips(_ summary: GradientSummary) -> Bool {
        let scale = scale(for: summary)
        return scale < 1 || scale * Double(summary.largest) > limit
    }

    func check() throws(TrainingError) {
        for (name, value) in [("clip", norm), ("clip-value", value)] {
            guard let value else { continue }
            guard value > 0, value.isFinite else {
                throw .option(name: name, value: "\(value)", expected: "a number greater than 0")
            }
        }
    }
}

/// How large the gradients of all parameters are, before clipping.
public struct GradientSummary: Sendable, Equatable {
    /// The L2 norm of all together. NaN or infinite exactly where an element is: squares of floats do not overflow doubles.
    public let norm: Double
    /// The largest magnitude of an element.
    public let largest: Float

    public init(norm: Double, largest: Float) {
        self.norm = norm
        self.largest = largest
    }

    /// Elements that are summed by themselves before the sums are added up in order, whoever computed them: what threads there are
    /// changes no bit.
    private static let blockLength = 1 << 13
    private static let sharedElements = 1 << 17

    public init(of parameters: [Parameter], team: ThreadTeam = .shared) {
        var blocks: [UnsafeMutableBufferPointer<Float>] = []
        for parameter in parameters {
            for start in stride(from: 0, to: parameter.gradient.count, by: Self.blockLength) {
                let end = min(start + Self.blockLength, parameter.gradient.count)
                blocks.append(UnsafeMutableBufferPointer(rebasing: parameter.gradient[start..<end]))
            }
        }
        let total = blocks.reduce(0) { $0 + $1.count }
        var sums = [BlockSummary](repeating: BlockSummary(), count: blocks.count)
        sums.withUnsafeMutableBufferPointer { sums in
            // Each member writes the places of its own share.
            nonisolated(unsafe) let (sums, blocks) = (sums, blocks)
            let work = { (member: ThreadTeam.Member) in
                for i in member.share(of: blocks.count) { sums[i] = BlockSummary(blocks[i]) }
            }
            if total < Self.sharedElements { ThreadTeam.alone.run(work) } else { team.run(work) }
        }
        norm = sums.reduce(0) { $0 + $1.squares }.squareRoot()
        largest = sums.reduce(0) { max($0, $1.largest) }
    }
}

private struct BlockSummary {
    var squares = 0.0
    var largest: Float = 0

    init() {}

    /// In four lanes, so that it is done with vectors; the order is the same on every machine.
    init(_ block: UnsafeMutableBufferPointer<Float>) {
        var squares = SIMD4<Double>.zero
        var largest = SIMD4<Float>.zero
        let whole = block.count & ~3
        for i in stride(from: 0, to: whole, by: 4) {
            let x = SIMD4(block[i], block[i &+ 1], block[i &+ 2], block[i &+ 3])
            let wide = SIMD4(Double(x[0]), Double(x[1]), Double(x[2]), Double(x[3]))
            squares += wide * wide
            let magnitude = SIMD4<Float>(bitPattern: x.bits & 0x7fff_ffff)
            largest.replace(with: magnitude, where: magnitude .> largest)
        }
        var sum = (squares[0] + squares[1]) + (squares[2] + squares[3])
        var most = largest.max()
        for i in whole..<block.count {
            sum += Double(block[i]) * Double(block[i])
            most = max(most, abs(block[i]))
        }
        (self.squares, self.largest) = (sum, most)
    }
}

extension SIMD4<Float> {
    fileprivate var bits: SIMD4<UInt32> { unsafeBitCast(self, to: SIMD4<UInt32>.self) }
    fileprivate init(bitPattern bits: SIMD4<UInt32>) { self = unsafeBitCast(bits, to: Self.self) }
}
