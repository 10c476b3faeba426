/// Why a session or a score cannot do what was asked.
public enum GenerationError: Error, Sendable, Equatable, CustomStringConvertible {
    case noNetwork(model: String)
    case noTokenizer(model: String)
    case noStart(model: String)
    case tokenOutOfRange(id: Int, limit: Int)
    case nothingToDraw(afterTokens: Int)
    case emptyStop
    case limitOutOfRange(Int)
    case badDefault(name: String, problem: String)
    case cannotBeTimed(reason: String)
    case interrupted

    public var description: String {
        switch self {
        case .noNetwork(let model): "\(model) holds a tokenizer but no network; it cannot generate or score"
        case .noTokenizer(let model): "\(model) has no tokenizer for text; give token ids"
        case .noStart(let model): "\(model) has no start token and no start text; give a prompt"
        case .tokenOutOfRange(let id, let limit): "the token id \(id) is out of range; ids go from 0 to \(limit - 1)"
        case .nothingToDraw(let tokens):
            "after \(tokens) tokens no logit is a number: the weights hold NaN, or the network overflows"
        case .emptyStop: "a stop string is empty; it should have at least one character"
        case .limitOutOfRange(let limit): "the number of tokens to generate is \(limit); it should be 0 or more, or -1 for no end"
        case .badDefault(let name, let problem): "the archive's default for '\(name)' is wrong: \(problem)"
        case .cannotBeTimed(let reason): reason
        case .interrupted: "interrupted"
        }
    }
}
