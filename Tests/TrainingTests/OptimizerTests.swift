import Archive
import Generation
import Kernels
import Testing

@testable import Training

@Suite struct OptimizerTests {
    static let cases = [
        "sgd", "sgd_decay", "sgd_momentum", "sgd_momentum_decay_clip", "adam", "adam_decay", "adam_clip", "adamw", "adamw_decay",
        "rmsprop", "rmsprop_momentum", "rmsprop_all",
    ]

    static func options(_ json: JSONValue) throws -> OptimizerOptions {
        var options = OptimizerOptions(try #require(OptimizerOptions.Rule(rawValue: json["rule"]?.string ?? "")))
        for (name, value) in json["options"]?.object ?? [:] {
            let number = try #require(value.number)
            switch name {
            case "lr": options.learningRate = number
            case "momentum": options.momentum = number
            case "weight-decay": options.weightDecay = number
            case "beta1": options.beta1 = number
            case "beta2": options.beta2 = number
            case "alpha": options.alpha = number
            case "eps": options.epsilon = number
            default: Issue.record("an option \(name)")
            }
        }
        return options
    }

    /// Ten steps on given gradients end where PyTorch's do (float64 there, float32 here).
    @Test(arguments: cases) func followsPyTorch(_ name: String) throws {
        let file = try fixture("optimizers.json")
        let json = try #require(file["cases"]?[name])
        let start = (file["start"]?.array ?? []).map(\.numbers)
        let memory = ParameterMemory([("a", [start[0].count]), ("b", [start[1].count])])
        for (parameter, values) in zip(memory.parameters, start) { parameter.values.set(values) }
        let options = try Self.options(json)
        let optimizer = try Optimizer(options, parameters: memory.parameters)
        let clipping = Clipping(norm: json["clip"]?.number, value: json["clip_value"]?.number)
        let norms = try #require(json["norms"]).numbers
        let steps = try #require(file["gradients"]?.array)
        #expect(steps.count == norms.count && steps.count == 10)
        for (i, step) in steps.enumerated() {
            for (parameter, gradient) in zip(memory.parameters, step.array ?? []) { parameter.gradient.set(gradient.numbers) }
            let summary = GradientSummary(of: memory.parameters)
            #expect(abs(summary.norm - norms[i]) < 1e-12)
            optimizer.step(learningRate: options.learningRate, scale: clipping.scale(for: summary), limit: clipping.limit)
            guard let expected = i == 0 ? json["first"]?.array : i == steps.count - 1 ? json["last"]?.array : nil else {
                continue
            }
            for (parameter, values) in zip(memory.parameters, expected) {
                #expect(values.numbers.count == parameter.values.count)
                for (found, value) in zip(parameter.values, values.numbers) { #expect(abs(Double(found) - value) < 2e-6) }
            }
        }
    }

    /// Random gradients, with sizes that divide into nothing.
    private static func run(_ rule: OptimizerOptions.Rule, threads: Int, momentum: Double = 0) throws -> [UInt32] {
        var generator = RandomGenerator(seed: 3)
        let memory = ParameterMemory([("a", [131, 997]), ("b", [17]), ("c", [1])])
        for parameter in memory.parameters {
            for i in parameter.values.indices { parameter.values[i] = Float(generator.nextUnit() - 0.5) }
        }
        var options = OptimizerOptions(rule)
        options.momentum = momentum
        let team = ThreadTeam(count: threads)
        let optimizer = try Optimizer(options, parameters: memory.parameters, team: team)
        for _ in 0..<3 {
            for parameter in memory.parameters {
                for i in parameter.values.indices { parameter.gradient[i] = Float(generator.nextUnit() - 0.5) }
            }
            let summary = GradientSummary(of: memory.parameters, team: team)
            optimizer.step(learningRate: 0.01, scale: Clipping(norm: 1).scale(for: summary))
        }
        return memory.parameters.flatMap { $0.values.map(\.bitPattern) }
    }

    @Test(arguments: OptimizerOptions.Rule.allCases) func bitsDoNotDependOnThreads(_ rule: OptimizerOptions.Rule) throws {
        let momentum = rule == .sgd ? 0.9 : 0
        let one = try Self.run(rule, threads: 1, momentum: momentum)
        #expect(try Self.run(rule, threads: 2, momentum: momentum) == one)
        #expect(try Self.run(rule, threads: 5, momentum: momentum) == one)
    }

    @Test(arguments: cases) func stateIsAllThatItRemembers(_ name: String) throws {
        let json = try #require(try fixture("optimizers.json")["cases"]?[name])
        let options = try Self.options(json)
        let memories = (0..<2).map { _ in ParameterMemory([("a", [2, 3])]) }
        let (first, second) = (memories[0].parameters[0], memories[1].parameters[0])
        let optimizer = try Optimizer(options, parameters: [first])
        func step(_ optimizer: Optimizer, _ parameter: Parameter, _ number: Int) {
            for i in 0..<6 { parameter.gradient[i] = Float(i - 2) / Float(number) }
            optimizer.step(learningRate: options.learningRate)
        }
        for number in 1...4 { step(optimizer, first, number) }
        let other = try Optimizer(options, parameters: [second])
        for i in 0..<6 { second.values[i] = first.values[i] }
        try other.restore(optimizer.state, stepCount: optimizer.stepCount)
        #expect(other.state.keys.sorted() == options.slotNames.map { "\($0)/a" }.sorted())
        for number in 5...6 {
            step(optimizer, first, number)
            step(other, second, number)
        }
        #expect(first.values.map(\.bitPattern) == second.values.map(\.bitPattern))
    }

    @Test func frozenParametersStay() throws {
        let memory = ParameterMemory([("a", [2]), ("b", [2])])
        for parameter in memory.parameters { parameter.gradient.set([1, -1]) }
        let optimizer = try Optimizer(OptimizerOptions(.adam), parameters: memory.parameters, frozen: ["a"])
        optimizer.step(learningRate: 0.5)
        #expect(Array(memory.parameters[0].values) == [0, 0])
        #expect(memory.parameters[1].values[0] < -0.49)
        #expect(optimizer.state.keys.sorted() == ["first_moment/b", "second_moment/b"])
        #expect(throws: TrainingError.nothingToTrain) {
            try Optimizer(OptimizerOptions(.sgd), parameters: memory.parameters, frozen: ["a", "b"])
        }
        #expect(throws: TrainingError.unknownParameters(names: ["c"])) {
            try Optimizer(OptimizerOptions(.sgd), parameters: memory.parameters, frozen: ["a", "c"])
        }
    }

    @Test func memoryOfAnotherShapeIsRefused() throws {
        let memory = ParameterMemory([("a", [2, 3])])
        let optimizer = try Optimizer(OptimizerOptions(.adam), parameters: memory.parameters)
        var state = optimizer.state
        state["second_moment/a"] = Tensor(shape: [3, 2], values: [Float](repeating: 1, count: 6))
        #expect(throws: TrainingError.optimizerState(names: ["second_moment/a"])) {
            try optimizer.restore(state, stepCount: 9)
        }
        #expect(optimizer.stepCount == 0)
        #expect(throws: TrainingError.optimizerState(names: ["first_moment/a", "second_moment/a"])) {
            try optimizer.restore([:], stepCount: 9)
        }
    }

    @Test func numbersOutOfRangeAreNamed() throws {
        func name(_ change: (inout OptimizerOptions) -> Void) -> String? {
            var options = OptimizerOptions(.adam)
            change(&options)
            do { try options.check() } catch .option(let name, _, _) { return name } catch {}
            return nil
        }
        #expect(name { _ in } == nil)
        #expect(name { $0.learningRate = -1 } == "lr")
        #expect(name { $0.learningRate = .nan } == "lr")
        #expect(name { $0.beta1 = 1 } == "beta1")
        #expect(name { $0.beta2 = -0.1 } == "beta2")
        #expect(name { $0.momentum = 0.5 } == "momentum")
        #expect(name { $0.weightDecay = .infinity } == "weight-decay")
        #expect(name { $0.epsilon = -1 } == "eps")
    }
}

@Suite struct ClippingTests {
    private static func memory(_ gradient: [Double]) -> ParameterMemory {
        let memory = ParameterMemory([("a", [gradient.count])])
        memory.parameters[0].gradient.set(gradient)
        return memory
    }

    @Test func summaryIsOfAllElements() throws {
        // More than one block, and a remainder that fills no vector.
        let count = 20_003
        let memory = Self.memory((0..<count).map { Double($0 % 7) - 3 })
        let expected = (0..<count).reduce(0) { $0 + ($1 % 7 - 3) * ($1 % 7 - 3) }
        let summary = GradientSummary(of: memory.parameters)
        #expect(abs(summary.norm - Double(expected).squareRoot()) < 1e-9)
        #expect(summary.largest == 3)
        memory.parameters[0].gradient[count - 1] = -5
        #expect(GradientSummary(of: memory.parameters).largest == 5)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], [0, 1, 4, 9]) func normTellsWhatIsNotFinite(_ value: Float, _ place: Int)
    {
        let memory = Self.memory([Double](repeating: 1, count: 10))
        memory.parameters[0].gradient[place] = value
        #expect(!GradientSummary(of: memory.parameters).norm.isFinite)
        memory.parameters[0].gradient[place] = -.greatestFiniteMagnitude
        #expect(GradientSummary(of: memory.parameters).norm.isFinite)
    }

    @Test func scalesOnlyWhatIsTooLarge() {
        let clipping = Clipping(norm: 2)
        #expect(clipping.scale(for: GradientSummary(norm: 1.9, largest: 1)) == 1)
        #expect(!clipping.clips(GradientSummary(norm: 1.9, largest: 1)))
        #expect(clipping.scale(for: GradientSummary(norm: 4, largest: 1)) == 2 / (4 + 1e-6))
        #expect(clipping.clips(GradientSummary(norm: 4, largest: 1)))
        #expect(Clipping().scale(for: GradientSummary(norm: 1e30, largest: 1)) == 1)
        #expect(Clipping(value: 0.5).clips(GradientSummary(norm: 1, largest: 0.6)))
        #expect(!Clipping(value: 0.5).clips(GradientSummary(norm: 1, largest: 0.5)))
    }
}

@Suite struct ScheduleTests {
    @Test func warmsUpInALine() {
        let schedule = Schedule(.constant, warmUp: 4)
        let rates = (0..<6).map { schedule.learningRate(step: $0, of: 100, highest: 2) }
        #expect(rates == [0.5, 1, 1.5, 2, 2, 2])
    }

    @Test func fallsToItsFloorAtTheEnd() {
        for decay in [Schedule.Decay.linear, .cosine] {
            let schedule = Schedule(decay, warmUp: 10, floor: 0.1)
            let rates = (10...120).map { schedule.learningRate(step: $0, of: 110, highest: 1) }
            #expect(rates[0] == 1)
            #expect(abs(rates[50] - 0.55) < 1e-12)  // half-way, both are at the middle
            #expect(abs(rates[100] - 0.1) < 1e-12 && rates[110] == rates[100])
            #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
        }
        #expect(abs(Schedule(.cosine).learningRate(step: 25, of: 100, highest: 1) - (1 + 0.5.squareRoot()) / 2) < 1e-12)
    }

    @Test func decaysInStepsOrSmoothly() {
        let stairs = Schedule(.step(every: 10, factor: 0.5), floor: 0.3)
        #expect([0, 9, 10, 19, 20, 90].map { stairs.learningRate(step: $0, of: 0, highest: 1) } == [1, 1, 0.5, 0.5, 0.3, 0.3])
        let smooth = Schedule(.exponential(every: 10, factor: 0.25))
        #expect(abs(smooth.learningRate(step: 5, of: 0, highest: 1) - 0.5) < 1e-12)
    }

    @Test func aFloorAboveTheHighestRateChangesNothing() {
        #expect(Schedule(.cosine, floor: 5).learningRate(step: 50, of: 100, highest: 1) == 1)
    }

    @Test func numbersOutOfRangeAreNamed() {
        #expect(throws: TrainingError.self) { try Schedule(.step(every: 0, factor: 0.5)).check() }
        #expect(throws: TrainingError.self) { try Schedule(.step(every: 1, factor: 0)).check() }
        #expect(throws: TrainingError.self) { try Schedule(warmUp: -1).check() }
        #expect(throws: TrainingError.self) { try Schedule(floor: .nan).check() }
    }
}
