import ArgumentParser
import Conversion
import Kernels
import Zoo

/// `convert`: someone else's checkpoint becomes an archive, or an archive leaves again.
struct ConvertCommand: Command {
    static let about = CommandDescription(
        "convert", "make an archive of a checkpoint, or safetensors of an archive",
        usage:
            "IN OUT [--from FORMAT] [--program FILE] [--set NAME=VALUE]… [--vocab FILE] [--quantize TYPE] [--name N] [--allow-nan]",
        discussion: """
            The format is recognised by content. OUT ends in .rnnz, or in .safetensors, which has the source's tensors again. An
            archive is written only after the model in it has run and met its self-tests.

            --quantize stores the matrices that the program multiplies or looks up as f16 or bf16 (half the size), q8 (27 percent) or q4
            (14 percent: 32 numbers in 18 bytes); the rest stays exact. It makes new self-tests of what is then stored.
            """,
        examples: [
            ("hamlet/ hamlet.rnnz", "an ml5 charRNN folder"),
            ("lm.safetensors lm.rnnz --vocab vocab.json", "a language model with PyTorch's names"),
            ("lm.rnnz lm.safetensors", "and out again"), ("lm.rnnz small.rnnz --quantize q8", "a quarter of the size"),
        ])

    @Argument(help: ArgumentHelp("a file or folder", valueName: "IN"), completion: .file())
    var input: String

    @Argument(help: ArgumentHelp("what to write", valueName: "OUT"), completion: .file())
    var output: String

    @Option(
        parsing: .unconditional, help: ArgumentHelp("the format, where it is not recognised", valueName: "FORMAT"),
        completion: .list(builtInImporters.map { type(of: $0).format }))
    var from: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("a program for tensors that keep their names", valueName: "FILE"),
        completion: .file())
    var program: String?

    // Understood, so that they are refused with a reason rather than as unknown words; not shown until they do something.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("how a checkpoint's tensors become the program's", valueName: "FILE", visibility: .hidden),
        completion: .file())
    var mapping: String?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("a hyper-parameter or header field", valueName: "NAME=VALUE"))
    var settings: [String] = []

    @Option(
        parsing: .unconditional, help: ArgumentHelp("the vocabulary; vocab.json beside IN where not given", valueName: "FILE"),
        completion: .file())
    var vocab: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("a tokenizer file", valueName: "FILE", visibility: .hidden),
        completion: .file())
    var tokenizer: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("store matrices as f16, bf16, q8 or q4", valueName: "TYPE"),
        completion: .list(quantizedTypes.map(\.rawValue)))
    var quantize: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("the model's name; OUT's where not given", valueName: "N"))
    var name: String?

    @Flag(help: "convert weights that are NaN or infinite")
    var allowNan = false

    func validate() throws {
        if let quantize, !quantizedTypes.contains(where: { $0.rawValue == quantize }) {
            throw ValidationError(
                "--quantize takes \(quantizedTypes.map(\.rawValue).joined(separator: ", ")), not \(quoted(quantize))")
        }
        if name?.isEmpty == true { throw ValidationError("--name is empty; without it the model is named as OUT is") }
    }

    func run(in shell: Shell) throws {
        var options = ConversionOptions()
        options.from = from
        options.program = program
        options.mappingPath = mapping
        options.settings = try parsedSettings()
        options.vocabularyPath = vocab
        options.tokenizerPath = tokenizer
        options.quantize = quantize.flatMap { ElementType(rawValue: $0) }
        options.name = name
        options.allowNaN = allowNan
        options.threads = shell.settings.threads
        options.converter = Version.name
        shell.output.showProgress("converting \(input)")
        defer { shell.output.showProgress(nil) }
        let report: ConversionReport
        do {
            report = try convert(from: input, to: output, options: options, isInterrupted: shell.isInterrupted)
        } catch ZooError.program(_, let errors) {
            // Lines and columns are those of the program's own file.
            throw Failure(errors, path: program ?? input)
        } catch {
            throw Failure(error, path: input)
        }
        shell.output.showProgress(nil)
        for warning in report.warnings { shell.output.warn(warning) }
        for line in report.lines { try shell.output.writeLine(line) }
    }

    private func parsedSettings() throws -> [String: String] {
        var result: [String: String] = [:]
        for setting in settings {
            guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
                throw Failure.usage("--set takes NAME=VALUE, not \(quoted(setting))")
            }
            let name = String(setting[..<equals])
            let value = String(setting[setting.index(after: equals)...])
            if result.updateValue(value, forKey: name) != nil { throw Failure.usage("--set \(name) is given twice") }
        }
        return result
    }
}

extension ConversionReport {
    fileprivate var lines: [String] {
        var facts = [architecture, counted(parameters, "parameter"), counted(tensors, "tensor")].compactMap { $0 }
        if let vocabulary { facts.append("a vocabulary of \(grouped(vocabulary))") }
        var lines = ["\(output): \(name), \(facts.joined(separator: ", ")), from \(format); \(counted(bytesWritten, "byte"))"]
        if let quantization {
            lines.append(
                "\(grouped(quantization.tensors.count)) of \(counted(tensors, "tensor")) stored as \(quantization.type): "
                    + "\(grouped(quantization.bytesBefore)) bytes in memory became \(grouped(quantization.bytesAfter))")
        }
        if !selfTests.isEmpty {
            let error = largestError.map { ", largest absolute error \(formatted($0, digits: 2))" } ?? ""
            lines.append("\(counted(selfTests.count, "self-test")) passed\(error)")
        }
        return lines
    }
}
