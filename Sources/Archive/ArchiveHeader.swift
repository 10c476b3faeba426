import Kernels

/// What an archive says about itself: everything but the numbers. `zoo/FORMAT.md` lists the keys.
public struct ArchiveHeader: Sendable, Equatable {
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
    /// How many ids at the end of the network's vocabulary have no token: rows that a checkpoint was padded with.
    public var unusedIDs = 0
    /// A window model reads the last `window` tokens for each token it generates.
    public var window: Int?
    /// The longest source and the longest generated sequence, in tokens.
    public var sourceLimit: Int?
    public var targetLimit: Int?
    /// Names are option names of `generate` without the dashes: `temperature`, `top-k`, …
    public var generation: [String: JSONValue] = [:]
    public var tensors: [TensorEntry] = []
    public var selfTests: [SelfTest] = []
    /// Of a checkpoint: where its training was, an object for the program that trains. Goes with tensors under `trainingPrefix`.
    public var training: JSONValue?

    public init(name: String) { self.name = name }
}

extension ArchiveHeader {
    /// What the names of tensors begin with that are no part of the model but of its training. No program can name such a tensor.
    public static let trainingPrefix = "training/"

    /// The model alone, without what only its training needs.
    public var withoutTraining: ArchiveHeader {
        guard training != nil else { return self }
        var header = self
        header.training = nil
        header.tensors.removeAll { $0.name.hasPrefix(Self.trainingPrefix) }
        return header
    }
}

/// Where the numbers came from.
public struct Provenance: Sendable, Equatable {
    /// What was converted, as its format's name: `ml5-charrnn`, `pytorch-safetensors`, …
    public var format: String
    public var files: [File]
    /// Program and version that wrote the archive.
    public var converter: String
    /// Credit, corpus, training run: free text.
    public var note: String?

    public struct File: Sendable, Equatable {
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
public struct SpecialTokens: Sendable, Equatable {
    public var start: Int?
    public var end: Int?
    public var unknown: Int?
    public var padding: Int?
    public var startText: String?

    public init() {}
}

/// A question with the answer of the framework that made the model, so that any reader can prove itself.
public struct SelfTest: Sendable, Equatable {
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
