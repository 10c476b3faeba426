import Kernels

/// One tensor of an archive: its shape, where its bytes are, and where it came from.
public struct TensorEntry: Sendable, Equatable {
    public var name: String
    public var dtype: ElementType
    public var shape: [Int]
    /// The axis that the blocks of a quantized tensor run along; nil: the last, or not quantized.
    public var blockAxis: Int?
    public var sha256: String  // of the tensor's bytes as they are in memory, row-major, little-endian
    public var chunks: [Chunk]
    /// What the tensor was made of where it came from. Several are joined along the first axis, in this order. Empty: one tensor
    /// of the same name and shape.
    public var sources: [Source]

    /// The one tensor that this one was made of.
    public var source: Source? { sources.count == 1 ? sources[0] : nil }

    public struct Chunk: Sendable, Equatable {
        public var offset: Int  // bytes from the beginning of the data, which follows the header
        public var stored: Int  // bytes in the file
        public var size: Int  // bytes in memory
        public var encoding: Encoding
        public var crc32: UInt32  // of the bytes in the file

        public enum Encoding: String, Sendable, CaseIterable {
            case raw, zlib
            case planes = "zlib-planes"  // byte planes, then zlib
        }

        public init(offset: Int, stored: Int, size: Int, encoding: Encoding, crc32: UInt32) {
            self.offset = offset
            self.stored = stored
            self.size = size
            self.encoding = encoding
            self.crc32 = crc32
        }
    }

    /// A tensor of the source and what was done to it on the way here; each step can be undone, so that the source can be
    /// restored. A source tensor that was split is named by each part, with its `rows`.
    public struct Source: Sendable, Equatable {
        public var name: String
        public var shape: [Int]
        /// In the order in which they were done.
        public var steps: [Step]

        public enum Step: Sendable, Equatable {
            /// Exchanges the last two axes.
            case transpose
            /// The same elements in the same order under another shape.
            case reshape([Int])
            /// Removes an axis of length 1.
            case squeeze(axis: Int)
            /// A part of the first axis: `from` is the first row, `to` one past the last.
            case rows(from: Int, to: Int)
        }

        public init(name: String, shape: [Int], steps: [Step] = []) {
            self.name = name
            self.shape = shape
            self.steps = steps
        }
    }

    public init(name: String, dtype: ElementType, shape: [Int], sha256: String, chunks: [Chunk], sources: [Source] = []) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.sha256 = sha256
        self.chunks = chunks
        self.sources = sources
    }

    /// What a writer needs to be told of a tensor; it finds out the rest.
    public init(name: String, dtype: ElementType = .f32, shape: [Int] = [], sources: [Source] = []) {
        self.init(name: name, dtype: dtype, shape: shape, sha256: "", chunks: [], sources: sources)
    }

    public init(name: String, source: Source?) { self.init(name: name, sources: source.map { [$0] } ?? []) }
}
