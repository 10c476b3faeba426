/// Measures every token of a stream after the first once, as one pass from the zero state would, yet in as many tracks as a
/// training's batch has sequences: each but the first reads some of the text before it, of which no loss is taken, so that it has a
/// state when its own part comes.
public struct StreamEvaluation: EvaluationSource {
    public let stream: TokenStream
    public let batchSize: Int
    public let window: Int
    /// Tokens that a track reads before its own.
    public let warmUp: Int

    public init(_ stream: TokenStream, batchSize: Int, window: Int, warmUp: Int? = nil) {
        self.stream = stream
        self.batchSize = max(1, batchSize)
        self.window = max(1, window)
        self.warmUp = warmUp ?? window
    }

    public var tokensPerCharacter: Double { stream.tokensPerCharacter }

    private struct Track {
        /// The next input.
        var position: Int
        /// The inputs whose targets are its own.
        var own: Range<Int>
        var isFirst = true
    }

    private var tracks: [Track] {
        let inputs = max(0, stream.ids.count - 1)
        let length = (inputs + batchSize - 1) / batchSize
        return (0..<batchSize).map { track in
            let own = min(track * length, inputs)..<min((track + 1) * length, inputs)
            return Track(position: own.isEmpty ? own.lowerBound : max(0, own.lowerBound - warmUp), own: own)
        }
    }

    public func forEachBatch(_ body: (Batch) throws -> Bool) rethrows {
        var tracks = tracks
        while tracks.contains(where: { $0.position < $0.own.upperBound }) {
            var batch = Batch(inputs: [], targets: [], begins: [])
            for i in tracks.indices {
                let start = tracks[i].position
                guard start < tracks[i].own.upperBound else {
                    batch.append(inputs: [], targets: [], begins: true, window: window)
                    continue
                }
                let end = stream.windowEnd(from: start, window: window, limit: tracks[i].own.upperBound)
                let targets = (start..<end).map { tracks[i].own.contains($0) ? Int(stream.ids[$0 + 1]) : Batch.noTarget }
                batch.append(
                    inputs: stream.ids[start..<end].map(Int.init), targets: targets,
                    begins: tracks[i].isFirst || stream.begins(at: start), window: window)
                tracks[i].position = end
                tracks[i].isFirst = false
            }
            if try !body(batch) { return }
        }
    }
}
