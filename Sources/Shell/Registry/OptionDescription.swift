import Archive
import ArgumentParser
import Training

/// One option or argument of a command, read from its declaration: help and completion know no other list.
public struct OptionDescription: Sendable, Equatable {
    public enum Values: Sendable, Equatable {
        case anything
        case files
        case words([String])
    }

    /// With dashes; empty for an argument, which has its place instead of a name.
    public var names: [String]
    /// What stands for the value; nil for a flag.
    public var valueName: String?
    public var summary: String
    public var values: Values
    public var isRepeating: Bool
    /// The heading that it stands under in help; nil: among the first.
    public var section: String?

    public var isArgument: Bool { names.isEmpty }

    /// `-n N`, `--stop T`, `FILE…`
    public var heading: String {
        if isArgument { return (valueName ?? "") + (isRepeating ? "…" : "") }
        return ([names.joined(separator: ", ")] + [valueName].compactMap { $0 }).joined(separator: " ")
    }

    /// What the parser says about its own declarations.
    static func all<A: ParsableArguments>(of type: A.Type) -> [OptionDescription] {
        guard let json = try? JSONValue(parsing: Array(A._dumpHelp().utf8)) else { return [] }
        let arguments = json["command"]?["arguments"]?.array ?? []
        return arguments.compactMap(OptionDescription.init(json:))
    }

    /// A setting of a recipe.
    init(_ key: RecipeKey, section: String) {
        names = ["--" + key.name]
        isRepeating = false
        self.section = section
        let words = key.choices.joined(separator: ", ")
        // What is short stands in the place of the value.
        let isShort = key.placeholder.utf8.count <= 14
        valueName = isShort ? key.placeholder : key.takesFile ? "WORD|FILE" : "WORD"
        summary = key.help + (isShort ? "" : ": \(words)") + (key.standard.map { " (\($0))" } ?? "")
        values = key.takesFile ? .files : key.choices.isEmpty ? .anything : .words(key.choices)
    }

    private init?(json: JSONValue) {
        guard json["shouldDisplay"]?.bool != false else { return nil }
        names = (json["names"]?.array ?? []).compactMap { name in
            name["name"]?.string.map { name["kind"]?.string == "long" ? "--\($0)" : "-\($0)" }
        }
        if names.contains("--help") { return nil }
        names.sort { $0.utf8.count < $1.utf8.count }
        valueName = json["kind"]?.string == "flag" ? nil : json["valueName"]?.string
        summary = json["abstract"]?.string ?? ""
        isRepeating = json["isRepeating"]?.bool ?? false
        if let kind = json["completionKind"], kind["file"] != nil {
            values = .files
        } else if let words = json["completionKind"]?["list"]?["values"]?.array ?? json["allValues"]?.array {
            values = .words(words.compactMap(\.string))
        } else {
            values = .anything
        }
    }
}

extension OptionDescription {
    /// The words that are neither options nor their values, by their places among all words.
    static func positionals(in words: [String], options: [OptionDescription]) -> [Int] {
        var result: [Int] = []
        var isValue = false
        for (index, word) in words.enumerated() {
            if isValue {
                isValue = false
            } else if word.hasPrefix("-") && word.count > 1 {
                if word == "--" { return result + Array((index + 1)..<words.count) }
                isValue = options.first { $0.names.contains(word) }?.valueName != nil
            } else {
                result.append(index)
            }
        }
        return result
    }

    /// The MODEL of a subcommand and the other words. It stands first; but who writes options before it is understood.
    static func takingModel(
        from words: [String], options: () -> [OptionDescription]
    ) -> (model: String?, rest: [String]) {
        guard let first = words.first else { return (nil, []) }
        let place = first.hasPrefix("-") ? positionals(in: words, options: options()).first : 0
        guard let place else { return (nil, words) }
        var rest = words
        return (rest.remove(at: place), rest)
    }
}
