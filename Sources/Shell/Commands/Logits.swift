import ArgumentParser
import Generation
import Network
import Tokenization

/// `logits`: what the model says about the next token, before anything is drawn.
struct LogitsCommand: Command {
    static let about = CommandDescription(
        "logits", "show the logits after a text or after token ids",
        usage: "(--ids 1,2,3 | --text T) [--all] [--probabilities [sampling options]] --json",
        discussion: """
            Starts from the initial state and leaves the session as it was. Without --json, the likeliest tokens are listed.
            """,
        examples: [
            ("--text 'To b'", "the likeliest next tokens"), ("--ids 1,2,3 --json", "all logits"),
            ("--text 'To b' --probabilities --top-p 0.9 --json", "and what would be drawn from"),
        ], takesModel: true)

    @Option(parsing: .unconditional, help: ArgumentHelp("token ids, with commas between them", valueName: "IDS"))
    var ids: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("a text", valueName: "T"))
    var text: String?

    @Flag(help: "after each token, not only after the last one")
    var all = false

    @Flag(help: "add what would be drawn from after the whole chain of sampling, the ids being the history")
    var probabilities = false

    @Flag(help: "one object: ids, logits, and probabilities where they are asked for")
    var json = false

    @OptionGroup var sampling: SamplingArguments

    var threads: Int? { sampling.threads }
    var check: Bool { sampling.check }

    func validate() throws {
        if (ids == nil) == (text == nil) { throw ValidationError("give either --ids or --text") }
    }

    func run(in shell: Shell) throws {
        let model = try shell.model()
        guard let network = model.network else { throw GenerationError.noNetwork(model: model.header.name) }
        let ids = try tokens(in: shell)
        if ids.isEmpty { throw Failure.usage("there are no tokens to feed, and so no logits") }
        let options = try shell.settings.options(for: model, more: sampling.choices).sampling
        let limit = network.inputVocabulary ?? .max
        if let id = ids.first(where: { !(0..<limit ~= $0) }) { throw GenerationError.tokenOutOfRange(id: id, limit: limit) }
        let report = LogitsReport(
            output: shell.output, ids: ids, all: all, sampler: probabilities ? Sampler(options) : nil, tokenizer: model.tokenizer)
        let each = try eachLogits(of: network, ids)
        try each { index, logits in
            try shell.throwIfInterrupted()
            guard all || index == ids.count - 1 else { return }
            if json { try report.write(logits, index: index) } else { try report.list(logits, index: index) }
        }
        if json { try report.end() }
    }

    private typealias Each = ((_ index: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void) throws -> Void

    /// What hands out the logits after each token, in their order. That it cannot is known before anything is written.
    private func eachLogits(of network: Network, _ ids: [Int]) throws -> Each {
        // A program that looks ahead with `next` cannot generate, but it can say what it sees in a sequence that is known.
        guard case .features = network.kind else {
            let runner = try LanguageRunner(network)
            return { try runner.feed(ids, each: $0) }
        }
        let output = try SequenceRunner(network).run([SequenceRunner.Input(source: ids)])[0][.encode]?.first
        guard let rows = output?.values, rows.count == ids.count else {
            throw Failure(.failed, "the program gives no result for each token")
        }
        return { body in
            for (index, row) in rows.enumerated() { try row.withUnsafeBufferPointer { try body(index, $0) } }
        }
    }

    private func tokens(in shell: Shell) throws -> [Int] {
        if let text {
            let encoding = try shell.tokenizer().encode(text)
            shell.warn(about: encoding.unknown)
            return encoding.ids
        }
        return try (ids ?? "").split { $0 == "," || $0.isWhitespace }.map { word in
            guard let id = Int(word) else { throw Failure.usage("\(quoted(String(word))) in --ids is no token id") }
            return id
        }
    }
}

/// Writes logits as they come: with `--all` there may be more than fit into memory.
private final class LogitsReport {
    private static let listed = 10

    private let output: any Output
    private let ids: [Int]
    private let all: Bool
    private let sampler: Sampler?
    private let tokenizer: (any Tokenizer)?
    /// Those of `--all --probabilities`, which come after all logits.
    private var probabilities: [JSON] = []
    /// Nothing is written before there is something to write: feeding may fail.
    private var hasBegun = false

    init(output: any Output, ids: [Int], all: Bool, sampler: Sampler?, tokenizer: (any Tokenizer)?) {
        self.output = output
        self.ids = ids
        self.all = all
        self.sampler = sampler
        self.tokenizer = tokenizer
    }

    private func begin() throws {
        hasBegun = true
        try output.write(#"{"ids":\#(JSON.ids(ids).text),"logits":\#(all ? "[" : "")"#)
    }

    func write(_ logits: UnsafeBufferPointer<Float>, index: Int) throws {
        if hasBegun { try output.write(",") } else { try begin() }
        try output.write(JSON.numbers(logits.lazy.map(Double.init)).text)
        if let sampler { probabilities.append(.numbers(sampler.probabilities(logits, history: Array(ids[...index])))) }
    }

    func end() throws {
        if all { try output.write("]") }
        if sampler != nil {
            try output.write(#","probabilities":\#(all ? JSON.array(probabilities).text : probabilities[0].text)"#)
        }
        try output.writeLine("}")
    }

    /// The likeliest tokens, for people.
    func list(_ logits: UnsafeBufferPointer<Float>, index: Int) throws {
        if all { try output.writeLine("after token \(index), \(name(ids[index])):") }
        let shares = sampler?.probabilities(logits, history: Array(ids[...index])) ?? softmax(logits)
        let order = logits.indices.filter { !logits[$0].isNaN }.sorted { logits[$0] > logits[$1] }
        let rows = order.prefix(Self.listed).map { id in
            [String(id), name(id), formatted(Double(logits[id]), digits: 6), formatted(100 * shares[id], decimals: 2) + " %"]
        }
        for line in table([["id", "token", "logit", "probability"]] + rows) { try output.writeLine(line) }
    }

    private func name(_ id: Int) -> String {
        tokenizer.map { quoted(String(decoding: $0.bytes(of: id), as: UTF8.self), limit: 24) } ?? String(id)
    }

    private func softmax(_ logits: UnsafeBufferPointer<Float>) -> [Double] {
        let largest = Double(logits.max() ?? 0)
        let powers = logits.map { exponential(Double($0) - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }
}
