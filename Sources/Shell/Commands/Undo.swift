import ArgumentParser

/// `/undo`: the last text or generation has not been.
struct UndoCommand: Command {
    static let about = CommandDescription(
        "undo", "take back the last text or generation", usage: "[N]",
        discussion: "State, random numbers and history become what they were before it. /reset and /restore can be undone too.",
        examples: [("", "one step"), ("3", "three steps")], place: .prompt)

    @Argument(help: ArgumentHelp("how many", valueName: "N"))
    var count = 1

    func validate() throws {
        if count < 1 { throw ValidationError("undo takes a number from 1") }
    }

    func run(in shell: Shell) throws {
        let current = try shell.current()
        guard current.undo.count >= count else {
            let steps =
                current.undo.isEmpty ? "there is nothing to undo" : "only \(counted(current.undo.count, "step")) can be undone"
            throw Failure(.failed, steps)
        }
        try shell.session().restore(current.undo[current.undo.count - count])
        current.undo.removeLast(count)
    }
}
