import Archive
import Kernels
import Network
import Testing
import Tokenization
import Zoo

@testable import Generation

@Suite struct BenchmarkTests {
    /// Each time that it is asked a clock says the next of these seconds.
    private static func clock(_ readings: [Double]) -> () -> Double {
        var readings = readings[...]
        return { readings.popFirst() ?? .nan }
    }

    @Test func theFigureIsTheMedianOfTheRepeats() throws {
        let model = try TestModel.reciting("abc")
        // Repeats of 1, 4, 2 and 5 seconds.
        let found = try benchmark(
            model, BenchmarkOptions(work: .decode, steps: 20, repeats: 4), secondsNow: Self.clock([0, 1, 1, 5, 5, 7, 7, 12]))
        #expect(found.rates == [20, 5, 10, 4])
        #expect(found.tokensPerSecond == 7.5 && found.largest == 20)
        #expect(found.steps == 20 && found.threads == model.network?.threads && found.elementType == .f32)

        let odd = try benchmark(
            model, BenchmarkOptions(work: .batch, steps: 2, repeats: 3), secondsNow: Self.clock([0, 1, 1, 5, 5, 7]))
        #expect(odd.rates == [128, 32, 64])
        #expect(odd.tokensPerSecond == 64)
    }

    /// Doubled until they last for a sixteenth of a second; a repeat lasts for four times that.
    @Test func theStepsAreChosenByTheClock() throws {
        let model = try TestModel.reciting("abc")
        var readings: [Double] = []
        for seconds in [0.01, 0.02, 0.04, 0.08] { readings += [0, seconds] }
        let found = try benchmark(
            model, BenchmarkOptions(work: .decode, repeats: 1), secondsNow: Self.clock(readings + [0, 0.5]))
        #expect(found.steps == 25)
        #expect(found.rates == [50])

        let batch = try benchmark(
            model, BenchmarkOptions(work: .batch, repeats: 1), secondsNow: Self.clock([0, 0.125, 0, 0.5]))
        #expect(batch.steps == 2 * 128)
        let long = try benchmark(model, BenchmarkOptions(work: .batch, repeats: 1), secondsNow: Self.clock([0, 60, 0, 60]))
        #expect(long.steps == 128, "not less than one forward pass")
    }

    @Test func theUsualRepeats() throws {
        let model = try TestModel.reciting("abc")
        for work in Benchmark.Work.allCases {
            let found = try benchmark(model, BenchmarkOptions(work: work, steps: 1), secondsNow: { 0 })
            #expect(found.rates.count == (work == .decode ? 7 : 4))
            #expect(found.rates.allSatisfy { $0 == .infinity })
        }
    }

    @Test func windowsAndProgramsThatLookAheadSayWhyNot() throws {
        func model(_ program: String, window: Int? = nil) throws -> Model {
            try TestModel.make(
                name: "other", tokenizer: nil, width: 4,
                tensors: ["embedding": [Float](repeating: 1, count: 20), "out.weight": [Float](repeating: 1, count: 20)]
            ) {
                $0.program = program
                $0.window = window
            }
        }
        let window = try model(
            "encode(token) { return h: last(embedding[token]) }\nanswer() { return out.weight @ encode.h }", window: 3)
        let features = try model("encode(token) { x = embedding[token]\n return out.weight @ (x + next(x)) }")
        for work in Benchmark.Work.allCases {
            #expect(
                throws: GenerationError.cannotBeTimed(
                    reason: "other reads a window of 3 tokens again for each one: it has no step to be timed")
            ) { try benchmark(window, BenchmarkOptions(work: work, steps: 1), secondsNow: { 0 }) }
            let reason = "this program reads whole sequences (encode, without step): it cannot generate, the future is not known"
            #expect(throws: NetworkError.cannotGenerate(reason: reason)) {
                try benchmark(features, BenchmarkOptions(work: work, steps: 1), secondsNow: { 0 })
            }
        }
    }

    @Test func logitsThatAreNoNumbersAreAnError() throws {
        let model = try TestModel.make(
            tokenizer: nil, width: 1,
            tensors: ["embedding": [1], "rnn.U": [1], "rnn.b": [0], "out.weight": [.nan], "out.bias": [0]])
        #expect(throws: GenerationError.nothingToDraw(afterTokens: 1)) {
            try benchmark(model, BenchmarkOptions(work: .decode, steps: 3), secondsNow: { 0 })
        }
    }

    @Test(arguments: Benchmark.Work.allCases)
    func interruptionEndsIt(work: Benchmark.Work) throws {
        var asked = 0
        #expect(throws: GenerationError.interrupted) {
            try benchmark(
                try TestModel.reciting("abc"), BenchmarkOptions(work: work, steps: 50), secondsNow: { 0 },
                isInterrupted: {
                    asked += 1
                    return asked == 10
                })
        }
        #expect(asked == 10)
    }

    @Test func theTypeIsThatOfMostBytes() {
        var header = ArchiveHeader(name: "types")
        #expect(header.mainElementType == .f32)
        header.tensors = [
            TensorEntry(name: "a", dtype: .f32, shape: [10]), TensorEntry(name: "b", dtype: .f16, shape: [3, 6]),
        ]
        #expect(header.mainElementType == .f32)
        header.tensors.append(TensorEntry(name: "c", dtype: .bf16, shape: [21]))
        #expect(header.mainElementType == .bf16)
        header.tensors.append(TensorEntry(name: "d", dtype: .f16, shape: [4]))
        #expect(header.mainElementType == .f16)
    }
}
