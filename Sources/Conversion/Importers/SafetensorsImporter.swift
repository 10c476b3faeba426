import Archive
import Tokenization

/// Any safetensors file with a program written by hand: tensors as they are named, the program as given.
public struct SafetensorsImporter: Importer {
    public static let format = "safetensors"
    public static let summary = "any safetensors with --program FILE"

    public init() {}

    public func recognises(_ input: ConversionInput) -> Bool { TorchImporter().recognises(input) }

    public func convert(_ input: ConversionInput, options: ConversionOptions) throws -> ConvertedModel {
        guard let program = try options.programText() else { throw ConversionError.programRequired(format: Self.format) }
        let settings = try Settings(options, own: Self.settings)
        let source = try Safetensors(path: input.checkpointPath())
        var reading = SafetensorsReading(source)
        var parts: [ConvertedModel.Part] = []
        var warnings: [String] = []
        // Counters and position tables are integers; whether one is needed is for the program to say.
        let unusable = source.entries.filter { $0.type.elementType == nil }
        if !unusable.isEmpty {
            let names = unusable.map { "\($0.name) (\($0.type.rawValue))" }
            warnings.append("these tensors are not floating-point numbers and are left out: \(names.joined(separator: ", "))")
        }
        for entry in source.entries where entry.type.elementType != nil {
            parts.append(try reading.part(entry, name: entry.name))
        }

        var header = ArchiveHeader(name: "")
        header.program = program
        var files = [try Provenance.File(source.file)]
        if let path = options.program { files.append(try Provenance.File(SourceFile(path: path))) }
        header.provenance = Provenance(format: Self.format, files: files, converter: options.converter, note: reading.note)
        try settings.apply(to: &header)
        let vocabulary = try VocabularyLoader(header, parts: parts, path: source.path)
        warnings += try vocabulary.load(input, options: options, settings: settings, into: &header)
        return ConvertedModel(header: header, parts: parts, warnings: warnings + reading.warnings)
    }
}
