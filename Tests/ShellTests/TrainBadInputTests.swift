import Archive
import Foundation
import Testing
import Training

@testable import Shell

/// What keeps a training from beginning: one sentence each, and an exit code that tells kinds apart.
struct TrainBadInputTests {
    private static func run(_ bench: Bench, _ words: [String]) -> (code: Int32, message: String) {
        let before = bench.output.notes.count
        let code = Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", words)
        let notes = bench.output.notes.dropFirst(before)
        return (code.rawValue, notes.count == 1 ? notes.last ?? "" : "\(notes.count) messages: \(notes)")
    }

    private static func bytes(_ bytes: [UInt8], _ name: String, _ bench: Bench) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: bench.path(name)))
    }

    @Test(arguments: [
        ("", 65, "text.txt is empty; there is nothing to learn from"),
        ("To be, or not", 65, "tokens are left to train on, and 4 sequences of 16 need 65"),
        ("T", 65, "text.txt: the share for validation leaves nothing to learn from; take more text, a smaller share, or none"),
        ("Zürich", 65, "1 tokens are left for validation, and at least 2 are needed; take more text"),
    ]) func textsThatAreTooShort(text: String, code: Int32, message: String) throws {
        let bench = try Bench()
        let path = try bench.file("text.txt", text)
        let found = Self.run(bench, ["--corpus", path, "--batch", "4", "--window", "16", "--steps", "1"])
        #expect(found.code == code)
        #expect(found.message.contains(message), "\(found.message)")
    }

    @Test func bytesThatAreNoText() throws {
        let bench = try TrainTests.bench()
        try Self.bytes(Array("naïve ".utf8) + [0xC3, 0x28], "bad.txt", bench)
        for words in [
            ["--corpus", bench.path("bad.txt")], ["--corpus", bench.path("text.txt"), "--validation", bench.path("bad.txt")],
        ] {
            let found = Self.run(bench, words + ["--steps", "1"])
            #expect(found.code == 65)
            #expect(found.message.contains("bad.txt is not UTF-8: the byte at offset 7 begins no character"), "\(found.message)")
        }
    }

    @Test func aVocabularyThatDoesNotCoverTheTextForValidation() throws {
        let bench = try TrainTests.bench()
        let other = try bench.file("other.txt", "to be, ör not: that ü ö\n")
        let apart = Self.run(bench, ["--corpus", bench.path("text.txt"), "--validation", other, "--steps", "1"])
        #expect(apart.code == 65)
        #expect(
            apart.message.contains("other.txt: the vocabulary lacks “ö” (U+00F6 at byte 7, 2 times), “ü” (U+00FC at byte 21)"))
        // In the last part of the corpus itself, the place is the corpus'.
        let whole = try bench.file("whole.txt", TrainTests.text + "é")
        let vocabulary = try bench.file("vocab.json", #"["\n"," ",",",".",":","a","b","e","h","i","n","o","q","r","s","t","u"]"#)
        let inside = Self.run(bench, ["--corpus", whole, "--tokenizer", vocabulary, "--steps", "1"])
        #expect(inside.code == 65)
        #expect(inside.message.contains("“é” (U+00E9 at byte \(TrainTests.text.utf8.count))"), "\(inside.message)")
    }

    @Test func checkpointsThatAreNone() throws {
        let bench = try TrainTests.bench()
        let out = bench.path("m.rnnz")
        let words = ["--corpus", bench.path("text.txt"), "--out", out, "--hidden", "8", "--batch", "2", "--window", "8"]
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", words + ["--steps", "2"]) == .done)
        func resumed(_ more: String...) -> (code: Int32, message: String) {
            Self.run(bench, words + ["--resume", "--steps", "4"] + more)
        }
        let missing = resumed("--out", bench.path("other.rnnz"))
        #expect(missing.code == 66 && missing.message.contains("there is no checkpoint to go on from"))
        let program = resumed("--cell", "gru")
        #expect(program.code == 65 && program.message.contains("is of another program than the one that is to be trained"))
        let size = resumed("--hidden", "9")
        #expect(size.code == 65 && size.message.contains("is of another size: “"), "\(size.message)")
        let optimizer = resumed("--optimizer", "sgd")
        #expect(optimizer.code == 65 && optimizer.message.contains("was trained with “optimizer” adam"))
        let text = resumed("--validation-share", "0.2")
        #expect(text.code == 65 && text.message.contains("was trained on another corpus"))
        let model = resumed("--checkpoint", out)
        #expect(model.code == 65 && model.message.contains("is a model, not a checkpoint"))

        let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.path("m.checkpoint.rnnz"))))
        try Self.bytes(Array(good[..<(good.count / 2)]), "m.checkpoint.rnnz", bench)
        #expect(resumed().code == 65)
        var changed = good
        changed[good.count - 40] ^= 0xFF
        try Self.bytes(changed, "m.checkpoint.rnnz", bench)
        let damaged = resumed()
        #expect(damaged.code == 65 && damaged.message.contains("damaged"), "\(damaged.message)")
        try Self.bytes(good, "m.checkpoint.rnnz", bench)
        #expect(
            Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", words + ["--resume", "--steps", "3"])
                == .done)
    }

    /// What a training reads is never written over, by whatever name it is called, and neither is one of its files by another.
    @Test func filesThatWouldBeLost() throws {
        let bench = try TrainTests.bench()
        let text = bench.path("text.txt")
        try bench.file("play.json", TrainTests.text)
        try bench.file("recipe", "corpus = text.txt\nsteps = 1\nbatch = 2\nwindow = 8\nhidden = 4\nsample = 0\n")
        let words = ["--corpus", text, "--steps", "1", "--batch", "2", "--window", "8", "--hidden", "4", "--sample", "0"]
        let (out, other) = (["--out", bench.path("m.rnnz")], bench.folder + "/./text.txt")
        for (words, name) in [
            (words + ["--out", text], "corpus"), (words + ["--out", other], "corpus"),
            (words + out + ["--checkpoint", text], "corpus"), (words + out + ["--report", text], "corpus"),
            (words + out + ["--validation", bench.path("play.json"), "--report", bench.path("play.html")], "validation"),
            (words + out + ["--checkpoint", bench.folder + "/./m.rnnz"], "out"), (words + out + ["--report", out[1]], "out"),
            ([bench.path("recipe"), "--out", bench.path("recipe")], "RECIPE"), ([bench.folder, "--out", text], "corpus"),
        ] {
            let found = Self.run(bench, words)
            #expect(found.code == 2 && found.message.contains("“\(name)”, which would be"), "\(found.message)")
        }
        #expect(try String(contentsOfFile: text, encoding: .utf8) == TrainTests.text)
        #expect(try String(contentsOfFile: bench.path("play.json"), encoding: .utf8) == TrainTests.text)
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", words + out) == .done)
        let again = ["--init", out[1], "--data", text] + words.dropFirst(2) + out
        #expect(Shell(host: bench.shell.host, isSubcommand: true).runSubcommand("train", again) == .done)
        #expect(Self.run(bench, again + ["--report", out[1]]).code == 2)
    }

    @Test(arguments: [
        ["--hidden", "40000"], ["--hidden", "1048576", "--layers", "1024"], ["--embedding", "1048576", "--hidden", "4096"],
    ])
    func sizesThatDoNotFit(words: [String]) throws {
        let bench = try TrainTests.bench()
        let found = Self.run(
            bench, ["--corpus", bench.path("text.txt"), "--batch", "2", "--window", "8", "--steps", "1"] + words)
        #expect(found.code == 1)
        #expect(
            found.message.contains("the training needs about ") && found.message.contains(" of memory, and ")
                && found.message.contains(" are available"))
    }

    @Test func aProgramThatIsWrongIsNamed() throws {
        let bench = try TrainTests.bench()
        let program = try bench.file("p.rnn", "step(token) { return nothing }")
        let words = ["--corpus", bench.path("text.txt"), "--steps", "1", "--batch", "2", "--program", program]
        let found = Self.run(bench, words + ["--tensors", "e [1]"])
        #expect(found.code == 65 && found.message.hasPrefix("error: \(program): line 1, column "), "\(found.message)")
    }

    /// Words, and the exit code. TEXT is a corpus.
    static let wrong: [(String, Int32)] = [
        ("--steps 1", 2), ("--corpus TEXT", 2), ("--corpus TEXT --steps 0", 2), ("--corpus TEXT --steps 1 --lr -1", 2),
        ("--corpus TEXT --steps 1 --cell LSTM", 2), ("--corpus TEXT --steps 1 --hiden 3", 2),
        ("--corpus TEXT --data TEXT --steps 1", 2), ("--corpus TEXT --steps 1 --dropout 1", 2),
        ("--corpus TEXT --steps 1 --freeze nothing", 2), ("--corpus TEXT --steps 1 --clip 0", 2),
        ("--corpus TEXT --steps 1 --start-text ß", 2), ("one two --steps 1", 2), ("--resume", 2),
        ("--corpus TEXT --steps 1 --init shakespear", 2), ("--corpus TEXT --steps 1 --init ./nothing.rnnz", 66),
        ("./nothing", 66), ("--corpus ./nothing --steps 1", 66), ("--corpus TEXT --steps 1 --program ./nothing", 2),
        ("--corpus TEXT --steps 1 --tokenizer ./nothing", 66), ("--corpus TEXT --steps 1 --out /nowhere/m.rnnz", 1),
        ("--corpus TEXT --steps 1 --layers 1025", 2), ("--corpus TEXT --steps 1 --threads 1025", 2),
        ("--corpus TEXT --time 1e305h", 2), ("--corpus TEXT\0 --steps 1", 2), ("--corpus TEXT --steps", 2),
    ]

    @Test(arguments: wrong) func wrongWords(words: String, code: Int32) throws {
        let bench = try TrainTests.bench()
        let corpus = bench.path("text.txt")
        let filled = ["--batch", "2", "--window", "8"] + words.split(separator: " ").map { $0 == "TEXT" ? corpus : String($0) }
        let found = Self.run(bench, filled)
        #expect(found.code == code, "\(found.message)")
        #expect(found.message.hasPrefix("error: ") && bench.output.results.isEmpty, "\(found.message)")
    }
}
