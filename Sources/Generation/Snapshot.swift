import Network
import Zoo

/// A session at one moment: everything that decides what comes next. Restored, it goes on with the same bits.
public struct Snapshot: Equatable, Sendable {
    /// The model's name, for messages.
    public let model: String
    /// Of the model's program and weights: a snapshot of another model is refused.
    public let fingerprint: String
    public let seed: UInt64
    public let generator: RandomGenerator
    /// What the network remembers.
    public let state: State
    /// After the last token; empty where none has been fed. [vocabulary]
    public let logits: [Float]
    public let history: TokenHistory
    /// Ids fed since the last generation.
    public let prompt: [Int]
    /// The first bytes of a character whose others have not been generated yet; at most three.
    public let pendingBytes: [UInt8]
    /// Generated text that may be the beginning of a stop string; empty unless taken while text was being generated.
    public let heldText: String
}

/// Why a snapshot cannot be read, written or used.
public enum SnapshotError: Error, Sendable, Equatable, CustomStringConvertible {
    case notASnapshot
    case unsupportedVersion(found: Int, supported: Int)
    case damaged(String)
    case anotherModel(saved: String, loaded: String)
    case doesNotFit(String)
    case cannotRead(path: String, reason: String)
    case cannotWrite(path: String, reason: String)

    public var description: String {
        switch self {
        case .notASnapshot: "this is no saved session"
        case .unsupportedVersion(let found, let supported):
            "the saved session has format version \(found); this program reads version \(supported)"
        case .damaged(let problem): "the saved session is damaged: \(problem)"
        case .anotherModel(let saved, let loaded):
            saved == loaded
                ? "the session was saved with other weights or another program of '\(saved)'; load the model it was saved with"
                : "the session was saved with the model '\(saved)', and '\(loaded)' is loaded; load '\(saved)' first"
        case .doesNotFit(let problem): "the saved session does not fit the model: \(problem)"
        case .cannotRead(let path, let reason): "cannot read the saved session '\(path)': \(reason)"
        case .cannotWrite(let path, let reason): "cannot write the saved session '\(path)': \(reason)"
        }
    }
}

/// 64-bit FNV-1a (Fowler, Noll and Vo). Finds mistakes, not forgeries.
struct Checksum {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// A text with its length, so that two texts in a row cannot be taken for others.
    mutating func add(_ text: String) {
        add("\(text.utf8.count):".utf8)
        add(text.utf8)
    }
}

/// What decides the numbers of a model: its program, hyper-parameters and weights (their SHA-256 as the header has it), and the
/// shape of its state. Name, licence, tokenizer and defaults may change.
func modelFingerprint(_ model: Model, _ network: Network) -> String {
    var checksum = Checksum()
    let header = model.header
    checksum.add(header.program ?? "")
    for (name, value) in header.hyperparameters.sorted(by: { $0.key < $1.key }) { checksum.add("\(name)=\(value)") }
    checksum.add("window \(header.window ?? 0), padding \(header.special.padding ?? -1)")
    for tensor in header.tensors.sorted(by: { $0.name < $1.name }) {
        checksum.add("\(tensor.name) \(tensor.dtype.rawValue) \(tensor.shape) \(tensor.sha256)")
    }
    for slot in network.initialState.slots { checksum.add("\(slot.name) \(slot.shape)") }
    checksum.add("\(network.parameterCount) \(network.vocabulary ?? 0)")
    let digits = String(checksum.value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
