import Archive
import Zoo

/// `--set NAME=VALUE`, checked before any work: an unknown name or an impossible value is an error, never ignored.
struct Settings {
    /// Header fields that every importer's model has.
    static let common =
        specialTokens + [
            "start_text", "window", "source_limit", "target_limit", "license", "description", "architecture", "note",
        ]

    /// Those that are token ids.
    static let specialTokens = ["start", "end", "unknown", "padding"]

    private let values: [String: String]
    /// Names that are neither common nor the importer's: hyper-parameters of a given program.
    let hyperparameters: [String: Double]

    /// - Parameters:
    ///   - own: the importer's settings.
    ///   - words: what stands in the given program, of which an unknown name must be one; nil: no program is given.
    init(_ values: [String: String], own: [String], words: Set<String>?) throws(ConversionError) {
        let known = Self.common + own
        var hyperparameters: [String: Double] = [:]
        for (name, value) in values.sorted(by: { $0.key < $1.key }) where !known.contains(name) {
            guard let words, words.contains(name) else {
                let candidates = known + (words?.sorted() ?? [])
                throw .unknownSetting(name: name, nearest: nearestName(to: name, among: candidates), known: known.sorted())
            }
            guard let number = Double(value), number.isFinite else {
                throw .settingValue(name: name, value: value, expected: "a number")
            }
            hyperparameters[name] = number
        }
        self.values = values
        self.hyperparameters = hyperparameters
    }

    init(_ options: ConversionOptions, own: [String]) throws(ConversionError) {
        let program = try options.programText()
        let words = program.map { text in
            Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
        }
        try self.init(options.settings, own: own, words: words)
    }

    func text(_ name: String) -> String? { values[name] }

    /// A whole number of at least `minimum`.
    func natural(_ name: String, minimum: Int = 0) throws(ConversionError) -> Int? {
        guard let value = values[name] else { return nil }
        guard let number = Int(value), number >= minimum, number <= 1 << 31 else {
            let expected = minimum > 0 ? "a whole number of at least \(minimum)" : "a token id"
            throw .settingValue(name: name, value: value, expected: expected)
        }
        return number
    }

    /// One of a few words.
    func choice(_ name: String, of words: [String]) throws(ConversionError) -> String? {
        guard let value = values[name] else { return nil }
        guard words.contains(value) else {
            throw .settingValue(name: name, value: value, expected: words.joined(separator: " or "))
        }
        return value
    }

    /// Writes the common settings into a header; what is not set stays as it is.
    func apply(to header: inout ArchiveHeader) throws(ConversionError) {
        if let id = try natural("start") { header.special.start = id }
        if let id = try natural("end") { header.special.end = id }
        if let id = try natural("unknown") { header.special.unknown = id }
        if let id = try natural("padding") { header.special.padding = id }
        if let text = text("start_text") { header.special.startText = text }
        if let count = try natural("window", minimum: 1) { header.window = count }
        if let count = try natural("source_limit", minimum: 1) { header.sourceLimit = count }
        if let count = try natural("target_limit", minimum: 1) { header.targetLimit = count }
        if let text = text("license") { header.license = text }
        if let text = text("description") { header.description = text }
        if let text = text("architecture") { header.architecture = text }
        if let text = text("note") { header.provenance?.note = text }
        header.hyperparameters.merge(hyperparameters) { $1 }
    }
}

extension ConversionOptions {
    /// The program that `--program` names.
    func programText() throws(ConversionError) -> String? {
        guard let program else { return nil }
        let bytes = try SourceFile(path: program).contents(limit: 1 << 20)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText(path: program) }
        return text
    }
}
