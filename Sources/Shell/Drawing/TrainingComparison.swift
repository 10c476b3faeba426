/// Several networks, trained on one text, side by side.
struct TrainingComparison: Sendable, Equatable {
    var title: String
    /// Each under the name that it has here: `rnn`, `lstm`, `gru`.
    var entries: [Entry]

    struct Entry: Sendable, Equatable {
        var name: String
        var report: TrainingReport
    }

    var charts: [Chart] { [validationChart, gradientChart].compactMap { $0 } }

    /// Over tokens rather than steps, since batches may differ in size.
    var validationChart: Chart? {
        let series = entries.compactMap { entry -> Chart.Series? in
            let points = entry.report.validation.map { point in
                Chart.Point(Double(point.step) * entry.report.tokensPerStep, point.natsPerToken)
            }
            return points.isEmpty ? nil : Chart.Series(entry.name, points, showsPoints: true)
        }
        if series.isEmpty { return nil }
        return Chart(
            title: "Validation loss", x: Chart.Axis("tokens trained on"), y: Chart.Axis("loss", unit: "nats per token"),
            series: series)
    }

    /// Each as a part of its norm at the loss, so that networks of other sizes start at the same height.
    var gradientChart: Chart? {
        let series = entries.compactMap { entry -> Chart.Series? in
            let norms = entry.report.diagnosis?.relativeNorms ?? []
            return norms.isEmpty
                ? nil : Chart.Series(entry.name, norms.enumerated().map { Chart.Point(Double($0.offset), $0.element) })
        }
        if series.isEmpty { return nil }
        return Chart(
            title: "Gradient norm against steps back through time, all states together",
            x: Chart.Axis("steps back through time"),
            y: Chart.Axis("part of the norm at the loss", scale: .logarithmic(floor: 1e-12)), series: series,
            markers: [.horizontal(at: GradientVerdict.horizonShare, "1 %, the horizon")])
    }

    /// A heading, then a row for each network.
    var rows: [[String]] {
        let heading = [
            "network", "parameters", "best nats per token", "bits per character", "tokens/s", "horizon", "spectral radius",
            "verdict",
        ]
        return [heading]
            + entries.map { entry in
                let (report, best) = (entry.report, entry.report.best)
                return [
                    entry.name, grouped(report.run.parameters), shown(best?.natsPerToken, decimals: 3),
                    shown(best?.bitsPerCharacter, decimals: 3), shown(report.run.tokensPerSecond, decimals: 0),
                    report.diagnosis.map(\.horizonInWords) ?? "-", shown(report.diagnosis?.spectralRadius?.mean, decimals: 3),
                    report.diagnosis?.verdict.kind.rawValue ?? "-",
                ]
            }
    }

    var json: String { get throws { try json(points: .max) } }

    /// - Parameter points: of training, at most, in each report.
    func json(points: Int) throws -> String {
        let reports = try entries.map { entry in
            "{\"name\":\(JSON.string(entry.name).text),\"report\":\(try entry.report.thinned(toPoints: points).json)}"
        }
        return "[" + reports.joined(separator: ",") + "]"
    }

    func lines(for display: Display) -> [String] {
        var lines = [display.line(title), ""]
        for chart in charts { lines += chart.lines(for: display) + [""] }
        // The other way round than on a page: networks are few, and a terminal is narrow.
        let rows = rows
        lines += table((rows.first ?? []).indices.map { column in rows.map { $0[column] } }).map(display.line)
        for entry in entries {
            guard let verdict = entry.report.diagnosis?.verdict else { continue }
            lines += ["", display.line(entry.name + ":")] + verdict.lines(for: display)
        }
        return lines
    }
}

extension TrainingReport {
    /// On average; 1 where it is not known, which makes tokens steps.
    fileprivate var tokensPerStep: Double {
        run.steps > 0 && run.tokens > 0 ? Double(run.tokens) / Double(run.steps) : 1
    }
}

extension GradientDiagnosis {
    /// The longest of all states, since one that does not vanish suffices to learn from afar.
    var horizonInWords: String {
        let horizons = states.filter { ($0.norms.first ?? nil) != nil && $0.norms.count > 1 }.map(\.horizon)
        if horizons.isEmpty { return "-" }
        let window = states.map(\.norms.count).max() ?? 1
        return horizons.contains(nil) ? "> \(window - 1)" : counted(horizons.compactMap { $0 }.max() ?? 0, "step")
    }
}
