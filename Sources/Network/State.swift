/// All the past that one sequence has: the values that stand under `prev`, by name. States that are equal go on equally.
public struct State: Equatable, Sendable, Codable {
    /// One remembered value.
    public struct Slot: Equatable, Sendable, Codable {
        /// The instance and value: `layer.0/lstm.h`.
        public var name: String
        /// Of the values; where several steps are remembered the first axis counts them, the most recent first.
        public var shape: [Int]
        public var values: [Float]

        public init(name: String, shape: [Int], values: [Float]) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    public var slots: [Slot]
    /// Of a window model, which remembers nothing but text: the last tokens, at most as many as the window.
    public var tokens: [Int]

    public init(slots: [Slot] = [], tokens: [Int] = []) {
        self.slots = slots
        self.tokens = tokens
    }

    /// Bytes of the values; four for a number and for a token.
    public var byteCount: Int { 4 * (slots.reduce(0) { $0 + $1.values.count } + tokens.count) }

    public subscript(name: String) -> Slot? { slots.first { $0.name == name } }

    /// Bit for bit, so that a NaN is equal to itself.
    public static func == (a: State, b: State) -> Bool {
        a.tokens == b.tokens && a.slots.count == b.slots.count
            && zip(a.slots, b.slots).allSatisfy { x, y in
                x.name == y.name && x.shape == y.shape && x.values.count == y.values.count
                    && zip(x.values, y.values).allSatisfy { $0.bitPattern == $1.bitPattern }
            }
    }
}
