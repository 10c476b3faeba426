import Archive
import Kernels
import Network
import Tokenization
import Zoo

/// A recipe made ready: text read, network defined, first values drawn. What is missing is the network itself, a `Learner` of
/// `outline.header`'s program with `tensors`.
public struct TrainingSetup: Sendable {
    public let recipe: Recipe
    public let corpus: Corpus
    /// Of the corpus' file.
    public let corpusByteCount: Int
    /// Name, program, hyper-parameters and tokenizer of the model.
    public let outline: ModelOutline
    /// All of the program's tensors, `f32`.
    public let tensors: [String: Tensor]
    public let batches: StreamBatches
    public let validation: StreamEvaluation?
    public let options: TrainerOptions
    public let output: TrainerOutput

    /// - Parameters:
    ///   - seed: where the recipe has none.
    ///   - converter: program and version, for the archive's provenance.
    ///   - availableMemory: bytes; a training that needs more is refused before any of it is asked for. nil: no limit.
    /// - Throws: `TrainingError`; `ZooError` for a model to begin with that cannot be read; `NotationErrors` and `NetworkError` for a
    ///   program that cannot be trained.
    public init(
        _ recipe: Recipe, seed: UInt64, converter: String, team: ThreadTeam = .shared,
        availableMemory: Int? = AvailableMemory.bytes()
    ) throws {
        guard let corpusPath = recipe.corpus else { throw TrainingError.optionConflict(name: "corpus", problem: "is not given") }
        self.recipe = recipe
        var options = recipe.trainerOptions(seed: seed)
        output = TrainerOutput(model: recipe.output, checkpoint: recipe.checkpointPath)
        let start = try recipe.start.map { try StartingModel(path: $0) }
        corpus = try Corpus(
            path: corpusPath, vocabulary: try start?.vocabulary ?? recipe.vocabulary(),
            validation: recipe.validation.map { .file($0) }
                ?? (recipe.validationShare == 0 ? .none : .share(recipe.validationShare)),
            separator: recipe.separator)
        batches = try StreamBatches(
            corpus.training, batchSize: recipe.batch, window: recipe.window, zeroStateShare: recipe.zeroStateShare,
            path: corpusPath)
        validation = corpus.validation.map { StreamEvaluation($0, batchSize: recipe.batch, window: recipe.window) }
        if validation != nil, options.evaluateEvery == nil { options.evaluateEvery = max(100, batches.stepsPerEpoch) }
        self.options = options
        // What can be told without the network is told before time is spent on it.
        try options.check(hasValidation: validation != nil)
        let size = TrainingRunner.Size(batch: recipe.batch, steps: recipe.window)
        var header: ArchiveHeader
        if let start {
            header = start.header
            let need = MemoryNeed(header: header, shapes: start.shapes, options: options, size: size)
            try need.check(available: availableMemory)
            tensors = try start.tensors(team: team)
        } else {
            let definition = try recipe.network(vocabulary: corpus.tokenizer.idLimit)
            header = ArchiveHeader(name: "")
            header.architecture = definition.architecture
            header.program = definition.program
            header.hyperparameters = definition.hyperparameters
            header.tokenizers["text"] = try Self.json(of: corpus.tokenizer)
            header.tensors = definition.tensors.map { TensorEntry(name: $0.name, shape: $0.shape) }
            header.special.startText = corpus.startText(separator: recipe.separator)
            let shapes = Dictionary(definition.tensors.map { ($0.name, $0.shape) }) { $1 }
            let need = MemoryNeed(header: header, shapes: shapes, options: options, size: size)
            try need.check(available: availableMemory)
            tensors = try definition.initialization.tensors(definition.tensors, seed: options.seed, team: team)
        }
        if let text = recipe.startText {
            guard corpus.tokenizer.encode(text).unknown.isEmpty else {
                throw TrainingError.option(name: "start-text", value: "“\(text)”", expected: "a text that the tokenizer knows")
            }
            header.special.startText = text
        }
        header.name = recipe.name ?? (start == nil ? Self.name(of: recipe.output ?? corpusPath) : header.name)
        header.description = recipe.description ?? header.description
        header.license = recipe.license ?? header.license
        let bytes = try TextFile.bytes(corpusPath)
        corpusByteCount = bytes.count
        let file = Provenance.File(name: Self.lastPart(of: corpusPath), sha256: SHA256.hexadecimal(bytes))
        header.provenance = Provenance(
            format: "rnnz-training", files: (start?.header.provenance?.files ?? []).filter { $0 != file } + [file],
            converter: converter,
            note: recipe.note ?? start?.header.provenance?.note)
        let used = try TrainingRunner.usedTensors(
            program: header.program ?? "", hyperparameters: header.hyperparameters, shapes: tensors.mapValues(\.shape))
        outline = ModelOutline(header: header, constants: tensors.filter { !used.contains($0.key) })
    }

    /// The network with its first values, for as many steps as a batch has.
    /// - Throws: what `NetworkLearner` throws; `NetworkError.tokenOutOfRange` for a text with tokens that it cannot read or foretell.
    public func learner(threads: Int? = nil) throws -> NetworkLearner {
        let learner = try NetworkLearner(
            program: outline.header.program ?? "", hyperparameters: outline.header.hyperparameters, tensors: tensors,
            size: TrainingRunner.Size(batch: recipe.batch, steps: recipe.window), threads: threads)
        // A rare one would otherwise end the training when it is come to.
        let largest = [corpus.training, corpus.validation].compactMap { $0?.ids.max() }.max() ?? 0
        guard largest < learner.tokenLimit else {
            throw NetworkError.tokenOutOfRange(Int(largest), limit: learner.tokenLimit)
        }
        return learner
    }

    private static func json(of tokenizer: any Tokenizer) throws(TrainingError) -> JSONValue {
        do {
            return try JSONValue(parsing: try tokenizer.json())
        } catch {
            throw .tokenizer(problem: "\(error)")
        }
    }

    private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The file's name without its ending.
    private static func name(of path: String) -> String {
        let last = lastPart(of: path)
        return last.lastIndex(of: ".").map { $0 == last.startIndex ? last : String(last[..<$0]) } ?? last
    }
}

/// A model whose values a training begins with.
private struct StartingModel {
    let header: ArchiveHeader
    let vocabulary: Corpus.Vocabulary
    private let path: String
    private let reader: ArchiveReader

    var shapes: [String: [Int]] { Dictionary(header.tensors.map { ($0.name, $0.shape) }) { $1 } }

    init(path: String) throws {
        self.path = path
        do throws(ArchiveError) { reader = try ArchiveReader(path: path) } catch { throw ZooError.archive(path: path, error) }
        header = reader.header.withoutTraining
        guard header.program != nil, let tokenizer = header.tokenizers["text"] else {
            throw TrainingError.optionConflict(
                name: "init", problem: "is no language model: it lacks a program or a tokenizer for text")
        }
        do {
            vocabulary = .given(try makeTokenizer(json: try tokenizer.serialized()))
        } catch {
            throw TrainingError.tokenizer(problem: "\(error)")
        }
    }

    /// All of them, as `f32`.
    func tensors(team: ThreadTeam) throws -> [String: Tensor] {
        do throws(ArchiveError) {
            return try reader.tensors(header.tensors, team: team).mapValues { tensor in
                tensor.elementType == .f32 ? tensor : Tensor(shape: tensor.shape, values: tensor.floats())
            }
        } catch {
            throw ZooError.archive(path: path, error)
        }
    }
}

extension Recipe {
    func vocabulary() throws(TrainingError) -> Corpus.Vocabulary {
        switch tokenizer {
        case "characters": return .charactersOfCorpus
        case "bytes": return .given(ByteTokenizer())
        default:
            let bytes = try TextFile.bytes(tokenizer)
            do {
                return .given(try readVocabulary(json: bytes).makeTokenizer())
            } catch {
                throw .tokenizer(problem: "\(tokenizer): \(error)")
            }
        }
    }

    /// The network that is asked for: the built-in one, or a program with the tensors that the recipe lists.
    /// - Throws: `TrainingError.option`, `.optionConflict`, `.unreadable`, `.notUTF8`.
    public func network(vocabulary: Int) throws(TrainingError) -> NetworkDefinition {
        guard let program else {
            guard tensors.isEmpty, hyperparameters.isEmpty else {
                throw .optionConflict(
                    name: tensors.isEmpty ? "hyperparameters" : "tensors", problem: "is of a program, and none is given")
            }
            var definition = try cellNetwork(vocabulary: vocabulary).definition()
            definition.initialization.rules += initialization.rules
            return definition
        }
        guard !tensors.isEmpty else {
            throw .optionConflict(name: "program", problem: "needs “tensors”: the names and sizes of what it reads")
        }
        let words = ["vocabulary": vocabulary, "embedding": embedding ?? hidden, "hidden": hidden, "layers": layers]
        guard (1...CellNetwork.layerLimit).contains(layers) else {
            throw .option(name: "layers", value: "\(layers)", expected: "a whole number from 1 to \(CellNetwork.layerLimit)")
        }
        var definitions: [TensorDefinition] = []
        for tensor in tensors {
            var shape: [Int] = []
            for text in tensor.sizes {
                guard let size = RecipeText.size(text, words: words) else {
                    throw .option(name: "tensors", value: text, expected: "a product of sizes that can be counted")
                }
                shape.append(size)
            }
            definitions += Self.names(tensor.name, layers: layers).map { TensorDefinition($0, shape) }
        }
        var names: Set<String> = []
        for definition in definitions {
            guard !definition.name.hasPrefix(ArchiveHeader.trainingPrefix) else {
                throw .optionConflict(
                    name: "tensors", problem: "has “\(definition.name)”, a name that checkpoints keep for themselves")
            }
            guard names.insert(definition.name).inserted else {
                throw .optionConflict(name: "tensors", problem: "has “\(definition.name)” twice")
            }
        }
        return NetworkDefinition(
            architecture: nil, program: try TextFile.text(program), hyperparameters: hyperparameters, tensors: definitions,
            initialization: initialization)
    }

    /// `layers.L.W`: one name for each layer.
    private static func names(_ name: String, layers: Int) -> [String] {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.contains("L") else { return [name] }
        return (0..<layers).map { layer in parts.map { $0 == "L" ? "\(layer)" : String($0) }.joined(separator: ".") }
    }
}
