import Archive
import Kernels
import Network

extension ArchiveHeader {
    /// The least memory that the model takes while it is used, in bytes: its tensors as they are stored, and the copies that products
    /// are computed with, which are packed as `f32` or, of quantized tensors, in their blocks. Known from the header alone.
    ///
    /// A program that is wrong has no copies here: what is wrong with it is told when it is read.
    var leastMemory: Int {
        guard let program else { return 0 }
        let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { $1 }
        let uses = try? TensorUses(program: program, hyperparameters: hyperparameters, shapes: shapes)
        var total = 0
        for entry in tensors {
            add(entry.byteCount, to: &total)
            guard uses?.multiplied.contains(entry.name) == true else { continue }
            let type = entry.dtype.isQuantized ? entry.dtype : .f32
            add(type.byteCount(shape: entry.shape, blockAxis: entry.blockAxis) ?? Int.max, to: &total)
        }
        return total
    }

    /// Sums beyond all numbers are the largest.
    private func add(_ count: Int, to total: inout Int) {
        let (sum, overflows) = total.addingReportingOverflow(count)
        total = overflows ? Int.max : sum
    }

    /// Refuses a model that cannot fit, before memory for its tensors is asked for: to be killed half way would take the session along.
    ///
    /// - Parameter available: bytes; nil where they are not known, and nothing is refused.
    public func checkMemory(path: String, available: Int?) throws(ZooError) {
        guard let available else { return }
        let needed = leastMemory
        if needed > available { throw .notEnoughMemory(path: path, needed: needed, available: available) }
    }
}
