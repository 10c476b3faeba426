import Generation
import Testing

@testable import Training

@Suite struct StreamBatchTests {
    /// Ids count up, so that a target is its input and one.
    private static func stream(_ count: Int, beginnings: [Int] = []) -> TokenStream {
        TokenStream(ids: (0..<Int32(count)).map { $0 }, beginnings: beginnings, characters: count)
    }

    private static func batches(
        _ stream: TokenStream, _ batch: Int, _ window: Int, share: Double = 0
    ) throws -> StreamBatches {
        try StreamBatches(stream, batchSize: batch, window: window, zeroStateShare: share, path: "text")
    }

    /// "windows of T inputs, targets shifted by 1, one stream; when pos + T + 1 > len(text): pos = 0 and state reset"
    @Test(arguments: [9, 10, 11, 12, 13]) func oneTrackIsReadAsPyTorchsExamplesDo(_ length: Int) throws {
        var batches = try Self.batches(Self.stream(length), 1, 4)
        var generator = RandomGenerator(seed: 1)
        var (position, begins) = (0, true)
        for _ in 0..<20 {
            if position + 5 > length { (position, begins) = (0, true) }
            let batch = batches.next(using: &generator)
            #expect(batch.inputs == [Array(position..<(position + 4))])
            #expect(batch.targets == [Array((position + 1)..<(position + 5))])
            #expect(batch.begins == [begins])
            (position, begins) = (position + 4, false)
        }
        #expect(batches.stepsPerEpoch == (length - 1) / 4)
    }

    @Test func tracksAreContiguousAndWrapAround() throws {
        var batches = try Self.batches(Self.stream(26), 3, 3)
        var generator = RandomGenerator(seed: 1)
        let read = (0..<4).map { _ in batches.next(using: &generator) }
        #expect(read[0].inputs == [[0, 1, 2], [8, 9, 10], [16, 17, 18]])
        #expect(read[1].inputs == [[3, 4, 5], [11, 12, 13], [19, 20, 21]])
        #expect(read[1].targets == [[4, 5, 6], [12, 13, 14], [20, 21, 22]])
        #expect(read[0].begins == [true, true, true] && read[1].begins == [false, false, false])
        // The last track is one input longer: it has another whole window.
        #expect(read[2].inputs == [[0, 1, 2], [8, 9, 10], [22, 23, 24]])
        #expect(read[2].begins == [true, true, false])
        #expect(read[3].inputs[2] == [16, 17, 18] && read[3].begins == [false, false, true])
        #expect(batches.stepsPerEpoch == 3)
    }

    @Test func aShareOfWindowsBeginsFromTheZeroState() throws {
        var batches = try Self.batches(Self.stream(100_001), 10, 10, share: 0.1)
        var generator = RandomGenerator(seed: 1)
        let begins = (0..<999).flatMap { _ in batches.next(using: &generator).begins }.dropFirst(10)
        let count = begins.count { $0 }
        #expect((850...1150).contains(count))  // of 9980; the standard deviation is 30
        // Reading goes on where it was.
        #expect(batches.position == (0..<10).map { 10_000 * $0 + 9990 })
    }

    @Test func aPositionIsAllThereIs() throws {
        var batches = try Self.batches(Self.stream(500), 4, 7, share: 0.3)
        var generator = RandomGenerator(seed: 9)
        for _ in 0..<11 { _ = batches.next(using: &generator) }
        var other = try Self.batches(Self.stream(500), 4, 7, share: 0.3)
        func moves(to position: [Int]) -> Bool { other.move(to: position) }
        let isThere = moves(to: batches.position)
        #expect(isThere)
        var copy = generator
        for _ in 0..<40 {
            let (one, two) = (batches.next(using: &generator), other.next(using: &copy))
            #expect(one == two)
        }
        let place = other.position
        // Too few, beyond the end, and where no whole window is left.
        for wrong in [[0], [0, 125, 250, 500], [0, 125, 250, 495]] {
            let isThere = moves(to: wrong)
            #expect(!isThere && other.position == place)
        }
    }

    @Test func windowsEndWithTheirDocuments() throws {
        // Documents 0…4, 5…6, 7…
        var batches = try Self.batches(Self.stream(12, beginnings: [5, 7]), 1, 3)
        var generator = RandomGenerator(seed: 1)
        let read = (0..<6).map { _ in batches.next(using: &generator) }
        #expect(read.map { $0.inputs[0] } == [[0, 1, 2], [3, 4, 4], [5, 6, 6], [7, 8, 9], [10, 10, 10], [0, 1, 2]])
        #expect(
            read.map { $0.targets[0] } == [[1, 2, 3], [4, 5, -1], [6, 7, -1], [8, 9, 10], [11, -1, -1], [1, 2, 3]])
        #expect(read.map { $0.begins[0] } == [true, false, true, true, false, true])
        #expect(batches.stepsPerEpoch == 5)
    }

    @Test func tracksBeginWhereDocumentsDo() throws {
        let batches = try Self.batches(Self.stream(40, beginnings: [13, 18, 37]), 4, 5)
        // Borders at 10, 20, 30 move to 13, 20 (none before 30) and 37.
        #expect(batches.tracks == [0..<13, 13..<20, 20..<37, 37..<39])
        // Every input once in an epoch: the longest track has 4 windows.
        #expect(batches.stepsPerEpoch == 4)
    }

    @Test func textsThatAreTooShortAreRefused() throws {
        #expect(throws: TrainingError.corpusTooShort(path: "text", tokens: 12, needed: 13, batch: 3, window: 4)) {
            try Self.batches(Self.stream(12), 3, 4)
        }
        _ = try Self.batches(Self.stream(13), 3, 4)
        _ = try Self.batches(Self.stream(4, beginnings: [2]), 3, 4)
        #expect(throws: TrainingError.self) { try Self.batches(Self.stream(3, beginnings: [1]), 3, 4) }
        #expect(throws: TrainingError.self) { try Self.batches(Self.stream(3), .max, 4) }
        #expect(throws: TrainingError.option(name: "batch", value: "0", expected: "a whole number, at least 1")) {
            try Self.batches(Self.stream(3), 0, 4)
        }
        #expect(throws: TrainingError.self) { try Self.batches(Self.stream(3), 1, 0) }
        #expect(throws: TrainingError.self) { try Self.batches(Self.stream(30), 1, 2, share: 1.5) }
    }
}

@Suite struct StreamEvaluationTests {
    /// The targets that count, and the context that each is foretold from: how many inputs its sequence has read since it began.
    private static func read(_ evaluation: StreamEvaluation) -> (targets: [Int], contexts: [Int: Int]) {
        var (targets, contexts): ([Int], [Int: Int]) = ([], [:])
        var read = [Int](repeating: 0, count: evaluation.batchSize)
        var last = [Int?](repeating: nil, count: evaluation.batchSize)
        evaluation.forEachBatch { batch in
            #expect(batch.inputs.allSatisfy { $0.count == evaluation.window })
            for s in batch.inputs.indices {
                if batch.begins[s] { (read[s], last[s]) = (0, nil) }
                for (input, target) in zip(batch.inputs[s], batch.targets[s]) {
                    read[s] += 1
                    guard target >= 0 else { continue }
                    #expect(target == input + 1)
                    targets.append(target)
                    contexts[target] = read[s]
                }
            }
            return true
        }
        return (targets.sorted(), contexts)
    }

    @Test(arguments: [1, 2, 5, 30], [1, 4, 7]) func everyTokenIsMeasuredOnce(_ batch: Int, _ window: Int) {
        let stream = TokenStream(ids: (0..<50).map { $0 }, characters: 50)
        let found = Self.read(StreamEvaluation(stream, batchSize: batch, window: window))
        #expect(found.targets == Array(1..<50))
        // What it is foretold from: all before it, or at least what the warm-up has read.
        for (target, context) in found.contexts { #expect(context == target || context > window) }
    }

    @Test func documentsBegin() {
        let stream = TokenStream(ids: (0..<50).map { $0 }, beginnings: [11, 12, 30], characters: 50)
        let found = Self.read(StreamEvaluation(stream, batchSize: 3, window: 4, warmUp: 100))
        #expect(found.targets == Array(1..<50))
        let beginnings = [0, 11, 12, 30]
        for (target, context) in found.contexts { #expect(context == target - (beginnings.last { $0 < target } ?? 0)) }
    }

    @Test func stopsWhenItIsTold() {
        let stream = TokenStream(ids: (0..<50).map { $0 }, characters: 50)
        var count = 0
        StreamEvaluation(stream, batchSize: 1, window: 5).forEachBatch { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
    }
}
