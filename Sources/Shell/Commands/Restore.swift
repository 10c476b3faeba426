import ArgumentParser
import Generation

/// `/restore`: a saved session goes on.
struct RestoreCommand: Command {
    static let about = CommandDescription(
        "restore", "go on with a saved session", usage: "FILE",
        discussion: "It must have been saved with the loaded model. /undo goes back to the session before.",
        examples: [("act1.session", "where it was saved")], place: .prompt)

    @Argument(help: ArgumentHelp("a file that /save wrote", valueName: "FILE"), completion: .file())
    var file: String

    func run(in shell: Shell) throws {
        let session = try shell.session()
        let before = session.snapshot
        do {
            try session.restore(try Snapshot(contentsOf: file))
        } catch {
            throw Failure(error, path: file)
        }
        shell.remember(before, in: try shell.current())
    }
}
