import Archive
import Kernels
import Network
import Tokenization

/// An archive made ready to use: the network with its weights, the tokenizer, and what the header says about both. Immutable;
/// what a conversation remembers is elsewhere.
public struct Model: Sendable {
    public let header: ArchiveHeader
    /// nil: an archive that holds a tokenizer alone.
    public let network: Network?
    /// By role: `text`, or `source` and `target`.
    public let tokenizers: [String: any Tokenizer]
    /// Where it was read from, as errors and listings name it.
    public let path: String
    /// One sentence each: what is odd and does no harm.
    public let warnings: [String]

    /// The tokenizer of a language model.
    public var tokenizer: (any Tokenizer)? { tokenizers["text"] }

    /// Reads an archive. Tensors are read only where there is a program to use them.
    ///
    /// - Parameters:
    ///   - threads: for reading and for the network; nil leaves the choice.
    ///   - checks: whether the network looks for numbers that are NaN or infinite, see `NetworkOptions.checks`.
    ///   - availableMemory: bytes; a model that needs more is refused before any tensor is read. nil: no limit.
    public static func load(
        path: String, threads: Int? = nil, checks: Bool = false, availableMemory: Int? = AvailableMemory.bytes()
    ) throws(ZooError) -> Model {
        let reader: ArchiveReader
        var tensors: [String: Tensor] = [:]
        do throws(ArchiveError) { reader = try ArchiveReader(path: path) } catch { throw .archive(path: path, error) }
        let header = reader.header.withoutTraining
        try header.checkMemory(path: path, available: availableMemory)
        do throws(ArchiveError) {
            if header.program != nil { tensors = try reader.tensors(header.tensors, team: readingTeam(threads)) }
        } catch {
            throw .archive(path: path, error)
        }
        return try Model(header: header, tensors: tensors, path: path, threads: threads, checks: checks)
    }

    /// From a header and tensors that need never have been written: what a converter checks its work with.
    public init(
        header: ArchiveHeader, tensors: [String: Tensor], path: String, threads: Int? = nil, checks: Bool = false
    ) throws(ZooError) {
        self.header = header
        self.path = path
        tokenizers = try Self.tokenizers(header, path: path)
        network = try Self.network(header, tensors: tensors, path: path, threads: threads, checks: checks)
        let unused = network?.unusedTensors ?? []
        warnings = unused.isEmpty ? [] : ["the program does not use the tensors \(unused.joined(separator: ", "))"]
        try checkVocabulary()
        try checkSpecialTokens()
    }

    static func readingTeam(_ threads: Int?) -> ThreadTeam {
        guard let threads, threads >= 1, threads != ThreadTeam.shared.count else { return .shared }
        return ThreadTeam(count: threads)
    }

    private static func tokenizers(_ header: ArchiveHeader, path: String) throws(ZooError) -> [String: any Tokenizer] {
        var tokenizers: [String: any Tokenizer] = [:]
        for (role, json) in header.tokenizers.sorted(by: { $0.key < $1.key }) {
            do {
                tokenizers[role] = try makeTokenizer(json: try json.serialized())
            } catch {
                throw .tokenizer(path: path, role: role, problem: "\(error)")
            }
        }
        return tokenizers
    }

    private static func network(
        _ header: ArchiveHeader, tensors: [String: Tensor], path: String, threads: Int?, checks: Bool
    ) throws(ZooError) -> Network? {
        guard let program = header.program else { return nil }
        var options = NetworkOptions()
        options.window = header.window
        options.padding = header.special.padding
        options.sourceLimit = header.sourceLimit
        options.threads = threads
        options.checks = checks
        do {
            return try Network(program: program, hyperparameters: header.hyperparameters, tensors: tensors, options: options)
        } catch let errors as NotationErrors {
            throw .program(path: path, errors)
        } catch {
            throw .network(path: path, problem: "\(error)")
        }
    }

    /// Every id that the network reads or writes has a token, or the header says that it has none. A network may write fewer ids
    /// than it reads: padding and start tokens are never predicted.
    private func checkVocabulary() throws(ZooError) {
        guard let network, let tokenizer else { return }
        let ids = tokenizer.idLimit + header.unusedIDs
        let generates =
            switch network.kind {
            case .languageModel, .window: true
            default: false
            }
        let outputs = generates ? network.vocabulary : nil
        if let rows = network.inputVocabulary, ids != rows { throw vocabularySize(rows) }
        if let outputs, network.inputVocabulary == nil ? ids != outputs : ids < outputs { throw vocabularySize(outputs) }
    }

    private func vocabularySize(_ rows: Int) -> ZooError {
        .vocabularySize(path: path, tokens: tokenizer?.idLimit ?? 0, unused: header.unusedIDs, rows: rows)
    }

    private func checkSpecialTokens() throws(ZooError) {
        guard let limit = network?.inputVocabulary ?? tokenizer?.idLimit else { return }
        let special = header.special
        let ids = [("start", special.start), ("end", special.end), ("unknown", special.unknown), ("padding", special.padding)]
        for case (let name, let id?) in ids where id >= limit {
            throw .specialToken(path: path, name: name, id: id, limit: limit)
        }
    }
}
