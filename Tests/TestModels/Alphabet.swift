import Archive
import Kernels
import Tokenization

/// A model that says the alphabet: after each letter the next one is the likeliest by far, after `z` a space, after space and line
/// end `a`. All of its numbers follow from the formulas below by hand.
///
///     h[t] = x[t] + h[t-1] / 2            x: the token, one-hot
///     logits[t] = 8 · next(x[t] + h[t-1] / 10)
public enum Alphabet {
    public static let characters: [Character] = Array("abcdefghijklmnopqrstuvwxyz \n")

    /// The logit of the next letter after a text of one letter; all others are 0.
    public static let peak = 8.0

    public static func id(_ character: Character) -> Int { characters.firstIndex(of: character) ?? -1 }

    /// The id that follows.
    public static func next(_ id: Int) -> Int { id < 26 ? id + 1 : 0 }

    public static let program = """
        # The alphabet.  embedding [V, V]; follow.weight [V, V]
        step(token) {
          x = embedding[token]
          h = x + 0.5 * prev(h)
          return follow.weight @ (x + 0.1 * prev(h))
        }

        """

    /// Writes the archive.
    /// - Parameter change: to the header, before it is written.
    public static func write(to path: String, change: (inout ArchiveHeader) -> Void = { _ in }) throws {
        let count = characters.count
        var identity = [Float](repeating: 0, count: count * count)
        var next = identity
        for id in 0..<count {
            identity[id * count + id] = 1
            next[Self.next(id) * count + id] = Float(peak)
        }
        let vocabulary = Dictionary(uniqueKeysWithValues: characters.enumerated().map { ($0.offset, String($0.element)) })
        let tokenizer = try CharacterTokenizer(vocabulary: vocabulary)
        var header = ArchiveHeader(name: "alphabet")
        header.architecture = "trace"
        header.description = "Says the alphabet."
        header.license = "CC0-1.0"
        header.program = program
        header.tokenizers["text"] = try JSONValue(parsing: tokenizer.json())
        header.special.start = id("\n")
        change(&header)
        let tensors = [
            "embedding": Tensor(shape: [count, count], values: identity),
            "follow.weight": Tensor(shape: [count, count], values: next),
        ]
        try ArchiveWriter().write(header, tensors: tensors, to: path)
    }
}
