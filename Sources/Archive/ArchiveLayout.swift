import Kernels

/// The checks between a header that is well formed and one that may be trusted with memory: names, shapes, sizes, and chunks that
/// cover the data exactly. Done when an archive is opened, before any tensor is read; a writer does them too.
enum ArchiveLayout {
    static func check(_ header: ArchiveHeader, dataLength: Int) throws(ArchiveError) {
        guard header.tensors.count <= ArchiveFormat.tensorLimit else {
            throw .tooManyTensors(count: header.tensors.count, limit: ArchiveFormat.tensorLimit)
        }
        var names: Set<String> = []
        for entry in header.tensors {
            try checkName(entry.name)
            guard names.insert(entry.name).inserted else { throw .duplicateTensor(name: entry.name) }
            try checkShape(entry)
            try checkSizes(entry, dataLength: dataLength)
        }
        try checkCover(header.tensors, dataLength: dataLength)
    }

    /// Printable ASCII: what a program, a shell and every file format can say.
    static func checkName(_ name: String) throws(ArchiveError) {
        guard (1...ArchiveFormat.nameLimit).contains(name.utf8.count), name.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            let shown = String(name.unicodeScalars.prefix(40).map { $0.value < 0x20 ? " " : Character($0) })
            throw .headerField(
                path: "tensors.name", expected: "1 to \(ArchiveFormat.nameLimit) printable ASCII characters, unlike “\(shown)”")
        }
    }

    static func checkShape(_ entry: TensorEntry) throws(ArchiveError) {
        guard entry.shape.count <= ArchiveFormat.rankLimit else {
            throw .tooManyDimensions(tensor: entry.name, count: entry.shape.count, limit: ArchiveFormat.rankLimit)
        }
        if entry.dtype.isQuantized {
            let axis = entry.blockAxis ?? max(0, entry.shape.count - 1)
            guard entry.shape.indices.contains(axis) else {
                throw .blockAxisOutOfRange(tensor: entry.name, axis: axis, dimensions: entry.shape.count)
            }
        }
        guard entry.shape.elementCount != nil, entry.dtype.byteCount(shape: entry.shape, blockAxis: entry.blockAxis) != nil else {
            throw .shapeOverflow(tensor: entry.name)
        }
        guard !entry.sources.isEmpty else { return }
        for source in entry.sources {
            guard source.shape.count <= ArchiveFormat.rankLimit else {
                throw .tooManyDimensions(tensor: source.name, count: source.shape.count, limit: ArchiveFormat.rankLimit)
            }
        }
        let made = try Rearrangement.joinedShape(entry.sources, tensor: entry.name)
        guard made == entry.shape else {
            throw .sourceDoesNotFit(tensor: entry.name, problem: "it makes shape \(made), and the tensor has \(entry.shape)")
        }
    }

    private static func checkSizes(_ entry: TensorEntry, dataLength: Int) throws(ArchiveError) {
        let name = entry.name
        var total = 0
        for (i, chunk) in entry.chunks.enumerated() {
            guard chunk.size > 0, chunk.stored > 0 else { throw .emptyChunk(tensor: name, chunk: i) }
            guard chunk.size <= ArchiveFormat.chunkLimit else {
                throw .chunkTooLarge(tensor: name, chunk: i, byteCount: chunk.size, limit: ArchiveFormat.chunkLimit)
            }
            guard chunk.size % entry.dtype.blockByteCount == 0 else {
                throw entry.dtype.isQuantized
                    ? .chunkNotWholeBlocks(
                        tensor: name, chunk: i, byteCount: chunk.size, blockByteCount: entry.dtype.blockByteCount)
                    : .chunkNotWholeElements(tensor: name, chunk: i, byteCount: chunk.size)
            }
            guard chunk.offset <= dataLength, chunk.stored <= dataLength - chunk.offset else {
                throw .chunkOutsideFile(tensor: name, chunk: i)
            }
            switch chunk.encoding {
            case .raw:
                guard chunk.stored == chunk.size else {
                    throw .rawChunkSizeMismatch(tensor: name, chunk: i, stored: chunk.stored, byteCount: chunk.size)
                }
            case .zlib, .planes:
                guard chunk.size <= ArchiveFormat.expansionLimit * chunk.stored else {
                    throw .chunkExpandsTooMuch(tensor: name, chunk: i, stored: chunk.stored, byteCount: chunk.size)
                }
            }
            total += chunk.size
        }
        let expected = entry.byteCount
        guard total == expected else { throw .tensorSizeMismatch(tensor: name, expected: expected, found: total) }
    }

    /// Every byte of the data belongs to exactly one chunk.
    private static func checkCover(_ tensors: [TensorEntry], dataLength: Int) throws(ArchiveError) {
        var places: [(tensor: Int, chunk: Int, offset: Int, stored: Int)] = []
        for (t, entry) in tensors.enumerated() {
            for (c, chunk) in entry.chunks.enumerated() { places.append((t, c, chunk.offset, chunk.stored)) }
        }
        places.sort { ($0.offset, $0.stored) < ($1.offset, $1.stored) }
        var end = 0
        for (i, place) in places.enumerated() {
            if place.offset > end { throw .gap(offset: end, byteCount: place.offset - end) }
            if place.offset < end {
                let other = places[i - 1]
                throw .overlappingChunks(
                    tensor: tensors[place.tensor].name, chunk: place.chunk,
                    otherTensor: tensors[other.tensor].name, otherChunk: other.chunk)
            }
            end = place.offset + place.stored
        }
        if end < dataLength { throw .gap(offset: end, byteCount: dataLength - end) }
    }
}
