import Archive
import Kernels
import Network
import Zoo

/// Converts a model, proves the result, and writes it.
///
/// The output is an archive (`.rnnz`), or safetensors with the tensors of the source again: their names, shapes and values. An
/// archive is written only after the model in it has run: its self-tests, which are made from the float64 interpreter where the
/// source brings none or its tensors are quantized, are met by the network as it will be executed.
/// - Parameters:
///   - input: a file or folder, recognised by its content unless `options.from` names the format.
///   - output: ends in `.rnnz` or `.safetensors`; what stood there is replaced whole or not at all.
///   - importers: asked in this order.
///   - isInterrupted: asked between the stages of the work and while an archive is written.
/// - Throws: `ConversionError`; errors of archive, notation and network as they are; `ArchiveError.interrupted`.
public func convert(
    from input: String, to output: String, options: ConversionOptions = ConversionOptions(),
    importers: [any Importer] = builtInImporters, isInterrupted: () -> Bool = { false }
) throws -> ConversionReport {
    guard let kind = OutputKind(path: output) else { throw ConversionError.outputKind(path: output) }
    try refuseUnbuilt(options)
    if options.quantize != nil, kind == .safetensors {
        throw ConversionError.unsupportedOption(
            option: "--quantize", reason: "safetensors have the source's numbers again; archives (.rnnz) can be quantized")
    }
    let source = try ConversionInput(path: input)
    let importer = try choose(importers, for: source, options: options)
    // Checked before anything large is read.
    let settings = try Settings(options, own: type(of: importer).settings)
    try checkFolder(of: output)

    var model = try importer.convert(source, options: options)
    if isInterrupted() { throw ArchiveError.interrupted }
    try settings.apply(to: &model.header)
    model.header.name = options.name ?? (model.header.name.isEmpty ? FilePaths.stem(of: output) : model.header.name)
    try checkFinite(&model, allowed: options.allowNaN)
    var report = ConversionReport(model, input: input, output: output, format: type(of: importer).format)
    switch kind {
    case .archive: try writeArchive(&model, to: output, options: options, report: &report, isInterrupted: isInterrupted)
    case .safetensors:
        if isInterrupted() { throw ArchiveError.interrupted }
        report.bytesWritten = try writeSource(model, to: output)
    }
    report.warnings = model.warnings.map(ConversionError.printable)
    return report
}

/// Writes a model that was made here as `convert` writes one: an archive with self-tests, proven, its matrices quantized where that is
/// asked for; or safetensors.
///
/// - Parameter options: of which `quantize` and `threads` are followed.
/// - Throws: as `convert`.
public func write(
    _ model: ConvertedModel, to output: String, options: ConversionOptions = ConversionOptions(),
    isInterrupted: () -> Bool = { false }
) throws -> ConversionReport {
    var model = model
    var report = ConversionReport(model, input: output, output: output, format: model.header.provenance?.format ?? "")
    switch OutputKind(path: output) {
    case .safetensors: report.bytesWritten = try writeSource(model, to: output)
    case .archive, nil:
        try writeArchive(&model, to: output, options: options, report: &report, isInterrupted: isInterrupted)
    }
    report.warnings = model.warnings.map(ConversionError.printable)
    return report
}

extension ConversionReport {
    fileprivate init(_ model: ConvertedModel, input: String, output: String, format: String) {
        self.init(
            input: input, output: output, format: format, name: model.header.name, architecture: model.header.architecture,
            tensors: model.parts.count, parameters: model.parts.reduce(0) { $0 + $1.tensor.count }, vocabulary: nil, warnings: [],
            selfTests: [], bytesWritten: 0)
    }
}

private enum OutputKind {
    case archive, safetensors

    init?(path: String) {
        if path.hasSuffix(".rnnz") {
            self = .archive
        } else if path.hasSuffix(".safetensors") {
            self = .safetensors
        } else {
            return nil
        }
    }
}

private func refuseUnbuilt(_ options: ConversionOptions) throws(ConversionError) {
    if options.mappingPath != nil {
        throw .unsupportedOption(
            option: "--mapping", reason: "this build takes the names that --program uses as they are in the file")
    }
    if options.tokenizerPath != nil {
        throw .unsupportedOption(option: "--tokenizer", reason: "this build reads vocabularies (--vocab FILE)")
    }
}

private func choose(
    _ importers: [any Importer], for input: ConversionInput, options: ConversionOptions
) throws(ConversionError) -> any Importer {
    if let wanted = options.from {
        let known = importers.map { type(of: $0).format }
        guard let importer = importers.first(where: { type(of: $0).format == wanted }) else {
            throw .unknownFormat(name: wanted, nearest: nearestName(to: wanted, among: known), known: known)
        }
        guard importer.recognises(input) else {
            throw .formatDoesNotFit(path: input.path, format: wanted, content: input.contentDescription)
        }
        return importer
    }
    // With a program, tensors are taken as they are named.
    let byName = options.program == nil ? nil : importers.first { type(of: $0).format == SafetensorsImporter.format }
    if let byName, byName.recognises(input) { return byName }
    guard let importer = importers.first(where: { $0.recognises(input) }) else {
        throw .unrecognised(
            path: input.path, content: input.contentDescription, advice: input.content.advice,
            formats: importers.map { type(of: $0).summary })
    }
    return importer
}

private func checkFolder(of output: String) throws(ConversionError) {
    if FilePaths.isFolder(output) { throw .writeFailed(path: output, reason: "it is a folder") }
    let folder = FilePaths.folder(of: output)
    guard FilePaths.isFolder(folder) else { throw .writeFailed(path: output, reason: "there is no folder \(folder)") }
}

/// NaN and infinities are named, all of them at once.
private func checkFinite(_ model: inout ConvertedModel, allowed: Bool) throws(ConversionError) {
    let found = model.parts.compactMap { part -> ConversionError.NonFinite? in
        guard let first = part.tensor.firstNonFinite else { return nil }
        let count = part.tensor.floats().reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
        return ConversionError.NonFinite(tensor: part.name, first: indices(of: first, in: part.tensor.shape), count: count)
    }
    if found.isEmpty { return }
    guard allowed else { throw .notFinite(tensors: found) }
    let names = found.map { "\($0.tensor) (\($0.count))" }
    model.warnings.append("these tensors have NaN or infinite values: \(names.joined(separator: ", "))")
}

/// One index for each axis.
private func indices(of position: Int, in shape: [Int]) -> [Int] {
    var rest = position
    var indices: [Int] = []
    for dimension in shape.reversed() {
        indices.append(rest % dimension)
        rest /= dimension
    }
    return indices.reversed()
}

private func writeArchive(
    _ converted: inout ConvertedModel, to output: String, options: ConversionOptions, report: inout ConversionReport,
    isInterrupted: () -> Bool
) throws {
    var tensors: [String: Tensor] = [:]
    for part in converted.parts where tensors.updateValue(part.tensor, forKey: part.name) != nil {
        throw ArchiveError.duplicateTensor(name: part.name)
    }
    converted.header.tensors = converted.parts.map { TensorEntry(name: $0.name, sources: $0.sources) }
    if let type = options.quantize {
        do {
            report.quantization = try Quantizing.apply(type, to: &converted, isInterrupted: isInterrupted)
        } catch let errors as NotationErrors {
            throw ZooError.program(path: options.program ?? report.input, errors)
        }
        // Other numbers, other answers: the old tests say nothing about them.
        if report.quantization != nil { converted.header.selfTests = [] }
        for part in converted.parts { tensors[part.name] = part.tensor }
    }
    let model: Model
    do throws(ZooError) {
        let path = options.program ?? report.input
        model = try Model(header: converted.header, tensors: tensors, path: path, threads: options.threads)
    } catch {
        // What the user set is wrong words, not bad data.
        if case .specialToken(_, let name, let id, let limit) = error, options.settings[name] != nil {
            throw ConversionError.specialTokenOutOfRange(name: name, id: id, vocabulary: limit)
        }
        throw error
    }
    if isInterrupted() { throw ArchiveError.interrupted }
    converted.warnings += model.warnings
    report.vocabulary = model.network?.vocabulary
    if let network = model.network, converted.header.selfTests.isEmpty {
        converted.header.selfTests = try SelfTesting.make(network, warnings: &converted.warnings)
    }
    report.selfTests = try converted.header.selfTests.map { try SelfTesting.run($0, on: model) }
    if let network = model.network, network.kind == .features { report.selfTests.append(try SelfTesting.compare(network)) }
    report.bytesWritten = try ArchiveWriter().write(converted.header, tensors: tensors, to: output, isInterrupted: isInterrupted)
}

/// The source's tensors again. Those that were only renamed are written as they are; the others are put together first.
private func writeSource(_ model: ConvertedModel, to output: String) throws -> Int {
    guard !model.parts.isEmpty else { throw ConversionError.nothingToWrite(path: output) }
    var uses: [String: Int] = [:]
    for part in model.parts {
        for name in Set(part.sources.isEmpty ? [part.name] : part.sources.map(\.name)) { uses[name, default: 0] += 1 }
    }
    var restored: [(name: String, tensor: Tensor)] = []
    var rearranged: [ConvertedModel.Part] = []
    for part in model.parts {
        let name = part.sources.first?.name ?? part.name
        let isPlain = part.sources.isEmpty || part.sources.count == 1 && part.sources[0].steps.isEmpty
        if isPlain && uses[name] == 1 {
            restored.append((name, part.tensor))
        } else {
            rearranged.append(part)
        }
    }
    let entries = rearranged.map {
        TensorEntry(name: $0.name, dtype: $0.tensor.elementType, shape: $0.tensor.shape, sources: $0.sources)
    }
    let tensors = Dictionary(rearranged.map { ($0.name, $0.tensor) }) { $1 }
    restored += try Rearrangement.undo(entries, tensors: tensors).map { (name: $0.key, tensor: $0.value) }
    return try Safetensors.write(restored, metadata: ["format": "pt"], to: output)
}
