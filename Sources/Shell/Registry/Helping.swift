/// Help, made from the registry and from the declarations of options.
struct HelpText {
    var registry: Registry
    var place: Registry.Place

    /// All commands with a line each.
    func list() -> [String] {
        let commands = registry.commands(at: place)
        let rows = commands.map { [heading($0), $0.description.summary] }
        switch place {
        case .prompt:
            return ["Text goes to the model, which goes on with it. Commands:", ""] + table(rows, indent: 2)
                + ["", "/help NAME explains one. \"\"\" opens and closes a block of lines; // begins a text with a slash."]
        case .subcommand:
            let forms = [
                ["rnnz [MODEL] [options]", "the prompt, or a session with what comes through a pipe; options as of generate"],
                ["rnnz COMMAND …", "one command"],
                ["rnnz --help", "this"],
                ["rnnz --version", "the version"],
            ]
            return ["rnnz: the home of recurrent language models.", "", "Usage:"] + table(forms, indent: 2)
                + ["", "MODEL is a path or a name from the zoo; without one, the zoo's default.", "", "Commands:"]
                + table(rows, indent: 2)
                + ["", "rnnz help COMMAND explains one. At the prompt the same commands begin with a slash."]
        }
    }

    /// One command.
    func explain(_ command: CommandEntry) -> [String] {
        let about = command.description
        var lines = [usage(command), "", sentence(about.summary)]
        if !about.discussion.isEmpty {
            lines += [""] + about.discussion.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
        let options = command.options().filter { !$0.isArgument || !$0.summary.isEmpty }
        let rows = table(options.map { [$0.heading, $0.summary] }, indent: 2)
        for (index, option) in options.enumerated() {
            if index == 0 || option.section != options[index - 1].section { lines += ["", "\(option.section ?? "Options"):"] }
            lines.append(rows[index])
        }
        lines += ["", about.examples.count == 1 ? "Example:" : "Examples:"]
        lines += table(about.examples.map { [line(command, $0.words), $0.meaning] }, indent: 2)
        return lines
    }

    func usage(_ command: CommandEntry) -> String {
        ["Usage:", heading(command), modelWord(command, "MODEL"), command.description.usage].filter { !$0.isEmpty }
            .joined(separator: " ")
    }

    private func line(_ command: CommandEntry, _ words: String) -> String {
        [heading(command), modelWord(command, "shakespeare"), words].filter { !$0.isEmpty }.joined(separator: " ")
    }

    private func heading(_ command: CommandEntry) -> String { place == .prompt ? "/\(command.name)" : "rnnz \(command.name)" }

    private func modelWord(_ command: CommandEntry, _ word: String) -> String {
        place == .subcommand && command.description.takesModel ? word : ""
    }

    private func sentence(_ summary: String) -> String { summary.prefix(1).uppercased() + summary.dropFirst() + "." }
}

extension Shell {
    func showHelp(for command: CommandEntry, at place: Registry.Place) throws {
        for line in HelpText(registry: registry, place: place).explain(command) { try output.writeLine(line) }
    }

    public func showHelp(at place: Registry.Place) throws {
        for line in HelpText(registry: registry, place: place).list() { try output.writeLine(line) }
    }
}
