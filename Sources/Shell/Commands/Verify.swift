import ArgumentParser
import Zoo

/// `verify`: an archive proves itself.
struct VerifyCommand: Command {
    static let about = CommandDescription(
        "verify", "check archives: structure, digests, self-tests", usage: "MODEL… [--json]",
        discussion: "At the prompt the loaded model is meant where none is named.",
        examples: [("shakespeare", "every check with its result")])

    @Argument(help: ArgumentHelp("a path or a name from the zoo", valueName: "MODEL"))
    var models: [String] = []

    @Flag(help: "one object for each model: path, passed, checks")
    var json = false

    func run(in shell: Shell) throws {
        if models.isEmpty && shell.isSubcommand { throw Failure.usage("verify takes at least one MODEL") }
        let paths = models.isEmpty ? [try shell.model().path] : try models.map { try shell.zoo.path(of: $0) }
        try shell.verify(paths, asJSON: json)
    }
}

extension Shell {
    /// Checks every archive, also after one that fails.
    func verify(_ paths: [String], asJSON: Bool) throws {
        var failure: Failure?
        for path in paths {
            try throwIfInterrupted()
            do {
                let verification = try Zoo.verify(path: path, threads: settings.threads)
                if asJSON { try output.writeLine(verification.json.text) } else { try show(verification) }
                if let kind = verification.kind, failure == nil {
                    let failed = verification.checks.filter { !$0.ok }.map(\.name).joined(separator: ", ")
                    failure = Failure(ExitCode(kind), "\(path): failed: \(failed)")
                }
            } catch let error as ZooError {
                if paths.count > 1 { output.report(Failure(error)) }
                if failure == nil { failure = paths.count > 1 ? Failure(error).told : Failure(error) }
            }
        }
        if let failure { throw failure }
    }

    private func show(_ verification: Verification) throws {
        try output.writeLine("\(verification.path):")
        let rows = verification.checks.map { [$0.ok ? "ok" : "FAILED", $0.name, $0.detail] }
        for line in table(rows, indent: 2) { try output.writeLine(line) }
    }
}

extension Verification {
    fileprivate var json: JSON {
        .object([
            ("path", .string(path)), ("passed", .bool(passed)),
            (
                "checks",
                .array(
                    checks.map { .object([("name", .string($0.name)), ("ok", .bool($0.ok)), ("detail", .string($0.detail))]) })
            ),
        ])
    }
}
