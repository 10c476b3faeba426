/// What a report says in words and tables, for a terminal and for a page alike.
extension TrainingReport {
    /// Name and value; what is not known is left out.
    var facts: [(name: String, value: String)] {
        var facts: [(name: String, value: String)] = []
        func add(_ name: String, _ value: String) {
            if !value.isEmpty { facts.append((name, value)) }
        }
        add("model", run.model)
        add("parameters", run.parameters > 0 ? grouped(run.parameters) : "")
        add("corpus", corpusInWords)
        add("tokenizer", run.tokenizer)
        add("optimizer", run.optimizer)
        for setting in run.settings { add(setting.name, setting.value) }
        add("clipping", run.clippingThreshold.map { "gradient norms above \(compact($0, digits: 4))" } ?? "none")
        add("seed", String(run.seed))
        add("machine", run.machine)
        add("began", run.began)
        add("ended", run.ended)
        add("steps", grouped(run.steps))
        add("tokens", grouped(run.tokens))
        add("time", run.seconds.map(duration) ?? "")
        add("speed", run.tokensPerSecond.map { "\(shown($0, decimals: 0)) tokens/s" } ?? "")
        add("clipped", clippedShare.map { "\(formatted(100 * $0, digits: 3)) % of steps" } ?? "")
        add("best validation", best.map { bestInWords($0) } ?? "")
        add("outcome", run.outcome.rawValue + (run.reason.isEmpty ? "" : ": \(run.reason)"))
        return facts
    }

    private var corpusInWords: String {
        let sizes = [
            run.corpus.bytes > 0 ? counted(run.corpus.bytes, "byte") : "",
            run.corpus.tokens > 0 ? counted(run.corpus.tokens, "token") : "",
        ]
        return ([run.corpus.name] + sizes).filter { !$0.isEmpty }.joined(separator: ", ")
    }

    private func bestInWords(_ point: ValidationPoint) -> String {
        "\(shown(point.natsPerToken, decimals: 4)) nats per token"
            + (point.bitsPerCharacter.map { ", \(shown($0, decimals: 4)) bits per character" } ?? "")
            + ", after step \(grouped(point.step))"
    }

    func lines(for display: Display) -> [String] {
        let width = (facts.map(\.name.count).max() ?? 0) + 2
        var lines = facts.flatMap { fact in
            let name = fact.name + String(repeating: " ", count: width - fact.name.count)
            // Not by words alone: that would take the blanks between name and value away.
            let value = display.paragraph(fact.value, indent: 0, columns: max(8, display.columns - width))
            return value.enumerated().map { index, line in
                display.line((index == 0 ? name : String(repeating: " ", count: width)) + line)
            }
        }
        if let diagnosis { lines += [""] + diagnosis.lines(for: display) }
        for chart in charts { lines += [""] + chart.lines(for: display) }
        return lines
    }
}

extension TrainingReport {
    /// Of a model that was not trained here: what its gradients do, and nothing else.
    func gradientLines(for display: Display) -> [String] {
        guard let diagnosis else { return [] }
        return diagnosis.lines(for: display) + (diagnosis.chart.map { [""] + $0.lines(for: display) } ?? [])
    }
}

extension GradientDiagnosis {
    fileprivate func lines(for display: Display) -> [String] {
        var lines = verdict.lines(for: display)
        if !gateRows.isEmpty {
            let bars = ["histogram"] + gates.map { $0.bars(isUTF8: display.isUTF8) }
            lines += [""] + table(zip(gateRows, bars).map { [$0[0], $1] + $0.dropFirst() }).map(display.line)
        }
        if let radiusInWords { lines += [""] + display.paragraph(radiusInWords, indent: 2) }
        return lines
    }

    /// A heading, then a row for each gate; empty where there are none.
    var gateRows: [[String]] {
        if gates.isEmpty { return [] }
        func percent(_ share: Double?) -> String { share.map { "\(formatted(100 * $0, decimals: 1)) %" } ?? "-" }
        return [["gate", "function", "low", "high"]]
            + gates.map { gate in
                let limits = gate.function == .sigmoid ? ("below 0.1", "above 0.9") : ("below -0.9", "above 0.9")
                return [
                    gate.gate, gate.function.rawValue, "\(percent(gate.lowShare)) \(limits.0)",
                    "\(percent(gate.highShare)) \(limits.1)",
                ]
            }
    }

    var radiusInWords: String? {
        spectralRadius.map {
            "spectral radius of a step's Jacobian: mean \(shown($0.mean, decimals: 3)), from \(shown($0.min, decimals: 3))"
                + " to \(shown($0.max, decimals: 3)) over \(counted($0.count, "position"))"
        }
    }
}

extension GradientVerdict {
    func lines(for display: Display) -> [String] {
        display.paragraph("gradients through time: \(kind.rawValue). \(finding)", indent: 2)
            + advice.flatMap { display.paragraph("- " + $0, indent: 2) }
    }
}

extension Display {
    /// One line, cut where the terminal ends.
    func line(_ text: String) -> String {
        DisplayWidth.truncated(DisplayWidth.printable(text, isUTF8: isUTF8), to: columns, isUTF8: isUTF8)
    }

    /// - Parameters:
    ///   - indent: blanks before every line but the first.
    ///   - columns: fewer than the terminal has.
    func paragraph(_ text: String, indent: Int, columns: Int? = nil) -> [String] {
        DisplayWidth.wrapped(
            DisplayWidth.printable(text, isUTF8: isUTF8), to: columns ?? self.columns, indent: indent, isUTF8: isUTF8)
    }
}

extension GateSaturation {
    /// The histogram in ten characters.
    func bars(isUTF8: Bool) -> String {
        let signs = Array(isUTF8 ? " ▁▂▃▄▅▆▇█" : " .:-=+*#@")
        let largest = max(1, histogram.max() ?? 1)
        // What is not empty is never drawn as empty.
        return String(histogram.map { count in signs[(count * (signs.count - 1) + largest - 1) / largest] })
    }
}
