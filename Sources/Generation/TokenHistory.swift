/// The tokens that a session has seen, as far as the penalties ask for them, in bounded memory: the last ones in order, and of
/// the older ones how often each occurred.
public struct TokenHistory: Sendable, Equatable {
    /// How many tokens are known in their order at least.
    public static let limit = 16_384

    /// Oldest first; at most twice the limit.
    public private(set) var recent: [Int32] = []
    /// How often each token occurred before `recent`.
    public private(set) var earlier: [Int32: Int] = [:]

    public init() {}

    public init(_ tokens: some Sequence<Int>) {
        for token in tokens { append(token) }
    }

    /// - Throws: `SnapshotError.damaged` for what no sequence of tokens leads to.
    init(recent: [Int32], earlier: [Int32: Int]) throws(SnapshotError) {
        let counts = earlier.values.allSatisfy { 1...(1 << 32) ~= $0 }  // so their sum cannot overflow
        guard recent.count < 2 * Self.limit, earlier.isEmpty || recent.count >= Self.limit, counts else {
            throw .damaged("the history of tokens contradicts itself")
        }
        self.recent = recent
        self.earlier = earlier
    }

    /// The number of all tokens.
    public var count: Int { earlier.values.reduce(recent.count, +) }

    /// - Parameter token: an id below 2³¹.
    public mutating func append(_ token: Int) {
        recent.append(Int32(truncatingIfNeeded: token))
        guard recent.count == 2 * Self.limit else { return }
        for token in recent.prefix(Self.limit) { earlier[token, default: 0] += 1 }
        recent.removeFirst(Self.limit)
    }

    /// Hands out each token among the last `length` (all if negative) with a number of its occurrences; a token may come in
    /// several parts.
    func forEach(last length: Int, _ body: (_ token: Int, _ count: Int) -> Void) {
        for token in recent.suffix(length < 0 ? recent.count : length) { body(Int(token), 1) }
        if length < 0 {
            for (token, count) in earlier { body(Int(token), count) }
        }
    }
}
