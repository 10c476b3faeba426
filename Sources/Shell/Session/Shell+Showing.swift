import Generation

extension Shell {
    /// What a changed setting means for the session that is there.
    func applySetting(_ name: String) throws {
        guard let loaded else { return }
        switch name {
        case "seed": loaded.session?.reseed(settings.seed ?? host.randomSeed())
        case "threads", "check": try reload()
        default: break
        }
        if name == "seed" { loaded.hasShownSeed = false }
    }

    func showSettings() throws {
        let options = try settings.options(for: loaded?.model)
        let plain = GenerationOptions()
        var rows: [[String]] = []
        for setting in Setting.all {
            guard let value = options.value(of: setting.name) else { continue }
            let origin =
                if settings.choices.contains(where: { $0.name == setting.name }) {
                    "(set)"
                } else if value != plain.value(of: setting.name) {
                    settings.choices.contains { $0.name == "preset" } ? "(preset)" : "(the model's)"
                } else {
                    ""
                }
            rows.append([setting.name, value, origin])
        }
        let seed = settings.seed.map { [String($0), "(set)"] } ?? [loaded?.session.map { "\($0.seed)" } ?? "-1", "(random)"]
        rows.append(["seed"] + seed)
        rows.append(["threads"] + (settings.threads.map { [String($0), "(set)"] } ?? ["chosen for this machine", ""]))
        rows.append(["check", settings.checks ? "on" : "off", settings.checks ? "(set)" : ""])
        rows.append(["errors", settings.continuesAfterErrors ? "continue" : "stop", settings.continuesAfterErrors ? "(set)" : ""])
        for line in table(rows) { try output.writeLine(line.trimmingBlanksAtEnd) }
    }

    func showState() throws {
        let current = try current()
        let session = try session()
        var rows = [
            ["model", current.model.header.name], ["state", counted(session.state.byteCount, "byte")],
            ["history", counted(session.history.count, "token")], ["undo", counted(current.undo.count, "step")],
        ]
        if let speed = current.tokensPerSecond { rows.append(["speed", "\(grouped(Int(speed.rounded()))) tokens per second"]) }
        for line in table(rows) { try output.writeLine(line) }
    }

    /// The text so far, as far as it is remembered.
    func showHistory() throws {
        let history = try session().history
        let text = try tokenizer().decode(history.recent.lazy.map { Int($0) })
        if !history.earlier.isEmpty {
            output.note("(the last \(grouped(history.recent.count)) of \(counted(history.count, "token")))")
        }
        try output.write(text)
        try output.endLine()
    }
}

extension String {
    fileprivate var trimmingBlanksAtEnd: String {
        var result = self
        while result.last == " " { result.removeLast() }
        return result
    }
}
