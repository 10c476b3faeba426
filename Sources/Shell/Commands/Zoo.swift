import ArgumentParser
import Zoo

/// `zoo`: the models that are known by name.
struct ZooCommand: Command {
    enum Action: String, ExpressibleByArgument, CaseIterable {
        case list, path, verify
    }

    static let about = CommandDescription(
        "zoo", "list the models known by name, say where they are, check them", usage: "list | path [NAME…] | verify [NAME…]",
        discussion: """
            Names are looked up in the folders of RNNZ_ZOO, in rnnz/zoo of the XDG data folder, in ../share/rnnz/zoo from the
            executable, and in the first zoo folder above the executable. Without NAME, path lists these folders and verify
            checks every model.
            """,
        examples: [("list", "names and files"), ("path shakespeare", "the file of a model"), ("verify", "check all of them")])

    @Argument(help: ArgumentHelp("list, path or verify", valueName: "ACTION"))
    var action: Action

    @Argument(help: ArgumentHelp("models", valueName: "MODEL"))
    var names: [String] = []

    func validate() throws {
        if action == .list && !names.isEmpty { throw ValidationError("zoo list takes no names") }
    }

    func run(in shell: Shell) throws {
        let zoo = shell.zoo
        switch action {
        case .list:
            for line in table(zoo.list().map { [$0.name, $0.path] }) { try shell.output.writeLine(line) }
        case .path:
            let paths = names.isEmpty ? zoo.folders : try names.map { try zoo.path(of: $0) }
            for path in paths { try shell.output.writeLine(path) }
        case .verify:
            try shell.verify(names.isEmpty ? zoo.list().map(\.path) : try names.map { try zoo.path(of: $0) }, asJSON: false)
        }
    }
}
