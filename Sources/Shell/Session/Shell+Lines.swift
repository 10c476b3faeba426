extension Shell {
    /// Does what an entry says.
    /// - Parameter arguments: of the script that it stands in; nil elsewhere.
    func perform(_ entry: Entry, arguments: [String]? = nil) throws {
        switch entry {
        case .text(let text): try say(text)
        case .command(let line):
            let words = try Words.split(line, arguments: arguments)
            guard let name = words.first else { throw Failure.usage("there is no command after the slash; /help lists them") }
            try perform(name, Array(words.dropFirst()))
        }
    }

    private func perform(_ name: String, _ words: [String]) throws {
        let command = try registry.command(name, at: .prompt)
        do {
            try command.run(words, self)
        } catch let request as HelpRequest {
            try showHelp(for: try registry.command(request.command, at: .prompt), at: .prompt)
        }
        try output.flush()
    }

    /// A subcommand with its words.
    /// - Returns: the exit code.
    public func runSubcommand(_ name: String, _ words: [String]) -> ExitCode {
        finishing {
            let command = try registry.command(name, at: .subcommand)
            do {
                try (command.description.takesModel ? command.runWithModel : command.run)(words, self)
            } catch let request as HelpRequest {
                try showHelp(for: try registry.command(request.command, at: .subcommand), at: .subcommand)
            }
        }
    }

    /// Does work, hands out its results, reports what went wrong.
    public func finishing(_ work: () throws -> Void) -> ExitCode {
        var code = ExitCode.done
        do {
            try work()
        } catch {
            let failure = Failure(error)
            try? output.endLineIfShown()
            output.report(failure)
            code = failure.code
        }
        do {
            try output.flush()
        } catch {
            let failure = Failure(error)
            if code == .done {
                output.report(failure)
                code = failure.code
            }
        }
        return code
    }
}

extension Output {
    /// On a terminal a message begins in a line of its own; in a file nothing may be added to the results.
    func endLineIfShown() throws {
        if isTerminal { try endLine() } else { try flush() }
    }
}
