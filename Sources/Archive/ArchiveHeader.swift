import Kernels

/// What an archive says about itself: everything but the numbers. Stored as JSON; the coding keys are the format's names.
public struct ArchiveHeader: Codable, Sendable, Equatable {
    public var name: String
    public var architecture: String?  // "lstm", "gru", … for display: nothing is decided by it
    public var description: String?
    public var license: String?
    public var provenance: Provenance?
    /// The network, in the notation of `zoo/NOTATION.md`. Absent in an archive that holds a tokenizer alone.
    public var program: String?
    public var hyperparameters: [String: Double] = [:]
    /// By role: `text` for a language model, `source` and `target` for translation. The values are read by `Tokenization`.
    public var tokenizers: [String: JSONValue] = [:]
    public var special = SpecialTokens()
    /// A window model reads the last `window` tokens for each token it generates.
    public var window: Int?
    /// The longest source and the longest generated sequence, in tokens.
    public var sourceLimit: Int?
    public var targetLimit: Int?
    /// Names are option names of `generate` without the dashes: `temperature`, `top-k`, …
    public var generation: [String: JSONValue] = [:]
    public var tensors: [TensorEntry] = []
    public var selfTests: [SelfTest] = []

    public init(name: String) { self.name = name }

    enum CodingKeys: String, CodingKey {
        case name, architecture, description, license, provenance, program, hyperparameters, tokenizers, special, window
        case sourceLimit = "source_limit"
        case targetLimit = "target_limit"
        case generation, tensors
        case selfTests = "self_tests"
    }
}

/// Where the numbers came from.
public struct Provenance: Codable, Sendable, Equatable {
    /// What was converted, as its format's name: `ml5-charrnn`, `pytorch-safetensors`, …
    public var format: String
    public var files: [File]
    /// Program and version that wrote the archive.
    public var converter: String
    /// Credit, corpus, training run: free text.
    public var note: String?

    public struct File: Codable, Sendable, Equatable {
        public var name: String
        public var sha256: String  // hexadecimal
        public init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    public init(format: String, files: [File], converter: String, note: String? = nil) {
        self.format = format
        self.files = files
        self.converter = converter
        self.note = note
    }
}

/// Token ids with a meaning of their own, and the text that stands in for a start token where the model has none.
public struct SpecialTokens: Codable, Sendable, Equatable {
    public var start: Int?
    public var end: Int?
    public var unknown: Int?
    public var padding: Int?
    public var startText: String?

    public init() {}

    enum CodingKeys: String, CodingKey {
        case start, end, unknown, padding
        case startText = "start_text"
    }
}

/// One tensor: its shape and where its bytes are.
public struct TensorEntry: Codable, Sendable, Equatable {
    public var name: String
    public var dtype: ElementType
    public var shape: [Int]
    public var sha256: String  // of the tensor's bytes as they are in memory, row-major, little-endian
    public var chunks: [Chunk]
    /// What the tensor was called where it came from, and what was done to it since. Absent: the same name, nothing.
    public var source: Source?

    public struct Chunk: Codable, Sendable, Equatable {
        public var offset: Int  // bytes from the beginning of the file
        public var stored: Int  // bytes in the file
        public var size: Int  // bytes once inflated
        public var encoding: Encoding
        public var crc32: UInt32  // of the bytes in the file

        public enum Encoding: String, Codable, Sendable {
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

    /// A reversible rearrangement: the source's tensor, seen from this one.
    public struct Source: Codable, Sendable, Equatable {
        public var name: String
        public var shape: [Int]
        /// In the order in which they were done on the way here.
        public var steps: [Step]

        public enum Step: Codable, Sendable, Equatable {
            case transpose  // the last two axes
            case reshape  // to `shape` of the step that follows, or of the entry
            case rows(from: Int, to: Int)  // a part of the first axis
        }

        public init(name: String, shape: [Int], steps: [Step] = []) {
            self.name = name
            self.shape = shape
            self.steps = steps
        }
    }

    public init(name: String, dtype: ElementType, shape: [Int], sha256: String, chunks: [Chunk], source: Source? = nil) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.sha256 = sha256
        self.chunks = chunks
        self.source = source
    }
}

/// A question with the answer of the framework that made the model, so that any reader can prove itself.
public struct SelfTest: Codable, Sendable, Equatable {
    /// Who computed the expected values: "PyTorch 2.9", "NumPy reference", "rnnz interpreter (float64)".
    public var origin: String
    public var ids: [Int]
    /// Logits after the last id. [vocabulary]
    public var logits: [Double]?
    /// The ids that greedy decoding appends.
    public var greedy: [Int]?
    /// The largest absolute error of any logit.
    public var tolerance: Double

    public init(origin: String, ids: [Int], logits: [Double]? = nil, greedy: [Int]? = nil, tolerance: Double) {
        self.origin = origin
        self.ids = ids
        self.logits = logits
        self.greedy = greedy
        self.tolerance = tolerance
    }
}
