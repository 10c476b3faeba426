import Generation
import Kernels

/// The first values of a tensor.
public enum Initializer: Sendable, Equatable {
    case zeros
    case constant(Double)
    /// Evenly from −bound to bound.
    case uniform(bound: Double)
    case normal(deviation: Double)
    /// A matrix whose rows, or columns where there are fewer of them, are orthogonal and of length `gain`. `blocks`: each of so many
    /// equal parts of the rows by itself, as gates are (Saxe, McClelland and Ganguli, "Exact solutions …", 2014).
    case orthogonal(gain: Double = 1, blocks: Int = 1)
}

/// Which tensors get which first values: rules by name, of which each that fits is followed, the later over the earlier. Where none
/// fits, a tensor of one axis is zeros, and any other uniform, ±1/√(its last axis).
public struct Initialization: Sendable, Equatable {
    public struct Rule: Sendable, Equatable {
        /// A tensor's name; `*` stands for any characters.
        public var pattern: String
        public var initializer: Initializer
        /// Only this one of the first axis' equal parts: of an LSTM's bias the forget gate's, say.
        public var part: Part?

        public struct Part: Sendable, Equatable {
            /// From 0.
            public var index: Int
            public var count: Int

            public init(_ index: Int, of count: Int) {
                self.index = index
                self.count = count
            }
        }

        public init(_ pattern: String, _ initializer: Initializer, part: Part? = nil) {
            self.pattern = pattern
            self.initializer = initializer
            self.part = part
        }

        func fits(_ name: String) -> Bool { Self.matches(Array(pattern.utf8)[...], Array(name.utf8)[...]) }

        /// With one place to go back to, the last `*`: no pattern takes longer than its length times the name's.
        private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
            var (p, n) = (pattern.startIndex, name.startIndex)
            var star: (pattern: Int, name: Int)?
            while n < name.endIndex {
                if p < pattern.endIndex, pattern[p] == UInt8(ascii: "*") {
                    star = (p, n)
                    p += 1
                } else if p < pattern.endIndex, pattern[p] == name[n] {
                    p += 1
                    n += 1
                } else if let last = star {
                    star = (last.pattern, last.name + 1)
                    (p, n) = (last.pattern + 1, last.name + 1)
                } else {
                    return false
                }
            }
            return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
        }
    }

    public var rules: [Rule]

    public init(_ rules: [Rule] = []) { self.rules = rules }

    /// Values for all tensors. A tensor's depend on the seed, its name, its shape and the rules that fit it, on nothing else.
    /// - Throws: `TrainingError.initialization` where a rule does not fit a shape.
    public func tensors(
        _ definitions: [TensorDefinition], seed: UInt64, team: ThreadTeam = .shared
    ) throws(TrainingError) -> [String: Tensor] {
        for definition in definitions { try check(definition) }
        let memories = definitions.map { FloatMemory(count: $0.shape.reduce(1, *)) }
        team.forEach(definitions.count) { i in fill(memories[i].elements, definitions[i], seed: seed) }
        var tensors: [String: Tensor] = [:]
        for (definition, memory) in zip(definitions, memories) {
            tensors[definition.name] = Tensor(copying: memory.elements, shape: definition.shape)
        }
        return tensors
    }

    private static let elementLimit = 1 << 40

    private func check(_ definition: TensorDefinition) throws(TrainingError) {
        func fail(_ problem: String) -> TrainingError { .initialization(tensor: definition.name, problem: problem) }
        var count = 1
        for size in definition.shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: size)
            guard size >= 1, !overflows, product <= Self.elementLimit else { throw fail("its shape is \(definition.shape)") }
            count = product
        }
        for rule in rules where rule.fits(definition.name) {
            var rows = definition.shape.first ?? 1
            if let part = rule.part {
                guard part.count >= 1, (0..<part.count).contains(part.index), rows % part.count == 0 else {
                    throw fail("\(rows) rows have no part \(part.index) of \(part.count)")
                }
                rows /= part.count
            }
            guard case .orthogonal(_, let blocks) = rule.initializer else { continue }
            guard definition.shape.count == 2, blocks >= 1, rows % blocks == 0 else {
                throw fail("\(definition.shape) is no matrix of \(blocks) blocks that could be orthogonal")
            }
        }
    }

    private func fill(_ values: UnsafeMutableBufferPointer<Float>, _ definition: TensorDefinition, seed: UInt64) {
        let (rows, columns) = (definition.shape.first ?? 1, definition.shape.last ?? 1)
        let fallback: Initializer = definition.shape.count < 2 ? .zeros : .uniform(bound: 1 / Double(columns).squareRoot())
        // The default is a rule that fits everything; a generator of its own makes rules independent of each other.
        for (number, rule) in ([Rule("*", fallback)] + rules).enumerated() where rule.fits(definition.name) {
            let name = Array("\(number) \(definition.name)".utf8)
            var generator = RandomGenerator(seed: seed ^ name.fingerprint)
            let part = rule.part ?? .init(0, of: 1)
            let length = values.count / part.count
            let range = (part.index * length)..<((part.index + 1) * length)
            Self.fill(
                UnsafeMutableBufferPointer(rebasing: values[range]), rows: rows / part.count, rule.initializer, &generator)
        }
    }

    private static func fill(
        _ values: UnsafeMutableBufferPointer<Float>, rows: Int, _ initializer: Initializer, _ generator: inout RandomGenerator
    ) {
        switch initializer {
        case .zeros: values.update(repeating: 0)
        case .constant(let value): values.update(repeating: Float(value))
        case .uniform(let bound): for i in values.indices { values[i] = Float((2 * generator.nextUnit() - 1) * bound) }
        case .normal(let deviation): for i in values.indices { values[i] = Float(generator.nextNormal() * deviation) }
        case .orthogonal(let gain, let blocks):
            let length = values.count / blocks
            for block in 0..<blocks {
                let matrix = OrthogonalMatrix.random(rows: rows / blocks, columns: length / (rows / blocks), &generator)
                for (i, value) in matrix.enumerated() { values[block * length + i] = Float(gain * value) }
            }
        }
    }
}

/// A tensor before it has values.
public struct TensorDefinition: Sendable, Equatable {
    public var name: String
    public var shape: [Int]

    public init(_ name: String, _ shape: [Int]) {
        self.name = name
        self.shape = shape
    }
}

extension [UInt8] {
    /// FNV-1a, 64 bits.
    fileprivate var fingerprint: UInt64 { reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } }
}
