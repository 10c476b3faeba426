import Archive
import Kernels
import Zoo

/// `.rnnz` archives themselves: to rename one, to give it another vocabulary, program or settings, or to leave again as safetensors.
public struct ArchiveImporter: Importer {
    public static let format = "rnnz"
    public static let summary = ".rnnz archives"

    public init() {}

    public func recognises(_ input: ConversionInput) -> Bool {
        input.content == .rnnz || (input.content == .unknown || input.content == .empty) && input.path.hasSuffix(".rnnz")
    }

    /// - Throws: `ZooError.archive` where the archive is damaged, digests included.
    public func convert(_ input: ConversionInput, options: ConversionOptions) throws -> ConvertedModel {
        let settings = try Settings(options, own: Self.settings)
        var header: ArchiveHeader
        let parts: [ConvertedModel.Part]
        let reader: ArchiveReader
        do throws(ArchiveError) {
            reader = try ArchiveReader(path: input.path)
        } catch { throw ZooError.archive(path: input.path, error) }
        try reader.header.withoutTraining.checkMemory(path: input.path, available: AvailableMemory.bytes())
        do throws(ArchiveError) {
            (header, parts) = try Self.read(reader)
        } catch { throw ZooError.archive(path: input.path, error) }
        // Another program, or other numbers in it, has other answers: the old tests say nothing about it.
        if let program = try options.programText() { header.program = program }
        let changesWindow = settings.text("window") != nil || header.window != nil && settings.text("padding") != nil
        if options.program != nil || !settings.hyperparameters.isEmpty || changesWindow { header.selfTests = [] }
        var warnings: [String] = []
        if options.vocabularyPath != nil {
            try settings.apply(to: &header)
            let vocabulary = try VocabularyLoader(header, parts: parts, path: input.path)
            warnings += try vocabulary.load(input, options: options, settings: settings, into: &header)
        }
        return ConvertedModel(header: header, parts: parts, warnings: warnings)
    }

    /// All of it, digests checked.
    private static func read(_ reader: ArchiveReader) throws(ArchiveError) -> (ArchiveHeader, [ConvertedModel.Part]) {
        var header = reader.header.withoutTraining
        let tensors = try reader.tensors(header.tensors)
        var parts: [ConvertedModel.Part] = []
        for entry in header.tensors {
            guard let tensor = tensors[entry.name] else { throw .noSuchTensor(name: entry.name) }
            try reader.checkDigest(of: tensor, name: entry.name)
            parts.append(ConvertedModel.Part(name: entry.name, tensor: tensor, sources: entry.sources))
        }
        header.tensors = []
        return (header, parts)
    }
}
