import Kernels

/// One operation on rows of buffers. Members of a team divide it by index; what it reads was finished before it begins.
protocol Instruction: AnyObject, Sendable {
    /// Of the result.
    var clock: Clock { get }
    var footprint: Footprint { get }
    /// The same where there is one row: one sequence, one step.
    var footprintOfOneRow: Footprint { get }
    /// Computes the result at some steps of the chunk, for all sequences. For what is not timed there is one step.
    func run(_ frame: Frame, steps: Range<Int>, member: ThreadTeam.Member)
}

extension Instruction {
    var footprint: Footprint { .unknown }
    var footprintOfOneRow: Footprint { footprint }
}

/// How a value is read by an operator whose result has another shape: axes are aligned at the last, sizes of 1 are repeated.
struct Access: Sendable {
    enum Kind: Sendable {
        case contiguous
        case scalar
        case repeated
    }

    let kind: Kind
    private let own: Shape
    private let target: Shape

    init(of own: Shape, in target: Shape) {
        self.own = own
        self.target = target
        let ownAxes = own.axes.drop { $0 == 1 }
        let targetAxes = target.axes.drop { $0 == 1 }
        if ownAxes.isEmpty && !targetAxes.isEmpty {
            kind = .scalar
        } else if ownAxes == targetAxes {
            kind = .contiguous
        } else {
            kind = .repeated
        }
    }

    /// Writes elements `from..<from + count` of the repeated value, in the target's order.
    func read(
        _ value: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>, from: Int, count: Int, source: Int
    ) {
        switch kind {
        case .contiguous: destination.update(from: value + from, count: count)
        case .scalar: destination.update(repeating: value[0], count: count)
        case .repeated:
            let width = size(target.last, source)
            let varies = own.last != 1
            var written = 0
            while written < count {
                let (line, column) = (from + written).quotientAndRemainder(dividingBy: width)
                let run = min(width - column, count - written)
                let start = value + lineOffset(line, source)
                if varies {
                    (destination + written).update(from: start + column, count: run)
                } else {
                    (destination + written).update(repeating: start[0], count: run)
                }
                written += run
            }
        }
    }

    /// Where in the own value the given line (all axes but the last, in the target's order) begins.
    @inline(__always)
    private func lineOffset(_ line: Int, _ source: Int) -> Int {
        Axes.offset(line, own: own.axes, target: target.axes, dropping: 1, unit: size(own.last, source), source)
    }

    @inline(__always)
    private func size(_ axis: Int, _ source: Int) -> Int { axis == Shape.sourceLength ? source : axis }
}

enum Axes {
    /// For the `index`-th combination of the target's axes without the last `dropping`, the offset in a value with axes `own` that
    /// is repeated to fit: one step along the innermost of those axes is `unit` floats.
    @inline(__always)
    static func offset(_ index: Int, own: [Int], target: [Int], dropping: Int, unit: Int, _ source: Int) -> Int {
        var (rest, offset, stride) = (index, 0, unit)
        var t = target.count - dropping - 1
        var o = own.count - dropping - 1
        while t >= 0 && o >= 0 {
            let size = target[t] == Shape.sourceLength ? source : target[t]
            let ownSize = own[o] == Shape.sourceLength ? source : own[o]
            let coordinate = rest % size
            rest /= size
            if ownSize != 1 { offset += coordinate * stride }
            stride *= ownSize
            t -= 1
            o -= 1
        }
        return offset
    }
}

/// Rows of a clock at some steps, numbered from 0: those of all sequences, or of a member's own ones where each works by itself.
struct Rows {
    let first: Int
    let firstSequence: Int
    let sequences: Int
    let count: Int

    @inline(__always)
    init(_ frame: Frame, _ clock: Clock, _ steps: Range<Int>, _ member: ThreadTeam.Member) {
        let own = clock.isShared ? 0..<1 : member.own ?? 0..<frame.batch
        first = steps.lowerBound
        firstSequence = own.lowerBound
        sequences = own.count
        count = steps.count * own.count
    }

    @inline(__always)
    func step(_ row: Int) -> Int { first &+ row / sequences }
    @inline(__always)
    func sequence(_ row: Int) -> Int { firstSequence &+ row % sequences }
}
