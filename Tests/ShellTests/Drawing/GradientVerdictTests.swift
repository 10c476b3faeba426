import Foundation
import Testing

@testable import Shell

/// What norms of gradients mean, at the boundaries.
struct GradientVerdictTests {
    @Test func theHorizonIsTheFirstStepBelowOnePercent() {
        #expect(gradientHorizon([100, 50, 10, 2, 0.9, 0.5]) == 4)
        #expect(gradientHorizon([100, 50, 10, 2, 1]) == nil)
        #expect(gradientHorizon([100, 1, 0.999]) == 2)
        #expect(gradientHorizon([100, 0.5, 80]) == 1)
        #expect(gradientHorizon([1e-30, 1e-31, 1e-33]) == 2)
        #expect(gradientHorizon([5, 0]) == 1)
    }

    @Test func withoutAFirstNormThereIsNoHorizon() {
        #expect(gradientHorizon([]) == nil)
        #expect(gradientHorizon([3]) == nil)
        #expect(gradientHorizon([0, 0, 0]) == nil)
        #expect(gradientHorizon([nil, 1, 0]) == nil)
        #expect(gradientHorizon([100, nil, 0.5]) == 2)
    }

    /// Norms that fall below 1 % at that step for the first time, or that grow to that multiple.
    private static func falling(horizon: Int, window: Int) -> StateGradient {
        StateGradient(state: "h", norms: (0...window).map { $0 < horizon ? 1 : 0.001 })
    }

    private static func growing(to growth: Double) -> StateGradient {
        StateGradient(state: "h", norms: (0...30).map { 1 + (growth - 1) * Double($0) / 30 })
    }

    private static func kind(_ states: StateGradient..., radius: Double? = nil) -> GradientVerdict.Kind {
        GradientVerdict(states: states, meanSpectralRadius: radius).kind
    }

    @Test func aHundredfoldGrowthExplodesByItself() {
        #expect(Self.kind(Self.growing(to: 100)) == .exploding)
        #expect(Self.kind(Self.growing(to: 100), radius: 0.5) == .exploding)
        #expect(Self.kind(Self.growing(to: 99)) == .healthy)
    }

    @Test func aTenfoldGrowthExplodesWhereTheRadiusSaysItGoesOn() {
        #expect(Self.kind(Self.growing(to: 10), radius: 1.001) == .exploding)
        #expect(Self.kind(Self.growing(to: 10), radius: 1) == .healthy)
        #expect(Self.kind(Self.growing(to: 10)) == .healthy)
        #expect(Self.kind(Self.growing(to: 9.9), radius: 1.5) == .healthy)
    }

    @Test func growthInTheMiddleCounts() {
        #expect(Self.kind(StateGradient(state: "h", norms: [1, 20, 400, 3, 1])) == .exploding)
    }

    @Test func whatIsNotFiniteExplodes() {
        #expect(Self.kind(StateGradient(state: "h", norms: [1, 2, .infinity])) == .exploding)
        #expect(Self.kind(StateGradient(state: "h", norms: [.nan, 2, 1])) == .exploding)
        #expect(Self.kind(StateGradient(state: "h", norms: [nil])) == .exploding)
        let verdict = GradientVerdict(
            states: [Self.falling(horizon: 99, window: 30), StateGradient(state: "layers.1.h", norms: [1, nil])],
            meanSpectralRadius: nil)
        #expect(verdict.finding.contains("layers.1.h"))
    }

    @Test func aHorizonBelowTenStepsVanishesByItself() {
        #expect(Self.kind(Self.falling(horizon: 9, window: 12)) == .vanishing)
        #expect(Self.kind(Self.falling(horizon: 9, window: 12), radius: 1.2) == .vanishing)
        #expect(Self.kind(Self.falling(horizon: 10, window: 200)) == .healthy)
    }

    @Test func aHorizonBelowAQuarterOfTheWindowVanishesWhereTheRadiusAgrees() {
        #expect(Self.kind(Self.falling(horizon: 24, window: 100), radius: 0.99) == .vanishing)
        #expect(Self.kind(Self.falling(horizon: 25, window: 100), radius: 0.99) == .healthy)
        #expect(Self.kind(Self.falling(horizon: 24, window: 100), radius: 1) == .healthy)
        #expect(Self.kind(Self.falling(horizon: 24, window: 100)) == .healthy)
    }

    @Test func oneStateThatRemembersIsEnough() {
        #expect(Self.kind(Self.falling(horizon: 3, window: 100), Self.falling(horizon: 999, window: 100)) == .healthy)
        #expect(Self.kind(Self.falling(horizon: 3, window: 100), Self.falling(horizon: 40, window: 100)) == .healthy)
        #expect(Self.kind(Self.falling(horizon: 3, window: 100), Self.falling(horizon: 5, window: 100)) == .vanishing)
    }

    @Test func oneStateThatExplodesSpoilsAll() {
        #expect(Self.kind(Self.falling(horizon: 3, window: 30), Self.growing(to: 1000)) == .exploding)
    }

    @Test func whatWasNotMeasuredIsUnknown() {
        #expect(Self.kind() == .unknown)
        #expect(Self.kind(StateGradient(state: "h", norms: [1])) == .unknown)
        #expect(Self.kind(StateGradient(state: "h", norms: [0, 0, 0])) == .unknown)
        let dead = GradientVerdict(states: [StateGradient(state: "h", norms: [0, 0])], meanSpectralRadius: nil)
        #expect(dead.finding.contains("does not depend on"))
    }

    @Test func adviceFitsTheFinding() {
        let exploding = GradientVerdict(states: [Self.growing(to: 1e6)], meanSpectralRadius: 1.31)
        #expect(exploding.advice.first?.contains("Clip") == true)
        #expect(exploding.finding.contains("1e6") && exploding.finding.contains("1.31"), "\(exploding.finding)")
        let vanishing = GradientVerdict(states: [Self.falling(horizon: 4, window: 64)], meanSpectralRadius: nil)
        #expect(vanishing.advice.contains { $0.contains("gated") } && vanishing.advice.contains { $0.contains("forget gates") })
        #expect(vanishing.advice.last?.contains("shorter window") == true)
        let short = GradientVerdict(states: [Self.falling(horizon: 4, window: 5)], meanSpectralRadius: nil)
        #expect(short.advice.last?.contains("longer window") == true)
        #expect(GradientVerdict(states: [Self.growing(to: 1)], meanSpectralRadius: 1).advice.isEmpty)
    }

    @Test func sharesOfSaturatedGates() {
        let sigmoid = GateSaturation(
            gate: "f", function: .sigmoid, activations: [0, 0.05, 0.1, 0.5, 0.9, 0.91, 0.95, 1, .nan, .infinity])
        #expect(sigmoid.lowShare == 0.25)
        #expect(sigmoid.highShare == 0.375)
        #expect(sigmoid.saturatedShare == 0.625)
        #expect(sigmoid.histogram == [2, 1, 0, 0, 0, 1, 0, 0, 0, 4])
        let tanh = GateSaturation(gate: "g", function: .tanh, activations: [-1, -0.95, -0.9, 0, 0.5, 0.9, 0.99, 1])
        #expect(tanh.lowShare == 0.25 && tanh.highShare == 0.25)
        #expect(tanh.histogram.reduce(0, +) == 8 && tanh.histogram.count == 10 && tanh.histogram[5] == 1)
        let none = GateSaturation(gate: "f", function: .sigmoid, activations: [])
        #expect(none.lowShare == nil && none.saturatedShare == nil)
    }

    @Test func barsOfAHistogram() {
        let gate = GateSaturation(gate: "f", function: .sigmoid, activations: [0.05] + Array(repeating: 0.95, count: 1000))
        #expect(gate.bars(isUTF8: true) == "▁        █")
        #expect(gate.bars(isUTF8: false) == ".        @")
    }

    @Test func spectralRadii() {
        let radius = SpectralRadius([0.5, 1, 0.75])
        #expect(radius.mean == 0.75 && radius.min == 0.5 && radius.max == 1 && radius.count == 3)
        #expect(SpectralRadius([]).mean == nil)
        #expect(SpectralRadius([1, .infinity]).mean == nil)
    }
}
