// The file: lines of `key = value`. A line that begins with #, and what follows a # behind a blank, is a comment. A value in double
// quotes is taken as it is, with \n, \r, \t, \" and \\ for what they stand for in most languages.
extension Recipe {
    /// Reads a recipe. Paths in it are meant from its own folder.
    /// - Throws: `TrainingError.unreadable`, `.notUTF8`; `.recipe` with all that is wrong.
    public init(path: String) throws(TrainingError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        try self.init(text: try TextFile.text(path), path: path, folder: folder)
    }

    /// - Parameters:
    ///   - path: as errors name it.
    ///   - folder: what paths that are not absolute are meant from: empty, or ending in a slash.
    public init(text: String, path: String, folder: String = "") throws(TrainingError) {
        self.init()
        let keys = Dictionary(uniqueKeysWithValues: RecipeKey.all.map { ($0.name, $0) })
        var (problems, lines): ([RecipeProblem], [String: Int]) = ([], [:])
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: Self.endsLine).enumerated() {
            func add(_ kind: RecipeProblem.Kind) { problems.append(RecipeProblem(line: index + 1, kind: kind)) }
            let stripped = RecipeText.trimmed(Self.withoutComment(line))
            if stripped.isEmpty { continue }
            guard let equals = stripped.firstIndex(of: "=") else {
                add(.noEqualsSign(stripped))
                continue
            }
            let name = RecipeText.trimmed(stripped[..<equals])
            guard let key = keys[name] else {
                add(.unknownKey(name, nearest: Self.nearestKey(to: name)))
                continue
            }
            if let first = lines[name] {
                add(.repeatedKey(name, firstLine: first))
                continue
            }
            lines[name] = index + 1
            let raw = RecipeText.trimmed(stripped[stripped.index(after: equals)...])
            guard let value = Self.unquoted(raw), key.set(&self, value) else {
                add(.value(key: name, value: raw, expected: key.expected))
                continue
            }
        }
        guard problems.isEmpty else { throw .recipe(path: path, problems) }
        resolvePaths(from: folder)
    }

    /// Sets one value, as an option of a command line does.
    /// - Throws: `TrainingError.option`, `.unknownOption`.
    public mutating func set(_ name: String, to value: String) throws(TrainingError) {
        guard let key = RecipeKey.all.first(where: { $0.name == name }) else {
            throw .unknownOption(name: name, nearest: Self.nearestKey(to: name))
        }
        guard key.set(&self, value) else { throw .option(name: name, value: value, expected: key.expected) }
    }

    /// All that differs from what it is without being told, as the text of a file.
    public var text: String { settings.map { "\($0.name) = \(Self.quoted($0.value))\n" }.joined() }

    public var settings: [(name: String, value: String)] {
        RecipeKey.all.compactMap { key in key.get(self).map { (key.name, $0) } }
    }

    private mutating func resolvePaths(from folder: String) {
        if folder.isEmpty { return }
        for key in RecipeKey.all where key.isPath {
            if let path = key.get(self), !path.hasPrefix("/") { _ = key.set(&self, folder + path) }
        }
        if !["characters", "bytes"].contains(tokenizer), !tokenizer.hasPrefix("/") { tokenizer = folder + tokenizer }
    }

    // MARK: Values

    @Sendable private static func endsLine(_ character: Character) -> Bool { character == "\n" || character == "\r\n" }

    /// Up to a # at the beginning or behind a blank, outside of quotes.
    private static func withoutComment(_ line: Substring) -> Substring {
        var (isQuoted, isEscaped, isBehindBlank) = (false, false, true)
        for (index, character) in zip(line.indices, line) {
            if character == "#", isBehindBlank, !isQuoted { return line[..<index] }
            if character == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && character == "\\" && !isEscaped
            isBehindBlank = character == " " || character == "\t"
        }
        return line
    }

    private static let escapes: [Character: Character] = ["n": "\n", "r": "\r", "t": "\t", "\"": "\"", "\\": "\\"]

    /// nil where quotes are not closed, or an escape is not known.
    private static func unquoted(_ raw: String) -> String? {
        guard raw.first == "\"" else { return raw }
        var (result, isEscaped) = ("", false)
        let inner = raw.dropFirst()
        for (index, character) in zip(inner.indices, inner) {
            if isEscaped {
                guard let meant = escapes[character] else { return nil }
                result.append(meant)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                return inner.index(after: index) == inner.endIndex ? result : nil
            } else {
                result.append(character)
            }
        }
        return nil
    }

    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && RecipeText.trimmed(value) == value && value.first != "\"" && !value.contains("#")
            && !value.contains(where: \.isNewline)
        if isPlain { return value }
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\"", "\\": result += "\\\(scalar)"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    // MARK: Near misses

    private static func nearestKey(to name: String) -> String? {
        let distances = RecipeKey.all.map { (name: $0.name, distance: distance(name, $0.name)) }
        guard let least = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        // More than a third of the word changed is another word.
        return least.distance <= max(1, min(name.count, least.name.count) / 3) ? least.name : nil
    }

    /// Levenshtein's: insertions, deletions and replacements.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.lowercased().prefix(64)), Array(b))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let replaced = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
