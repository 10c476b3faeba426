extension TrainingReport {
    /// All charts that there is anything to see in, in the order of a page.
    var charts: [Chart] {
        let hasValidation = validation.contains { $0.natsPerToken != nil }
        let hasCharacters = validation.contains { $0.bitsPerCharacter != nil }
        return [
            training.isEmpty && !hasValidation ? nil : lossChart, hasCharacters ? bitsPerCharacterChart : nil,
            training.isEmpty ? nil : gradientNormChart,
            training.contains { $0.learningRate != nil } ? learningRateChart : nil,
            training.contains { $0.tokensPerSecond != nil } ? speedChart : nil, diagnosis?.chart,
        ].compactMap { $0 }
    }

    private static let stepAxis = Chart.Axis("step")

    private func curve(_ value: (TrainingPoint) -> Double?) -> [Chart.Point] {
        training.map { Chart.Point(Double($0.step), value($0)) }
    }

    var lossChart: Chart {
        var series: [Chart.Series] = []
        if !training.isEmpty {
            let curve = curve(\.loss)
            let smooth = smoothed(curve)
            // Single batches are noise around the curve that people look for.
            series.append(Chart.Series("training, each step", curve, isFaint: smooth != nil))
            if let smooth { series.append(Chart.Series("training, mean of \(smooth.steps)", smooth.points)) }
        }
        let validated = validation.map { Chart.Point(Double($0.step), $0.natsPerToken) }
        if !validated.isEmpty { series.append(Chart.Series("validation", validated, showsPoints: true)) }
        return Chart(title: "Loss", x: Self.stepAxis, y: Chart.Axis("loss", unit: "nats per token"), series: series)
    }

    var bitsPerCharacterChart: Chart {
        let points = validation.map { Chart.Point(Double($0.step), $0.bitsPerCharacter) }
        return Chart(
            title: "Bits per character, validation", x: Self.stepAxis, y: Chart.Axis("bits per character"),
            series: [Chart.Series("validation", points, showsPoints: true)])
    }

    var gradientNormChart: Chart {
        let clipped = clippedShare.map { "\(formatted(100 * $0, digits: 3)) % of steps clipped" } ?? ""
        return Chart(
            title: "Gradient norm before clipping", x: Self.stepAxis,
            y: Chart.Axis("gradient norm", scale: .logarithmic()), series: [Chart.Series("norm", curve(\.gradientNorm))],
            markers: run.clippingThreshold.map {
                [.horizontal(at: $0, "clipped above \(compact($0, digits: 4)); \(clipped)")]
            } ?? [])
    }

    var learningRateChart: Chart {
        Chart(
            title: "Learning rate", x: Self.stepAxis, y: Chart.Axis("learning rate"),
            series: [Chart.Series("learning rate", curve(\.learningRate))])
    }

    var speedChart: Chart {
        var axis = Chart.Axis("speed", unit: "tokens per second")
        // From zero: half as fast should look like half as fast.
        let fastest = training.compactMap(\.tokensPerSecond).max() ?? 1
        axis.range = 0...max(fastest, 1) * 1.05
        return Chart(title: "Speed", x: Self.stepAxis, y: axis, series: [Chart.Series("speed", curve(\.tokensPerSecond))])
    }

    /// Means over a hundredth of the steps each, at the middle of each; nil where there are too few to need it.
    private func smoothed(_ curve: [Chart.Point]) -> (steps: Int, points: [Chart.Point])? {
        guard curve.count >= 200 else { return nil }
        let size = (curve.count + 99) / 100
        let points = stride(from: 0, to: curve.count, by: size).map { start in
            let part = curve[start..<min(start + size, curve.count)]
            let values = part.compactMap(\.y)
            return Chart.Point(
                (part[part.startIndex].x + part[part.endIndex - 1].x) / 2,
                values.isEmpty ? nil : values.reduce(0, +) / Double(values.count))
        }
        return (size, points)
    }
}

extension GradientDiagnosis {
    /// Less of the first norm than that is drawn as that: what underflows would stretch the axis over hundreds of decades.
    private static let floorShare = 1e-12

    /// Nil where no gradient was followed.
    var chart: Chart? {
        guard !states.isEmpty else { return nil }
        let largest = states.compactMap { $0.norms.first ?? nil }.max() ?? 1
        let floor = powerOfTenBelow(max(largest, 1e-200) * Self.floorShare)
        return Chart(
            title: "Gradient norm against steps back through time", x: Chart.Axis("steps back through time"),
            y: Chart.Axis("norm of the loss gradient", scale: .logarithmic(floor: floor)),
            series: states.map { state in
                Chart.Series(state.state, state.norms.enumerated().map { Chart.Point(Double($0.offset), $0.element) })
            },
            markers: states.compactMap { state in
                state.horizon.map { .vertical(at: Double($0), "horizon of \(state.state): \(counted($0, "step"))") }
            })
    }

    /// Of all states together, as a part of what it is where the loss is taken; empty where that is nothing.
    var relativeNorms: [Double?] {
        let length = states.map(\.norms.count).max() ?? 0
        let norms: [Double?] = (0..<length).map { steps in
            var sum = 0.0
            for state in states where steps < state.norms.count {
                guard let norm = state.norms[steps] else { return nil }
                sum += norm * norm
            }
            return sum.squareRoot()
        }
        guard let first = norms.first ?? nil, first > 0 else { return [] }
        return norms.map { $0.map { $0 / first } }
    }
}

/// The largest power of ten that is not larger.
private func powerOfTenBelow(_ value: Double) -> Double {
    var exponent = -300
    while powerOfTen(exponent + 1) <= value { exponent += 1 }
    return powerOfTen(exponent)
}
