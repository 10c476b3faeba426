import Archive
import Kernels

/// Recurrent language models as PyTorch names their tensors, in safetensors, with a vocabulary file beside them.
///
/// Read are `nn.RNN`, `nn.LSTM`, `nn.GRU` and their cells, any number of layers, after any prefix, with or without biases,
/// bidirectional, projected; with an embedding or one-hot input; the output layer may be tied to the embedding.
public struct TorchImporter: Importer {
    public static let format = "pytorch-safetensors"
    public static let summary = "safetensors of a recurrent language model with PyTorch's names"
    public static let settings = ["cell", "nonlinearity", "embedding", "output", "recurrent"]

    public init() {}

    public func recognises(_ input: ConversionInput) -> Bool {
        if input.content == .safetensors { return true }
        if input.isFolder { return (try? input.checkpoints())?.isEmpty == false }
        // Not to be told from noise: taken at its name, so that the error says what is wrong with it.
        return (input.content == .unknown || input.content == .empty) && input.path.hasSuffix(".safetensors")
    }

    public func convert(_ input: ConversionInput, options: ConversionOptions) throws -> ConvertedModel {
        if options.program != nil { return try SafetensorsImporter().convert(input, options: options) }
        let settings = try Settings(options, own: Self.settings)
        let source = try Safetensors(path: input.checkpointPath())
        let model = try TorchModel(source, settings: settings)
        let window = try settings.natural("window", minimum: 1)
        if window != nil && model.isBidirectional { throw ConversionError.bidirectionalWindow }
        let program = TorchProgram(model: model, isWindow: window != nil)

        var reading = SafetensorsReading(source)
        let parts = try program.parts().map { part in
            try reading.part(part.entry, name: part.name, steps: part.isTransposed ? [.transpose] : [])
        }
        var header = ArchiveHeader(name: "")
        header.architecture = model.cell.rawValue
        header.program = program.text()
        header.provenance = Provenance(
            format: Self.format, files: [try Provenance.File(source.file)], converter: options.converter, note: reading.note)
        var warnings = model.warnings + reading.warnings
        if !model.unused.isEmpty {
            warnings.append("these tensors have no part in the model and are left out: \(model.unused.joined(separator: ", "))")
        }
        var vocabulary = VocabularyLoader(rows: model.inputVocabulary)
        vocabulary.paddingRows.formUnion(model.outputVocabulary..<model.inputVocabulary)
        warnings += try vocabulary.load(input, options: options, settings: settings, into: &header)
        if window != nil && header.special.padding == nil && settings.text("padding") == nil {
            warnings.append("a window that is not full is filled with id 0 (--set padding=ID)")
        }
        return ConvertedModel(header: header, parts: parts, warnings: warnings)
    }
}

/// Reading tensors of a safetensors file into an archive's, noting what has to be said about it.
struct SafetensorsReading {
    let source: Safetensors
    private var rounded: [String] = []

    init(_ source: Safetensors) { self.source = source }

    mutating func part(
        _ entry: Safetensors.Entry, name: String, steps: [TensorEntry.Source.Step] = []
    ) throws -> ConvertedModel.Part {
        if entry.type == .f64 { rounded.append(entry.name) }
        let origin = TensorEntry.Source(name: entry.name, shape: entry.shape, steps: steps)
        var tensor = try source.tensor(entry)
        if !steps.isEmpty { tensor = try Rearrangement.apply([origin], making: name, from: [entry.name: tensor]) }
        return ConvertedModel.Part(name: name, tensor: tensor, sources: name == entry.name && steps.isEmpty ? [] : [origin])
    }

    var warnings: [String] {
        if rounded.isEmpty { return [] }
        return ["these tensors are F64 and were rounded to 32 bits: \(rounded.joined(separator: ", "))"]
    }

    /// What the file's metadata tells about the model; `format` only names the framework.
    var note: String? {
        let facts = source.metadata.filter { $0.key != "format" }.sorted { $0.key < $1.key }
        let text = facts.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
        return text.isEmpty ? nil : String(text.prefix(4096))
    }
}

extension Provenance.File {
    /// The file's name without its folder, and its digest.
    init(_ file: SourceFile, name: String? = nil) throws(ConversionError) {
        self.init(name: name ?? FilePaths.name(of: file.path), sha256: try file.sha256())
    }
}
