import Foundation
import TestModels

@testable import Shell

/// A shell in memory, with a folder of its own and the alphabet as the zoo's default model.
final class Bench {
    let folder: String
    let output = RecordingOutput()
    let interrupts = TestInterrupts()
    var shell: Shell

    /// - Parameters:
    ///   - input: what is on standard input; nil where it is the session.
    ///   - isSubcommand: whether the shell stands for one command.
    init(input: String? = nil, isSubcommand: Bool = false) throws {
        folder = NSTemporaryDirectory() + "rnnz-shell-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Alphabet.write(to: folder + "/shakespeare.rnnz")
        let host = Host(
            output: output, input: input.map { TestInput($0) }, environment: ["RNNZ_ZOO": folder], executable: "/nowhere/rnnz",
            interrupts: interrupts, seconds: { 0 }, randomSeed: { 4242 })
        shell = Shell(host: host, isSubcommand: isSubcommand)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ name: String) -> String { folder + "/" + name }

    @discardableResult
    func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
        return path(name)
    }

    /// Types lines into a session.
    /// - Returns: what a person sees.
    func type(_ lines: String...) -> String {
        let conversation = Conversation(shell)
        for line in lines { conversation.take(line) }
        return output.takeText()
    }

    /// The failure of a prompt command.
    func failure(of line: String) -> Failure? {
        do {
            try shell.perform(.command(line))
            return nil
        } catch {
            return Failure(error)
        }
    }

    /// Runs `rnnz` with these words.
    func subcommand(_ words: String...) -> (code: Int32, results: String) {
        let code = Shell(host: shell.host, isSubcommand: true).runSubcommand(words[0], Array(words.dropFirst()))
        defer { results = output.results.count }
        return (code.rawValue, String(output.results.dropFirst(results)))
    }

    private var results = 0
}

final class TestInput: Input {
    private var rest: Substring

    init(_ text: String) { rest = text[...] }

    func readLine() throws -> String? {
        guard !rest.isEmpty else { return nil }
        let line = rest.prefix { $0 != "\n" }
        rest = rest.dropFirst(line.count + 1)
        return String(line)
    }

    func readAll() throws -> [UInt8] {
        defer { rest = "" }
        return Array(rest.utf8)
    }
}

/// Pending after having been asked a number of times.
final class TestInterrupts: Interrupts {
    var remaining: Int?

    var isPending: Bool {
        guard let count = remaining else { return false }
        remaining = max(0, count - 1)
        return count == 0
    }

    func clear() { remaining = nil }
}

/// What other programs make of JSON.
func parsed(_ json: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
}
