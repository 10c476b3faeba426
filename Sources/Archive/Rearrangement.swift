import Kernels

/// From a source's tensors to an archive's and back, as the header's `sources` say. Pure functions; elements are moved, and changed
/// only in their type: those of quantized tensors, and of a source whose parts have different types, become `f32`, which holds all
/// their values.
public enum Rearrangement {
    /// The shape of what the steps make of a source.
    public static func shape(of source: TensorEntry.Source, tensor: String) throws(ArchiveError) -> [Int] {
        var shape = source.shape
        guard shape.elementCount != nil else { throw .shapeOverflow(tensor: source.name) }
        for step in source.steps {
            guard let next = step.shape(after: shape) else {
                throw .sourceDoesNotFit(tensor: tensor, problem: "“\(step)” of a tensor with shape \(shape)")
            }
            shape = next
        }
        return shape
    }

    /// The shape of several sources' results, joined along the first axis.
    static func joinedShape(_ sources: [TensorEntry.Source], tensor: String) throws(ArchiveError) -> [Int] {
        var joined: [Int] = []
        for (i, source) in sources.enumerated() {
            let shape = try shape(of: source, tensor: tensor)
            if i == 0 {
                joined = shape
            } else {
                guard !shape.isEmpty, shape.dropFirst() == joined.dropFirst() else {
                    throw .sourceDoesNotFit(tensor: tensor, problem: "shapes \(joined) and \(shape) cannot be joined")
                }
                let (sum, overflows) = joined[0].addingReportingOverflow(shape[0])
                guard !overflows else { throw .shapeOverflow(tensor: tensor) }
                joined[0] = sum
            }
        }
        return joined
    }

    /// Makes an archive's tensor from the source's.
    ///
    /// - Parameter tensors: the source's tensors by their names there.
    public static func apply(
        _ sources: [TensorEntry.Source], making tensor: String, from tensors: [String: Tensor]
    ) throws(ArchiveError) -> Tensor {
        var parts: [Elements] = []
        var types: [ElementType] = []
        for source in sources {
            guard let given = tensors[source.name]?.dequantized else { throw .noSuchTensor(name: source.name) }
            guard given.shape == source.shape else {
                throw .sourceDoesNotFit(tensor: tensor, problem: "“\(source.name)” has shape \(given.shape), not \(source.shape)")
            }
            var elements = Elements(given)
            for step in source.steps { elements = step.applied(to: elements) }
            parts.append(elements)
            types.append(given.elementType)
        }
        let shape = try joinedShape(sources, tensor: tensor)
        guard let type = types.first else { throw .noSuchTensor(name: tensor) }
        guard types.allSatisfy({ $0 == type }) else {
            throw .sourceDoesNotFit(tensor: tensor, problem: "its parts have different element types")
        }
        return Elements(shape: shape, elementSize: type.blockByteCount, bytes: parts.flatMap { $0.bytes }).tensor(type)
    }

    /// Restores the source's tensors, with their names and shapes, from an archive's.
    ///
    /// - Parameter tensors: the archive's tensors by name; those that `entries` does not list are left out.
    public static func undo(_ entries: [TensorEntry], tensors: [String: Tensor]) throws(ArchiveError) -> [String: Tensor] {
        try checkCompleteness(entries, tensors: tensors)
        let types = restoredTypes(entries, tensors: tensors)
        var restored: [String: Restoration] = [:]
        var result: [String: Tensor] = [:]
        for entry in entries {
            guard let tensor = tensors[entry.name]?.dequantized else { throw .noSuchTensor(name: entry.name) }
            let plain = TensorEntry.Source(name: entry.name, shape: tensor.shape)
            let sources = entry.sources.isEmpty ? [plain] : entry.sources
            let joined = try joinedShape(sources, tensor: entry.name)
            guard joined == tensor.shape else {
                throw .sourceDoesNotFit(
                    tensor: entry.name, problem: "its origin makes shape \(joined), and it has \(tensor.shape)")
            }
            let elements = Elements(tensor)
            let isWidened = sources.contains { types[$0.name] != tensor.elementType }
            let widened = isWidened ? Elements(tensor.widened) : elements
            var first = 0
            for source in sources {
                let shape = try shape(of: source, tensor: entry.name)
                let type = types[source.name] ?? tensor.elementType
                let part = (type == tensor.elementType ? elements : widened).part(from: first, shape: shape)
                first += part.count
                // Taken out while it changes, so that it is changed in place.
                var restoration = restored.removeValue(forKey: source.name) ?? Restoration(source: source, type: type)
                try restoration.add(part, of: source, tensor: entry.name)
                restored[source.name] = restoration
            }
        }
        for name in restored.keys.sorted() {
            result[name] = try restored.removeValue(forKey: name)?.finished(name: name)
        }
        return result
    }

    /// The element type of each source: that of its parts, or `f32` where they differ.
    private static func restoredTypes(_ entries: [TensorEntry], tensors: [String: Tensor]) -> [String: ElementType] {
        var types: [String: ElementType] = [:]
        for entry in entries {
            guard let tensor = tensors[entry.name] else { continue }
            let type = tensor.elementType.isQuantized ? .f32 : tensor.elementType
            for name in entry.sources.isEmpty ? [entry.name] : entry.sources.map(\.name) {
                types[name] = types[name].map { $0 == type ? type : .f32 } ?? type
            }
        }
        return types
    }

    /// Refuses a source that has more elements than its parts together, before memory for it is asked for: its shape is only a
    /// claim of the header's.
    private static func checkCompleteness(_ entries: [TensorEntry], tensors: [String: Tensor]) throws(ArchiveError) {
        var wanted: [String: Int] = [:]
        var given: [String: Int] = [:]
        for entry in entries {
            for source in entry.sources {
                let part = try shape(of: source, tensor: entry.name)
                wanted[source.name] = source.shape.elementCount
                given[source.name, default: 0] += min(part.elementCount ?? 0, tensors[entry.name]?.count ?? 0)
            }
        }
        for (name, count) in wanted.sorted(by: { $0.key < $1.key }) where given[name, default: 0] < count {
            throw .sourceIncomplete(source: name, missing: count - given[name, default: 0], of: count)
        }
    }
}

/// A source tensor that is being put together from its parts.
private struct Restoration {
    var elements: Elements
    /// 1 for each element that is known.
    var known: Elements
    let type: ElementType

    init(source: TensorEntry.Source, type: ElementType) {
        elements = Elements(zeros: source.shape, elementSize: type.blockByteCount)
        known = Elements(zeros: source.shape, elementSize: 1)
        self.type = type
    }

    /// - Parameter part: of this source's element type.
    mutating func add(_ part: Elements, of source: TensorEntry.Source, tensor: String) throws(ArchiveError) {
        guard source.shape == elements.shape else {
            throw .sourceContradiction(source: source.name, tensor: tensor, problem: "shape")
        }
        var values = part
        var mask = Elements(shape: part.shape, elementSize: 1, bytes: [UInt8](repeating: 1, count: part.count))
        var shapes: [[Int]] = [source.shape]
        for step in source.steps { shapes.append(step.shape(after: shapes[shapes.count - 1]) ?? []) }
        for (i, step) in source.steps.enumerated().reversed() {
            values = step.undone(values, shape: shapes[i])
            mask = step.undone(mask, shape: shapes[i])
        }
        let size = type.blockByteCount
        for i in 0..<mask.count where mask.bytes[i] == 1 {
            let range = (i * size)..<((i + 1) * size)
            if known.bytes[i] == 1 {
                guard elements.bytes[range] == values.bytes[range] else {
                    throw .sourceContradiction(source: source.name, tensor: tensor, problem: "values")
                }
            } else {
                for j in range { elements.bytes[j] = values.bytes[j] }
                known.bytes[i] = 1
            }
        }
    }

    func finished(name: String) throws(ArchiveError) -> Tensor {
        let missing = known.bytes.reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
        guard missing == 0 else { throw .sourceIncomplete(source: name, missing: missing, of: known.count) }
        return elements.tensor(type)
    }
}

/// Elements of any type but the quantized ones, as bytes: rearranging does not look at them.
private struct Elements {
    var shape: [Int]
    var elementSize: Int
    var bytes: [UInt8]

    var count: Int { shape.reduce(1, *) }

    init(shape: [Int], elementSize: Int, bytes: [UInt8]) {
        self.shape = shape
        self.elementSize = elementSize
        self.bytes = bytes
    }

    init(zeros shape: [Int], elementSize: Int) {
        self.init(shape: shape, elementSize: elementSize, bytes: [UInt8](repeating: 0, count: shape.reduce(elementSize, *)))
    }

    init(_ tensor: Tensor) {
        self.init(
            shape: tensor.shape, elementSize: tensor.elementType.blockByteCount,
            bytes: tensor.storage.withUnsafeBytes { Array($0) })
    }

    func tensor(_ type: ElementType) -> Tensor {
        Tensor(type, shape: shape, storage: TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) })
    }

    /// Some elements that follow each other, under a shape of their own.
    func part(from first: Int, shape: [Int]) -> Elements {
        let size = shape.reduce(elementSize, *)
        let start = first * elementSize
        return Elements(shape: shape, elementSize: elementSize, bytes: Array(bytes[start..<(start + size)]))
    }

    /// The last two axes exchanged.
    func transposed() -> Elements {
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        var result = self
        result.shape.swapAt(shape.count - 2, shape.count - 1)
        let matrices = rows * columns == 0 ? 0 : count / (rows * columns)
        bytes.withUnsafeBytes { from in
            result.bytes.withUnsafeMutableBytes { to in
                for matrix in 0..<matrices {
                    let start = matrix * rows * columns
                    for i in 0..<rows {
                        for j in 0..<columns {
                            let (read, written) = ((start + i * columns + j) * elementSize, (start + j * rows + i) * elementSize)
                            for k in 0..<elementSize { to[written + k] = from[read + k] }
                        }
                    }
                }
            }
        }
        return result
    }
}

extension TensorEntry.Source.Step: CustomStringConvertible {
    public var description: String {
        switch self {
        case .transpose: "transpose"
        case .reshape(let shape): "reshape to \(shape)"
        case .squeeze(let axis): "squeeze axis \(axis)"
        case .rows(let from, let to): "rows \(from) to \(to)"
        }
    }

    /// nil where the step cannot be done to a tensor of that shape.
    func shape(after shape: [Int]) -> [Int]? {
        var shape = shape
        switch self {
        case .transpose:
            guard shape.count >= 2 else { return nil }
            shape.swapAt(shape.count - 2, shape.count - 1)
        case .reshape(let wanted):
            guard wanted.count <= ArchiveFormat.rankLimit, let count = wanted.elementCount, count == shape.elementCount else {
                return nil
            }
            shape = wanted
        case .squeeze(let axis):
            guard shape.indices.contains(axis), shape[axis] == 1 else { return nil }
            shape.remove(at: axis)
        case .rows(let from, let to):
            guard let rows = shape.first, 0 <= from, from <= to, to <= rows else { return nil }
            shape[0] = to - from
        }
        return shape
    }

    fileprivate func applied(to elements: Elements) -> Elements {
        var result = elements
        switch self {
        case .transpose: return elements.transposed()
        case .rows(let from, let to):
            let row = elements.shape.dropFirst().reduce(elements.elementSize, *)
            result.bytes = Array(elements.bytes[(from * row)..<(to * row)])
        case .reshape, .squeeze: break
        }
        result.shape = shape(after: elements.shape) ?? elements.shape
        return result
    }

    /// - Parameter shape: of the tensor that the step was done to. Rows that are not known become zeros.
    fileprivate func undone(_ elements: Elements, shape: [Int]) -> Elements {
        switch self {
        case .transpose: return elements.transposed()
        case .reshape, .squeeze: return Elements(shape: shape, elementSize: elements.elementSize, bytes: elements.bytes)
        case .rows(let from, _):
            var result = Elements(zeros: shape, elementSize: elements.elementSize)
            let row = shape.dropFirst().reduce(elements.elementSize, *)
            result.bytes.replaceSubrange((from * row)..<(from * row + elements.bytes.count), with: elements.bytes)
            return result
        }
    }
}

extension [Int] {
    /// The product of the sizes of a shape; nil where it cannot be counted.
    var elementCount: Int? {
        var count = 1
        for size in self {
            let (product, overflows) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflows else { return nil }
            count = product
        }
        return count
    }
}
