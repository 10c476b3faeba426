#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A token that may still be drawn.
struct Candidate {
    var id: Int32
    var logit: Double
    var probability: Double  // written by `softmax`
    var key: Double  // what `keepBest` orders by
}

/// The tokens that may still be drawn. The memory is kept from one token to the next.
struct Candidates {
    private var storage: [Candidate] = []
    private(set) var count = 0

    /// Takes over all tokens that can be drawn at all: NaN and -∞ are left out, +∞ counts as the largest finite number.
    mutating func load(_ logits: UnsafeBufferPointer<Float>) {
        if storage.count < logits.count {
            storage = [Candidate](repeating: Candidate(id: 0, logit: 0, probability: 0, key: 0), count: logits.count)
        }
        count = 0
        storage.withUnsafeMutableBufferPointer { storage in
            for (id, logit) in logits.enumerated() where logit > -.infinity {
                let finite = Double(min(logit, .greatestFiniteMagnitude))
                storage[count] = Candidate(id: Int32(id), logit: finite, probability: 0, key: 0)
                count += 1
            }
        }
    }

    subscript(index: Int) -> Candidate {
        get { storage[index] }
        set { storage[index] = newValue }
    }

    mutating func update(_ change: (inout Candidate) -> Void) {
        storage.withUnsafeMutableBufferPointer { storage in
            for index in 0..<count { change(&storage[index]) }
        }
    }

    /// Keeps those that fit a condition, in their order.
    mutating func filter(_ keeps: (Candidate) -> Bool) {
        var kept = 0
        storage.withUnsafeMutableBufferPointer { storage in
            for index in 0..<count where keeps(storage[index]) {
                storage[kept] = storage[index]
                kept += 1
            }
        }
        count = kept
    }

    var largestLogit: Double {
        storage.withUnsafeBufferPointer { storage in
            var largest = -Double.infinity
            for index in 0..<count { largest = max(largest, storage[index].logit) }
            return largest
        }
    }

    /// Probabilities from logits, in double precision.
    mutating func softmax() {
        let largest = largestLogit
        var sum = 0.0
        update {
            $0.probability = exp($0.logit - largest)
            sum += $0.probability
        }
        update { $0.probability /= sum }
    }

    /// Keeps the candidates with the largest keys (of equal keys the lowest id first), best first: at most `limit` of them, and
    /// none after the one for which `isLast` says so. A heap, because few are kept of many.
    mutating func keepBest(_ limit: Int, until isLast: (Candidate) -> Bool = { _ in false }) {
        guard count > 0 else { return }
        var remaining = count
        storage.withUnsafeMutableBufferPointer { heap in
            for index in stride(from: remaining / 2 - 1, through: 0, by: -1) { Self.sink(index, in: heap, count: remaining) }
            repeat {
                remaining -= 1
                heap.swapAt(0, remaining)
                Self.sink(0, in: heap, count: remaining)
            } while remaining > 0 && count - remaining < limit && !isLast(heap[remaining])
            heap[remaining..<count].reverse()
            for index in 0..<(count - remaining) where remaining > 0 { heap[index] = heap[remaining + index] }
        }
        count -= remaining
    }

    private static func sink(_ start: Int, in heap: UnsafeMutableBufferPointer<Candidate>, count: Int) {
        func isBetter(_ left: Int, _ right: Int) -> Bool {
            heap[left].key > heap[right].key || heap[left].key == heap[right].key && heap[left].id < heap[right].id
        }
        var parent = start
        while 2 * parent + 1 < count {
            var child = 2 * parent + 1
            if child + 1 < count, isBetter(child + 1, child) { child += 1 }
            if !isBetter(child, parent) { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }
}
