import Zoo

/// What completion offers for the end of a line that is being typed.
public struct Completion: Sendable, Equatable {
    /// Whole words, as they can stand for the one that was begun, without quoting.
    public var words: [String] = []
    /// The word that was begun, without quoting.
    public var begun = ""
    /// Whether the words are paths, of which folders go on.
    public var arePaths = false

    public init(words: [String] = [], begun: String = "", arePaths: Bool = false) {
        self.words = words
        self.begun = begun
        self.arePaths = arePaths
    }
}

extension Shell {
    /// - Parameter line: up to the cursor.
    public func completion(of line: String) -> Completion {
        guard line.hasPrefix("/"), !line.hasPrefix("//") else { return Completion() }
        var typed = Words(typed: String(line.dropFirst()))
        let begun = typed.last?.text ?? ""
        if typed.complete.isEmpty {
            let names = registry.commands(at: .prompt).map { "/" + $0.name }
            return Completion(words: names.filter { $0.hasPrefix("/" + begun) }, begun: "/" + begun)
        }
        let name = typed.complete.removeFirst()
        guard let command = try? registry.command(name, at: .prompt) else { return Completion(begun: begun) }
        var completion = values(of: command, after: typed.complete, begun: begun)
        completion.words = completion.words.filter { $0.hasPrefix(begun) }
        return completion
    }

    private func values(of command: CommandEntry, after words: [String], begun: String) -> Completion {
        if let candidates = command.candidates(words, self) { return Completion(words: candidates, begun: begun) }
        let options = command.options()
        if let last = words.last, let option = options.first(where: { $0.names.contains(last) }), option.valueName != nil {
            return values(of: option, begun: begun)
        }
        if begun.hasPrefix("-") {
            let unused = options.filter { option in option.isRepeating || !option.names.contains { words.contains($0) } }
            return Completion(words: unused.flatMap { $0.names.filter { $0.hasPrefix("--") || begun == "-" } }, begun: begun)
        }
        let places = options.filter(\.isArgument)
        let index = OptionDescription.positionals(in: words, options: options).count
        guard let place = index < places.count ? places[index] : places.last(where: \.isRepeating) else {
            return Completion(begun: begun)
        }
        return values(of: place, begun: begun)
    }

    private func values(of option: OptionDescription, begun: String) -> Completion {
        switch option.values {
        case .words(let words): return Completion(words: words, begun: begun)
        case .files: return paths(begun)
        case .anything where option.valueName?.uppercased() == "MODEL": return models(begun)
        case .anything: return Completion(begun: begun)
        }
    }

    /// Names from the zoo and paths.
    func models(_ begun: String) -> Completion {
        let names = zoo.list().map(\.name).filter { $0.hasPrefix(begun) }
        return Completion(words: names + paths(begun).words, begun: begun, arePaths: true)
    }

    func paths(_ begun: String) -> Completion {
        let folder = begun.lastIndex(of: "/").map { String(begun[...$0]) } ?? ""
        let beginning = begun.dropFirst(folder.count)
        let names = Files.names(in: folder.isEmpty ? "." : folder).filter {
            $0.hasPrefix(beginning) && (beginning.hasPrefix(".") || !$0.hasPrefix("."))
        }
        let paths = names.map { folder + $0 + (Files.isFolder(folder + $0) ? "/" : "") }
        return Completion(words: paths, begun: begun, arePaths: true)
    }
}
