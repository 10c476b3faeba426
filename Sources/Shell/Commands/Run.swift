import ArgumentParser

/// `run`: a script of prompt commands.
struct RunCommand: Command {
    static let about = CommandDescription(
        "run", "run a script of prompt commands", usage: "SCRIPT [ARG…]",
        discussion: """
            A script holds the lines that one would type at the prompt. Lines that begin with # are comments; in commands, $1 to
            $9 and $@ stand for the arguments. It stops at the first error with its exit code; /set errors continue goes on.
            SCRIPT may begin with #!/usr/bin/env -S rnnz run; - is standard input.
            """,
        examples: [("evening.txt Romeo", "with Romeo as $1")])

    @Argument(help: ArgumentHelp("the script", valueName: "SCRIPT"), completion: .file())
    var script: String

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("its arguments", valueName: "ARG"))
    var arguments: [String] = []

    func run(in shell: Shell) throws {
        if script == "-" {
            guard let input = shell.host.input else { throw Failure.usage("standard input is the session itself; name a file") }
            shell.host.input = nil
            defer { shell.host.input = input }
            return try ScriptRunner(shell: shell, name: "-", arguments: arguments).run { try input.readLine() }
        }
        var lines = linesWithoutEnds(of: try shell.fileText(script))[...]
        try ScriptRunner(shell: shell, name: script, arguments: arguments).run { lines.popFirst().map(String.init) }
    }
}
