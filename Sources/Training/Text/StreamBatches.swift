import Generation

/// Reads a stream in windows, for truncated back-propagation through time.
///
/// The stream is cut into as many contiguous tracks as a batch has sequences. Each step reads the next window of every track, and
/// a sequence's state is carried from window to window. A track that has not another whole window left begins anew, from the zero state.
/// So one track is read as PyTorch's examples do: "windows of T inputs, targets shifted by 1; when pos + T + 1 > len: pos = 0 and
/// state reset".
///
/// With documents, borders of tracks are moved to where a document begins (where one begins in the track), a window ends where a
/// document ends, and what is left of it is filled up.
public struct StreamBatches: BatchSource {
    public let stream: TokenStream
    public let window: Int
    /// How many of the windows begin from the zero state although the text goes on: a network has to learn how to begin.
    public let zeroStateShare: Double
    /// The inputs of each track.
    let tracks: [Range<Int>]
    /// The next input of each track.
    public private(set) var position: [Int]
    public let stepsPerEpoch: Int
    public let digest: String

    /// - Parameter path: as errors name the text.
    /// - Throws: `TrainingError.corpusTooShort`, `.option`.
    public init(
        _ stream: TokenStream, batchSize: Int, window: Int, zeroStateShare: Double = 0.1, path: String
    ) throws(TrainingError) {
        for (name, value) in [("batch", batchSize), ("window", window)] where value < 1 {
            throw .option(name: name, value: "\(value)", expected: "a whole number, at least 1")
        }
        guard (0...1).contains(zeroStateShare) else {
            throw .option(name: "zero-state-share", value: "\(zeroStateShare)", expected: "a number from 0 to 1")
        }
        // Each track has a whole window, or, where windows may be short, one input; the last input has a target behind it.
        let (inputs, overflows) = batchSize.multipliedReportingOverflow(by: stream.beginnings.isEmpty ? window : 1)
        let needed = max(inputs, window - 1)
        guard !overflows, stream.ids.count > needed else {
            throw .corpusTooShort(
                path: path, tokens: stream.ids.count, needed: overflows ? .max : needed + 1, batch: batchSize,
                window: window)
        }
        self.stream = stream
        self.window = window
        self.zeroStateShare = zeroStateShare
        tracks = Self.tracks(of: stream, count: batchSize)
        position = tracks.map(\.lowerBound)
        stepsPerEpoch = tracks.map { Self.windowCount(in: $0, of: stream, window: window) }.max() ?? 1
        digest = stream.digest
    }

    public var batchSize: Int { tracks.count }
    public var tokensPerCharacter: Double { stream.tokensPerCharacter }

    private static func tracks(of stream: TokenStream, count: Int) -> [Range<Int>] {
        let length = stream.ids.count / count
        var borders = (0..<count).map { track in
            let border = track * length
            guard track > 0, let begins = stream.nextBeginning(from: border), begins < border + length else { return border }
            return begins
        }
        borders.append(stream.ids.count - 1)
        return zip(borders, borders.dropFirst()).map { $0..<max($0 + 1, $1) }
    }

    private static func windowCount(in track: Range<Int>, of stream: TokenStream, window: Int) -> Int {
        if stream.beginnings.isEmpty { return track.count / window }
        var (count, position) = (0, track.lowerBound)
        while position < track.upperBound {
            let end = stream.nextBeginning(from: position + 1).map { min($0, track.upperBound) } ?? track.upperBound
            count += (end - position + window - 1) / window
            position = end
        }
        return count
    }

    public mutating func next(using generator: inout RandomGenerator) -> Batch {
        var batch = Batch(inputs: [], targets: [], begins: [])
        for (track, inputs) in tracks.enumerated() {
            let start = position[track]
            let end = stream.windowEnd(from: start, window: window, limit: inputs.upperBound)
            // Drawn for every window, so that one track's place does not change what another draws.
            let startsFromZero = generator.nextUnit() < zeroStateShare
            batch.append(
                inputs: stream.ids[start..<end].map(Int.init), targets: stream.ids[(start + 1)...end].map(Int.init),
                begins: startsFromZero || start == inputs.lowerBound || stream.begins(at: start), window: window)
            let isOver = stream.beginnings.isEmpty ? end + window > inputs.upperBound : end >= inputs.upperBound
            position[track] = isOver ? inputs.lowerBound : end
        }
        return batch
    }

    public mutating func move(to position: [Int]) -> Bool {
        guard position.count == tracks.count, zip(position, tracks).allSatisfy({ $1.contains($0) }) else { return false }
        if stream.beginnings.isEmpty, zip(position, tracks).contains(where: { $0 + window > $1.upperBound }) { return false }
        self.position = position
        return true
    }
}

extension TokenStream {
    /// The first place at or behind `place` where a document begins, but for the first.
    func nextBeginning(from place: Int) -> Int? {
        var (low, high) = (0, beginnings.count)
        while low < high {
            let middle = (low + high) / 2
            if beginnings[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low < beginnings.count ? beginnings[low] : nil
    }

    func begins(at place: Int) -> Bool { place == 0 || nextBeginning(from: place) == place }

    /// One past the last input of the window that begins at `start`.
    func windowEnd(from start: Int, window: Int, limit: Int) -> Int {
        let end = min(start + window, limit)
        return nextBeginning(from: start + 1).map { min($0, end) } ?? end
    }
}
