import Archive
import Kernels
import Tokenization
import Zoo

/// Reads the vocabulary that belongs to a model, checks it against the model's rows, and puts tokenizer and special ids into a header.
struct VocabularyLoader {
    /// Rows of the embedding, which is what an id must be below; nil: not known yet.
    var rows: Int?
    /// The format's models read characters, whatever the entries look like.
    var isOfCharacters = false
    /// Rows that may lack an entry: the format knows them as padding.
    var paddingRows: Set<Int> = []

    /// Larger files are no vocabularies.
    static let byteLimit = 256 << 20

    init(rows: Int?, isOfCharacters: Bool = false) {
        self.rows = rows
        self.isOfCharacters = isOfCharacters
    }

    /// Where only the program tells how many rows there are.
    init(_ header: ArchiveHeader, parts: [ConvertedModel.Part], path: String) throws(ZooError) {
        var header = header
        header.tokenizers = [:]
        let tensors = Dictionary(parts.map { ($0.name, $0.tensor) }) { $1 }
        let network = try Model(header: header, tensors: tensors, path: path, threads: 1).network
        self.init(rows: network?.inputVocabulary ?? network?.vocabulary)
        guard let network, let rows, let outputs = network.vocabulary else { return }
        switch network.kind {
        case .languageModel, .window: paddingRows.formUnion(min(outputs, rows)..<rows)
        default: break
        }
    }

    /// - Returns: warnings.
    func load(
        _ input: ConversionInput, options: ConversionOptions, settings: Settings, into header: inout ArchiveHeader
    ) throws -> [String] {
        try checkSpecial(settings)
        let beside = input.path(of: "vocab.json")
        guard let path = options.vocabularyPath ?? (FilePaths.exists(beside) ? beside : nil) else {
            return ["there is no vocab.json beside the model: it takes and gives ids only (--vocab FILE)"]
        }
        let file = try SourceFile(path: path)
        let bytes = try file.contents(limit: Self.byteLimit)
        var vocabulary: Vocabulary
        do { vocabulary = try readVocabulary(json: bytes) } catch {
            throw ConversionError.vocabulary(path: path, problem: "\(error)")
        }
        let warnings = isOfCharacters ? makeCharacters(&vocabulary, path: path) : []
        if let id = try settings.natural("unknown") { vocabulary.unknown = id }
        header.special.unknown = vocabulary.unknown
        header.special.start = vocabulary.firstSpecial(named: "s", "bos", "sos", "start", "go")
        header.special.end = vocabulary.firstSpecial(named: "/s", "eos", "end")
        header.special.padding = vocabulary.firstSpecial(named: "pad", "padding")
        try check(vocabulary, settings: settings, path: path)

        do {
            let tokenizer = try vocabulary.makeTokenizer()
            header.tokenizers["text"] = try JSONValue(parsing: tokenizer.json())
            if let rows { header.unusedIDs = max(0, rows - tokenizer.idLimit) }
            if let text = settings.text("start_text"), tokenizer.encode(text).ids.isEmpty {
                throw ConversionError.startText(text: text)
            }
        } catch let error as TokenizationError { throw ConversionError.vocabulary(path: path, problem: "\(error)") }
        header.provenance?.files.append(try Provenance.File(file))
        return warnings
    }

    /// What the user set is wrong words, not bad data.
    private func checkSpecial(_ settings: Settings) throws(ConversionError) {
        for name in Settings.specialTokens {
            guard let rows, let id = try settings.natural(name), id >= rows else { continue }
            throw .specialTokenOutOfRange(name: name, id: id, vocabulary: rows)
        }
    }

    /// Entries that are no single character are never found in a text; they are only decoded.
    private func makeCharacters(_ vocabulary: inout Vocabulary, path: String) -> [String] {
        let odd = vocabulary.entries.filter { id, entry in
            entry.unicodeScalars.count != 1 && !vocabulary.special.contains(id)
        }
        vocabulary.kind = .characters
        if odd.isEmpty { return [] }
        let names = odd.sorted { $0.key < $1.key }.map { "\(ConversionError.quoted($0.value)) (\($0.key))" }
        return [
            "\(path): these entries are not single characters, so text is never read as them and may be written wrongly; "
                + "the file seems to be damaged (--vocab FILE): \(names.joined(separator: ", "))"
        ]
    }

    /// Ids may have gaps, but they must reach the last row that is no padding, and no further.
    private func check(_ vocabulary: Vocabulary, settings: Settings, path: String) throws(ConversionError) {
        guard let rows else { return }
        let count = vocabulary.entries.count
        if let worst = vocabulary.entries.filter({ $0.key >= rows }).min(by: { $0.key < $1.key }) {
            if count > rows { throw .vocabularySize(path: path, entries: count, rows: rows) }
            throw .vocabularyID(path: path, entry: worst.value, id: worst.key, rows: rows)
        }
        var known = paddingRows
        for name in Settings.specialTokens {
            if let id = try settings.natural(name) { known.insert(id) }
        }
        guard (vocabulary.idLimit..<max(vocabulary.idLimit, rows)).allSatisfy(known.contains) else {
            throw .vocabularySize(path: path, entries: count, rows: rows)
        }
    }
}
