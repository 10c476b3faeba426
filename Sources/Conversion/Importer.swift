import Archive
import Kernels

/// Reads one foreign format: maps its tensors to names that a program can walk, and says what the program is.
public protocol Importer: Sendable {
    /// The format's name: the word after `--from`, and `provenance.format` in the archive.
    static var format: String { get }
    /// What it reads, in a few words, for the list in an error.
    static var summary: String { get }
    /// The settings it understands beside the common ones.
    static var settings: [String] { get }
    /// Whether the input is of this format, judged by its content. Must be quick and must not throw.
    func recognises(_ input: ConversionInput) -> Bool
    /// Reads the whole input. Self-tests, names and common settings are added by `convert(from:to:options:importers:)`.
    func convert(_ input: ConversionInput, options: ConversionOptions) throws -> ConvertedModel
}

extension Importer {
    public static var settings: [String] { [] }
}

/// The importers that are part of the project, in the order in which they are asked.
public let builtInImporters: [any Importer] = [
    ArchiveImporter(), ML5Importer(), TorchImporter(), SafetensorsImporter(),
]

/// What an importer made: all that an archive holds but its self-tests.
public struct ConvertedModel: Sendable {
    /// One tensor under the name that the program uses.
    public struct Part: Sendable {
        public var name: String
        public var tensor: Tensor
        /// What it was made of at the source; empty: one tensor of the same name, as it was.
        public var sources: [TensorEntry.Source]

        public init(name: String, tensor: Tensor, sources: [TensorEntry.Source] = []) {
            self.name = name
            self.tensor = tensor
            self.sources = sources
        }
    }

    /// `tensors` is left empty: `parts` has them.
    public var header: ArchiveHeader
    public var parts: [Part]
    /// Sentences for the user: what was left out, assumed or repaired.
    public var warnings: [String]

    public init(header: ArchiveHeader, parts: [Part], warnings: [String] = []) {
        self.header = header
        self.parts = parts
        self.warnings = warnings
    }
}

/// How to convert. Paths are taken as they are.
public struct ConversionOptions: Sendable {
    /// The format's name (`--from`); nil: recognised by content.
    public var from: String?
    /// The path of a program (`--program`) for tensors that keep their names.
    public var program: String?
    /// `--set NAME=VALUE`.
    public var settings: [String: String] = [:]
    /// The path of a vocabulary (`--vocab`); nil: a `vocab.json` beside the input.
    public var vocabularyPath: String?
    /// The model's name; nil: the output's.
    public var name: String?
    /// What the matrices of an archive are stored as (`--quantize`) where that makes them smaller; nil: as they are.
    public var quantize: ElementType?
    /// Convert weights that are NaN or infinite.
    public var allowNaN = false
    /// Threads that check the result; nil: chosen.
    public var threads: Int?
    /// Program and version, for the provenance.
    public var converter = "rnnz"

    // Options that stand in the command line's description and are not built yet: refused with a sentence, never ignored.
    public var mappingPath: String?
    public var tokenizerPath: String?

    public init() {}
}

/// What was done, for the shell to print.
public struct ConversionReport: Sendable, Equatable {
    public struct SelfTestResult: Sendable, Equatable {
        public var origin: String
        /// Ids that were fed, and ids that greedy decoding had to repeat.
        public var ids: Int
        public var greedy: Int
        /// The largest absolute error of any logit; nil where the test has none.
        public var largestError: Double?
        public var tolerance: Double
    }

    /// What `--quantize` did.
    public struct Quantization: Sendable, Equatable {
        /// The element type's name.
        public var type: String
        /// The names of the tensors that were converted.
        public var tensors: [String] = []
        /// Bytes of all tensors in memory.
        public var bytesBefore = 0
        public var bytesAfter = 0
    }

    public var input: String
    public var output: String
    /// The importer's format.
    public var format: String
    public var name: String
    public var architecture: String?
    public var tensors: Int
    public var parameters: Int
    /// Rows that the program's logits have; nil where it has none.
    public var vocabulary: Int?
    public var warnings: [String]
    public var selfTests: [SelfTestResult]
    public var bytesWritten: Int
    /// nil where nothing was quantized.
    public var quantization: Quantization?

    /// The largest absolute error over all self-tests.
    public var largestError: Double? { selfTests.compactMap(\.largestError).max() }
}
