import Archive
import Kernels
import Network
import Synchronization

/// What was checked of an archive, and what came of it.
public struct Verification: Sendable {
    public typealias Check = (name: String, ok: Bool, detail: String)

    public var path: String
    public var checks: [Check] = []

    public var passed: Bool { checks.allSatisfy(\.ok) }

    /// nil where all is well. An archive that contradicts itself is bad data, whichever of its parts is wrong.
    public var kind: FailureKind? { passed ? nil : .badData }

    init(path: String) { self.path = path }

    mutating func add(_ name: String, ok: Bool = true, _ detail: String) { checks.append((name, ok, detail)) }
}

/// Checks everything that an archive says of itself: where its parts are, every digest, that tokenizer and program can be used
/// and fit each other, and the self-tests that it carries.
///
/// Throws where the file is no archive or its structure is broken: there is nothing more to check then. What is found later
/// stands among the checks, so that all of it is reported at once.
public func verify(
    path: String, threads: Int? = nil, availableMemory: Int? = AvailableMemory.bytes()
) throws(ZooError) -> Verification {
    var verification = Verification(path: path)
    let reader: ArchiveReader
    do throws(ArchiveError) { reader = try ArchiveReader(path: path) } catch { throw .archive(path: path, error) }
    let header = reader.header
    try header.checkMemory(path: path, available: availableMemory)
    let chunks = header.tensors.reduce(0) { $0 + $1.chunks.count }
    verification.add(
        "structure",
        "version \(reader.version), \(reader.byteCount) bytes, \(header.tensors.count) tensors in \(chunks) chunks, "
            + "no gaps, no overlaps")

    let (tensors, problems) = readAndCheckDigests(reader, team: Model.readingTeam(threads))
    guard problems.isEmpty else {
        verification.add("digests", ok: false, problems.joined(separator: "; "))
        return verification
    }
    verification.add("digests", "the SHA-256 of \(tensors.count) tensors")

    do throws(ZooError) {
        let header = header.withoutTraining
        let names = Set(header.tensors.map(\.name))
        let model = try Model(header: header, tensors: tensors.filter { names.contains($0.key) }, path: path, threads: threads)
        verification.addParts(of: model)
        verification.addSelfTests(of: model)
    } catch {
        verification.add(error.checkName, ok: false, error.withoutPath)
    }
    return verification
}

/// All tensors, or a sentence for each that is damaged.
private func readAndCheckDigests(_ reader: ArchiveReader, team: ThreadTeam) -> (tensors: [String: Tensor], problems: [String]) {
    var tensors: [Tensor?] = []
    let problems = Mutex<[Int: String]>([:])
    let entries = reader.header.tensors
    for (i, entry) in entries.enumerated() {
        do throws(ArchiveError) {
            tensors.append(try reader.tensor(entry.name, team: team))
        } catch {
            tensors.append(nil)
            problems.withLock { $0[i] = "\(error)" }
        }
    }
    let read = tensors
    team.forEach(entries.count) { i in
        guard let tensor = read[i] else { return }
        do throws(ArchiveError) {
            try reader.checkDigest(of: tensor, name: entries[i].name)
        } catch {
            problems.withLock { $0[i] = "\(error)" }
        }
    }
    var byName: [String: Tensor] = [:]
    for (entry, tensor) in zip(entries, read) { byName[entry.name] = tensor }
    return (byName, problems.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value))
}

extension Verification {
    fileprivate mutating func addParts(of model: Model) {
        for (role, tokenizer) in model.tokenizers.sorted(by: { $0.key < $1.key }) {
            add(role == "text" ? "tokenizer" : "tokenizer \(role)", "ids below \(tokenizer.idLimit)")
        }
        guard let network = model.network else { return }
        var detail = "\(network.parameterCount) parameters, a state of \(network.stateByteCount) bytes"
        for warning in model.warnings { detail += "; \(warning)" }
        add("program", detail)
    }

    fileprivate mutating func addSelfTests(of model: Model) {
        let tests = model.header.selfTests
        if tests.isEmpty, model.network != nil { add("self-tests", "the archive carries none") }
        for (i, test) in tests.enumerated() {
            let name = "self-test \(i + 1) of \(tests.count)"
            do {
                let result = try model.run(test)
                add(name, ok: result.passed, "\(result.sentence), expected by \(test.origin)")
            } catch {
                add(name, ok: false, "cannot be run: \(error)")
            }
        }
    }
}

extension SelfTestResult {
    fileprivate var sentence: String {
        var parts: [String] = []
        if let largestError {
            parts.append(
                "\(logitCount) logits with a largest absolute error of \(shortened(largestError)) (\(shortened(tolerance)) allowed)"
            )
        }
        if let firstWrongID {
            parts.append("greedy id \(firstWrongID + 1) of \(greedyCount) is another")
        } else if greedyCount > 0 {
            parts.append("\(greedyCount) greedy ids equal")
        }
        return parts.isEmpty ? "the ids can be fed" : parts.joined(separator: ", ")
    }
}

/// With two significant digits: `1.2e-07`.
private func shortened(_ value: Double) -> String {
    guard value.isFinite, value > 0 else { return value == 0 ? "0" : "infinity" }
    var exponent = 0
    var mantissa = value
    while mantissa >= 9.95 {
        mantissa /= 10
        exponent += 1
    }
    while mantissa < 0.995 {
        mantissa *= 10
        exponent -= 1
    }
    let tenths = Int((mantissa * 10).rounded())
    let digits = tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    if exponent == 0 { return digits }
    let size = abs(exponent)
    return "\(digits)e\(exponent < 0 ? "-" : "+")\(size < 10 ? "0" : "")\(size)"
}

extension ZooError {
    /// The check that the error belongs to.
    fileprivate var checkName: String {
        switch self {
        case .tokenizer, .vocabularySize, .specialToken: "tokenizer"
        case .program, .network: "program"
        case .archive, .unknownModel, .noSuchFile, .notEnoughMemory: "structure"
        }
    }

    /// The sentence without the path, which a verification states once.
    fileprivate var withoutPath: String {
        switch self {
        case .tokenizer(let path, _, _), .vocabularySize(let path, _, _, _), .specialToken(let path, _, _, _),
            .program(let path, _), .network(let path, _), .archive(let path, _), .notEnoughMemory(let path, _, _):
            String("\(self)".dropFirst(path.count + 2))
        case .unknownModel, .noSuchFile: "\(self)"
        }
    }
}
