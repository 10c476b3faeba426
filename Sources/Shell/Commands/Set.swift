import ArgumentParser

/// `/set`: how the session generates.
struct SetCommand: Command {
    static let about = CommandDescription(
        "set", "set an option of generate for the session", usage: "[NAME [VALUE…]]",
        discussion: (["NAME alone takes back what was set. Without NAME, the settings are shown:", ""]
            + table(Setting.all.map { ["\($0.name) \($0.valueName)", $0.summary] }, indent: 2)).joined(separator: "\n"),
        examples: [
            ("temperature 0.5", "less surprising text"), ("stop $'\\n\\n'", "stop at an empty line"),
            ("seed 7", "the same again"),
        ],
        place: .prompt)

    @Argument(help: ArgumentHelp("a setting", valueName: "NAME"))
    var name: String?

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("its value", valueName: "VALUE"))
    var values: [String] = []

    static func candidates(after words: [String], in shell: Shell) -> [String]? {
        guard let name = words.first else { return Setting.all.map(\.name) }
        return words.count == 1 ? Setting.all.first { $0.name == name }?.choices ?? [] : []
    }

    func run(in shell: Shell) throws {
        guard let name else { return try shell.showSettings() }
        if values.isEmpty {
            try shell.settings.reset(name)
        } else {
            try shell.settings.set(name, to: values)
        }
        try shell.applySetting(name)
    }
}
