import Foundation
import Testing

/// `train` as a process: signals, and disks that are full.
struct TrainTests {
    /// Longer than anyone waits; small enough to begin at once.
    private static let endless =
        "train --corpus text --cell rnn --hidden 16 --batch 2 --window 8 --steps 100000000 --seed 1 --sample 0"

    private static func executable() throws -> Executable {
        let executable = try Executable()
        try String(repeating: "she sells sea shells by the sea shore\n", count: 50)
            .write(toFile: executable.home + "/text", atomically: true, encoding: .utf8)
        return executable
    }

    @Test(arguments: ["INT", "TERM", "HUP"]) func signalsLeaveACheckpoint(_ signal: String) throws {
        let executable = try Self.executable()
        let begun = "until grep -q '^step' log; do sleep 0.1; done"
        let result = try executable.shell(
            "$RNNZ \(Self.endless) --progress-every 100 --out m.rnnz 2>log & \(begun); kill -\(signal) $!; wait $!; echo $?")
        #expect(result.output == "130\n")
        let log = try String(contentsOfFile: executable.home + "/log", encoding: .utf8)
        #expect(log.split(separator: "\n").last?.hasSuffix("; --resume goes on from m.checkpoint.rnnz") == true)
        #expect(!log.contains("\u{1b}"))
        // The step that it was at is where it goes on, to the end that it is given now.
        let words = log.split(separator: "\n").last?.split(separator: " ") ?? []
        let step = Int(words.dropFirst(3).first?.filter(\.isNumber) ?? "") ?? 0
        #expect(step > 0)
        let resumed = try executable.shell("$RNNZ train --out m.rnnz --resume --steps \(step + 1) && $RNNZ verify ./m.rnnz")
        #expect(resumed.code == 0)
        #expect(resumed.output.hasPrefix("m.rnnz: ") && resumed.output.contains("self-test"))
    }

    /// `timeout` signals the process and then its group, so that it comes twice.
    @Test(arguments: ["INT", "TERM"]) func aSignalThatComesTwiceIsOne(_ signal: String) throws {
        let result = try Self.executable().shell(
            "timeout -s \(signal) 2 $RNNZ \(Self.endless) --out m.rnnz 2>log; echo $?; tail -1 log | cut -c1-11; ls m.checkpoint.rnnz"
        )
        #expect(result.output == "124\ninterrupted\nm.checkpoint.rnnz\n")
    }

    /// A session goes on after Ctrl-C, and ends when the process is asked to.
    @Test func aSessionKeepsItsCheckpointToo() throws {
        let result = try Self.executable().shell(
            """
            (echo '/\(Self.endless) --out m.rnnz'; echo '/inspect') | $RNNZ 2>log & until grep -q '^step' log; do sleep 0.1; done
            kill -TERM $!; wait $!; echo $?; ls m.checkpoint.rnnz
            """)
        #expect(result.output == "130\nm.checkpoint.rnnz\n")
    }

    /// The limit of a shell stands for a full disk.
    @Test func aFullDiskKeepsTheOlderFile() throws {
        let executable = try Self.executable()
        let short = Self.endless.replacingOccurrences(of: "100000000", with: "$STEPS")
        let result = try executable.shell(
            """
            STEPS=5; $RNNZ \(short) --out m.rnnz >/dev/null 2>&1; cp m.rnnz m.old; cp m.checkpoint.rnnz c.old
            STEPS=9; (ulimit -f 1; $RNNZ \(short) --out m.rnnz --resume 2>log); echo $?
            cmp m.rnnz m.old; cmp m.checkpoint.rnnz c.old; tail -1 log | cut -c1-7; ls -A | grep -c '[.]tmp$'
            """)
        #expect(result.output == "1\nerror: \n0\n")
    }
}
