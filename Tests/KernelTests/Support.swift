import Foundation
import Testing

@testable import Kernels

/// The builds that this machine can run, by name.
struct Build: Sendable, CustomTestStringConvertible {
    let instructions: InstructionSet
    var table: KernelTable { instructions.table }
    var testDescription: String { instructions.rawValue }
    /// Whether a product and a sum are rounded once: such builds agree to the bit.
    var fuses: Bool {
        #if arch(x86_64)
        instructions != .baseline
        #else
        true
        #endif
    }

    static let all = InstructionSet.available.map { Build(instructions: $0) }
}

func numbers(_ count: Int, _ seed: Double) -> [Float] { (0..<count).map { Float(sin(Double($0 + 1) * seed)) } }

extension KernelTable {
    /// One pointwise operation over arrays of one length.
    func apply(_ operation: PointwiseOperation, _ operands: [Float]...) -> [Float] {
        let count = operands[0].count
        let vectors = (count + vectorWidth - 1) / vectorWidth
        var padded = operands.map { $0 + [Float](repeating: 0, count: vectors * vectorWidth - count) }
        padded.append([Float](repeating: .nan, count: vectors * vectorWidth))
        let d = padded.count - 1
        let step = PassStep(operation: operation, destination: d, a: 0, b: min(1, d - 1), c: min(2, d - 1))
        let all = UnsafeMutablePointer<Float>.allocate(capacity: padded.count * vectors * vectorWidth)
        defer { all.deallocate() }
        let places = padded.enumerated().map { index, values -> PassOperand in
            let base = all + index * vectors * vectorWidth
            base.initialize(from: values, count: values.count)
            return PassOperand(base: base, stride: vectorWidth)
        }
        places.withUnsafeBufferPointer { places in
            withUnsafePointer(to: step) { step in
                if let base = places.baseAddress { pass(step, 1, base, vectors) }
            }
        }
        return Array(UnsafeBufferPointer(start: places[d].base, count: count))
    }
}
