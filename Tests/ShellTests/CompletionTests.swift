import Foundation
import Testing

@testable import Shell

struct CompletionTests {
    @Test(arguments: [
        ("/ge", ["/generate"]), ("/re", ["/reset", "/restore"]), ("/zoo ", ["list", "path", "verify"]), ("/zoo v", ["verify"]),
        ("/help gen", ["generate"]), ("/set temp", ["temperature"]), ("/set preset ch", ["char-rnn", "chatrwkv"]),
        ("/set errors ", ["stop", "continue"]), ("/generate --pro", ["--prompt", "--prompt-file"]),
        ("/generate --preset gr", ["greedy"]), ("/show h", ["history"]), ("/generate --prompt 'x' --js", ["--json"]),
        ("/load sha", ["shakespeare"]), ("/verify sha", ["shakespeare"]), ("text /ge", []), ("//ge", []), ("/nothing x", []),
    ])
    func offersWhatFits(line: String, words: [String]) throws {
        let bench = try Bench()
        #expect(bench.shell.completion(of: line).words.sorted() == words.sorted())
    }

    @Test func pathsGoOnInFolders() throws {
        let bench = try Bench()
        try bench.file("my play.txt", "x")
        try FileManager.default.createDirectory(atPath: bench.path("myfolder"), withIntermediateDirectories: true)
        let words = bench.shell.completion(of: "/score \(bench.folder)/my").words
        #expect(words == [bench.path("my play.txt"), bench.path("myfolder/")])
        #expect(bench.shell.completion(of: "/score '\(bench.folder)/my p").words == [bench.path("my play.txt")])
    }

    @Test func anOptionIsOfferedOnce() throws {
        let bench = try Bench()
        #expect(bench.shell.completion(of: "/generate --json --js").words == [])
        #expect(bench.shell.completion(of: "/generate --stop a --sto").words == ["--stop"])
    }
}
