import Shell

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
import Darwin
#endif

/// One run of the program: joins the shell to the process that it runs in.
@MainActor
struct Program {
    let words: [String]

    private let output = StandardOutput(environment: ProcessInfo.processInfo.environment)
    private let input = StandardInput()

    init(words: [String]) { self.words = words }

    /// - Returns: the exit code.
    func run() -> Int32 {
        Self.occupyStandardDescriptors()
        // Who stops reading our output ends a write with EPIPE, not the process; a file that may not grow ends it with EFBIG.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        Signals.install()
        var code = ExitCode.done
        let shell = Shell(host: host(input: nil))
        let failure = shell.finishing {
            switch try Invocation(words, registry: shell.registry, zoo: shell.zoo) {
            case .help: try shell.showHelp(at: .subcommand)
            case .version: try output.writeLine(Version.name)
            case .command(let name, let words):
                try shell.checkInstructionSet()
                Signals.endsAtSecondInterrupt = true
                code = Shell(host: host(input: input), isSubcommand: true).runSubcommand(name, words)
            case .session(let arguments): code = try session(shell, arguments)
            }
        }
        return (failure == .done ? code : failure).rawValue
    }

    private func session(_ shell: Shell, _ arguments: SessionArguments) throws -> ExitCode {
        try shell.checkInstructionSet()
        try shell.begin(arguments)
        // Readline needs a terminal to read from and one to show the line on.
        if isatty(STDIN_FILENO) != 0 && (isatty(STDOUT_FILENO) != 0 || isatty(STDERR_FILENO) != 0) { return Prompt(shell).run() }
        return try pipe(shell)
    }

    /// A pipe or file on standard input is a session that goes on after errors and ends with the first one's exit code.
    private func pipe(_ shell: Shell) throws -> ExitCode {
        let conversation = Conversation(shell)
        while !conversation.isFinished {
            do {
                guard let line = try input.readLine() else { break }
                if conversation.take(line) == .interrupted { return .interrupted }
            } catch let failure as Failure where failure.code == .badData {
                conversation.refuse(failure)
            }
        }
        if !conversation.isFinished { conversation.end() }
        return conversation.firstFailure
    }

    private func host(input: StandardInput?) -> Host {
        let clock = ContinuousClock()
        let start = clock.now
        return Host(
            output: output, input: input, environment: ProcessInfo.processInfo.environment, executable: Self.executable,
            interrupts: Signals.interrupts, seconds: { start.duration(to: clock.now) / .seconds(1) },
            date: { Double(time(nil)) },
            // Not more than 32 bits, so that it is easily typed again and survives every reader of JSON.
            randomSeed: { UInt64(UInt32.random(in: .min ... .max)) })
    }

    /// Where standard input, output or messages are closed, the next file that is opened would take their place, and results would
    /// be written into it. What is put there refuses to be used, as a closed descriptor does.
    private static func occupyStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    private static var executable: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        if length > 0 { return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        return CommandLine.arguments.first ?? ""
    }
}
