import Foundation
import TestModels

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The built program with a folder of its own: home, zoo and state folder, so that nothing of the machine's user is touched.
final class Executable {
    let home: String
    let path: String

    init() throws {
        home = NSTemporaryDirectory() + "rnnz-prompt-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home + "/zoo", withIntermediateDirectories: true)
        try Alphabet.write(to: home + "/zoo/shakespeare.rnnz") { $0.generation = ["temperature": .number(0), "n": .number(6)] }
        path = Self.beside("rnnz")
    }

    deinit { try? FileManager.default.removeItem(atPath: home) }

    /// The program is built beside the bundle of the tests.
    private static func beside(_ name: String) -> String {
        var candidates = [Bundle.main.executablePath, CommandLine.arguments.first].compactMap { $0 }
        if let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
            candidates.insert(own, at: 0)
        }
        for candidate in candidates {
            var folder = URL(fileURLWithPath: candidate).deletingLastPathComponent()
            // On macOS the bundle is a folder with folders inside.
            for _ in 0..<4 {
                let program = folder.appendingPathComponent(name).path
                if FileManager.default.isExecutableFile(atPath: program) { return program }
                folder.deleteLastPathComponent()
            }
        }
        return name
    }

    var environment: [String: String] {
        [
            "HOME": home, "RNNZ_ZOO": home + "/zoo", "XDG_STATE_HOME": home + "/state", "XDG_DATA_HOME": home + "/data",
            "TERM": "xterm", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
        ]
    }

    struct Result {
        var code: Int32
        var output: String
        var messages: String
    }

    /// Runs the program with pipes.
    func run(_ words: String..., input: String = "") throws -> Result { try run(words, input: input) }

    func run(_ words: [String], input: String = "") throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = words
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: home)
        let output = home + "/stdout-\(UUID().uuidString)"
        let messages = home + "/stderr-\(UUID().uuidString)"
        let given = home + "/stdin-\(UUID().uuidString)"
        try input.write(toFile: given, atomically: false, encoding: .utf8)
        for file in [output, messages] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        process.standardInput = FileHandle(forReadingAtPath: given)
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: messages)
        try process.run()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
            messages: try String(contentsOfFile: messages, encoding: .utf8))
    }

    /// Runs a line of `sh`, in which `$RNNZ` is the program.
    func shell(_ line: String) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", line]
        process.environment = environment.merging(["RNNZ": path]) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: home)
        let output = Pipe()
        let messages = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = messages
        try process.run()
        let results = output.fileHandleForReading.readDataToEndOfFile()
        let notes = messages.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: String(decoding: results, as: UTF8.self),
            messages: String(decoding: notes, as: UTF8.self))
    }
}
