import Archive
import Kernels

/// ml5's charRNN folders: TensorFlow's BasicLSTM as `manifest.json`, one file of 32-bit floats for each variable, `vocab.json`.
public struct ML5Importer: Importer {
    public static let format = "ml5-charrnn"
    public static let summary = "ml5 charRNN folders (manifest.json)"

    public init() {}

    public func recognises(_ input: ConversionInput) -> Bool { input.names?.contains("manifest.json") == true }

    public func convert(_ input: ConversionInput, options: ConversionOptions) throws -> ConvertedModel {
        if options.program != nil {
            throw ConversionError.unsupportedOption(option: "--program", reason: "an ml5 folder brings its own")
        }
        let settings = try Settings(options, own: Self.settings)
        if settings.text("window") != nil {
            throw ConversionError.unsupportedOption(
                option: "--set window", reason: "an ml5 model reads one token after the other")
        }
        let manifest = try ML5Manifest(input)
        let model = try ML5Model(manifest)
        var files = [try Provenance.File(manifest.file)]
        let parts = try model.parts.map { part in
            let file = try manifest.open(part.variable)
            files.append(try Provenance.File(file))
            let tensor = try file.tensor(.f32, shape: part.variable.shape, at: 0, byteCount: file.size)
            let source = TensorEntry.Source(name: part.variable.name, shape: part.variable.shape)
            return ConvertedModel.Part(name: part.name, tensor: tensor, sources: part.name == part.variable.name ? [] : [source])
        }
        var header = ArchiveHeader(name: "")
        header.architecture = "lstm"
        header.program = model.program
        header.provenance = Provenance(format: Self.format, files: files, converter: options.converter)
        var warnings: [String] = []
        if !model.unused.isEmpty {
            warnings.append("these variables have no part in the model and are left out: \(model.unused.joined(separator: ", "))")
        }
        let vocabulary = VocabularyLoader(rows: model.vocabulary, isOfCharacters: true)
        warnings += try vocabulary.load(input, options: options, settings: settings, into: &header)
        return ConvertedModel(header: header, parts: parts, warnings: warnings)
    }
}

/// The list of a folder's variables, checked: no file is opened for it but its own.
struct ML5Manifest {
    struct Variable: Equatable {
        var name: String
        var fileName: String
        var shape: [Int]
        /// Of 32-bit floats.
        var byteCount: Int
    }

    let folder: String
    let file: SourceFile
    /// By name.
    let variables: [Variable]

    init(_ input: ConversionInput) throws(ConversionError) {
        guard input.isFolder else { throw .noCheckpoint(path: input.path) }
        folder = input.path
        file = try SourceFile(path: input.path(of: "manifest.json"))
        let json: JSONValue
        let bytes = try file.contents(limit: 16 << 20)
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch { throw .notJSON(path: file.path, problem: error.description) }
        guard let members = json.object else { throw .notJSON(path: file.path, problem: "it is no object of variables") }
        var variables: [Variable] = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            variables.append(try Self.variable(name, value, path: file.path))
        }
        self.variables = variables
    }

    private static func variable(_ name: String, _ value: JSONValue, path: String) throws(ConversionError) -> Variable {
        func malformed(_ problem: String) -> ConversionError { .manifestEntry(path: path, variable: name, problem: problem) }
        guard let fileName = value["filename"]?.string, !fileName.isEmpty else { throw malformed("it has no filename") }
        // One flat folder: a name that leads anywhere else is not one of its files.
        guard !fileName.contains("/"), !fileName.utf8.contains(0), fileName != "..", fileName != "." else {
            throw .manifestFileOutside(path: path, variable: name, file: fileName)
        }
        guard let shape = value["shape"]?.array else { throw malformed("it has no shape") }
        var byteCount = 4
        var dimensions: [Int] = []
        for dimension in shape {
            guard let dimension = dimension.integer, dimension > 0 else {
                throw malformed("its shape is no list of positive numbers")
            }
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw malformed("it is larger than can be addressed") }
            byteCount = product
            dimensions.append(dimension)
        }
        guard dimensions.count <= 8 else { throw malformed("it has \(dimensions.count) axes; at most 8 are possible") }
        return Variable(name: name, fileName: fileName, shape: dimensions, byteCount: byteCount)
    }

    /// The file of a variable, which must have exactly the bytes that its shape needs. A link may not lead out of the folder.
    func open(_ variable: Variable) throws(ConversionError) -> SourceFile {
        let path = FilePaths.join(folder, variable.fileName)
        if let resolved = FilePaths.resolved(path), let root = FilePaths.resolved(folder), FilePaths.folder(of: resolved) != root
        {
            throw .manifestFileOutside(path: file.path, variable: variable.name, file: variable.fileName)
        }
        guard FilePaths.exists(path) else {
            throw .manifestEntry(path: file.path, variable: variable.name, problem: "its file \(variable.fileName) is missing")
        }
        let blob = try SourceFile(path: path)
        guard blob.size == variable.byteCount else {
            throw .blobSize(path: path, variable: variable.name, expected: variable.byteCount, found: blob.size)
        }
        return blob
    }
}
