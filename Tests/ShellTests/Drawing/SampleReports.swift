import Foundation

@testable import Shell

/// Reports as trainings write them, with curves of the usual shapes; always the same numbers.
enum SampleReports {
    /// - Parameters:
    ///   - decay: of the gradient, for each step back and each of two layers.
    ///   - radius: the mean spectral radius of a step.
    static func report(
        _ model: String = "shakespeare-lstm", steps: Int = 1200, decay: [Double] = [0.93, 0.9], radius: Double = 0.94
    ) -> TrainingReport {
        var noise = Noise()
        var run = TrainingReport.Run(model: model)
        run.program = "step(token) {\n  x = embedding[token]\n  return out.weight @ x + out.bias  # logits & more\n}"
        run.parameters = 1_954_337
        run.corpus = TrainingReport.Corpus(name: "tinyshakespeare", bytes: 1_115_394, tokens: 1_115_394)
        run.tokenizer = "65 characters"
        run.optimizer = "AdamW"
        run.settings = [
            .init(name: "learning rate", value: "0.002, cosine to 0.0002, 100 steps of warm-up"),
            .init(name: "batch", value: "32 sequences of 128 tokens"), .init(name: "dropout", value: "0.1"),
        ]
        run.clippingThreshold = 1
        run.seed = 1337
        run.machine = "2 cores, x86-64, AVX-512"
        run.began = "2026-11-26T08:00:00Z"
        run.ended = "2026-11-26T08:31:40Z"
        run.steps = steps
        run.tokens = steps * 4096
        run.seconds = 1900
        run.tokensPerSecond = Double(steps * 4096) / 1900
        run.reason = "all steps were made"
        var report = TrainingReport(run: run)
        report.training = (1...steps).map { step in
            let share = Double(step) / Double(steps)
            let norm = 0.4 + 2.5 * exp(-share * 12) + abs(noise.next()) * 0.9
            return TrainingReport.TrainingPoint(
                step: step, loss: 1.25 + 2.9 * exp(-share * 9) + noise.next() * 0.16, gradientNorm: norm, isClipped: norm > 1,
                learningRate: 0.002 * min(1, Double(step) / 100) * (0.55 + 0.45 * cos(share * .pi)),
                tokensPerSecond: 2580 + noise.next() * 300)
        }
        report.validation = stride(from: steps / 8, through: steps, by: steps / 8).map { step in
            let loss = 1.42 + 2.4 * exp(-Double(step) / Double(steps) * 7)
            return TrainingReport.ValidationPoint(
                step: step, natsPerToken: loss, bitsPerCharacter: loss / log(2),
                sample: step == steps ? "ROMEO:\nWhat <light> is this & that?" : nil)
        }
        report.diagnosis = diagnosis(decay: decay, radius: radius)
        return report
    }

    static func diagnosis(decay: [Double], radius: Double) -> GradientDiagnosis {
        var noise = Noise()
        let states = decay.enumerated().map { layer, decay in
            StateGradient(
                state: "layers.\(layer).c",
                norms: (0...64).map { pow(decay, Double($0)) * 0.02 / Double(layer + 1) * (1 + noise.next() * 0.2) })
        }
        func activations(_ centre: Double, _ width: Double) -> [Double] {
            (0..<4000).map { _ in centre + width * (noise.next() + noise.next()) }
        }
        return GradientDiagnosis(
            states: states,
            gates: [
                GateSaturation(gate: "layers.0 forget", function: .sigmoid, activations: activations(0.8, 0.4)),
                GateSaturation(gate: "layers.0 input", function: .sigmoid, activations: activations(0.3, 0.6)),
                GateSaturation(gate: "layers.0 candidate", function: .tanh, activations: activations(0, 1)),
            ], spectralRadius: SpectralRadius([radius - 0.08, radius, radius + 0.08]))
    }

    static let comparison = TrainingComparison(
        title: "rnn, lstm and gru on tinyshakespeare",
        entries: [
            .init(name: "rnn", report: report("rnn", decay: [0.55], radius: 0.6)),
            .init(name: "lstm", report: report("lstm", decay: [0.95, 0.92], radius: 0.96)),
            .init(name: "gru", report: report("gru", decay: [0.9], radius: 0.93)),
        ])
}
