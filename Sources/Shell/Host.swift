/// The world around a shell, passed in by whoever makes one: the executable's is a terminal or pipes, a test's is memory.
public struct Host {
    public var output: any Output
    /// Standard input, for commands that read it. Nil where it is the session itself, and cannot be both.
    public var input: (any Input)?
    public var environment: [String: String]
    /// The path of the running program, from which the zoo beside it is found.
    public var executable: String
    public var interrupts: any Interrupts
    /// A clock that only moves forward.
    public var seconds: () -> Double
    /// Seconds since 1970, for people to read.
    public var date: () -> Double
    /// A seed for who did not choose one.
    public var randomSeed: () -> UInt64

    public init(
        output: any Output, input: (any Input)? = nil, environment: [String: String] = [:], executable: String = "",
        interrupts: any Interrupts = NoInterrupts(), seconds: @escaping () -> Double, date: @escaping () -> Double = { 0 },
        randomSeed: @escaping () -> UInt64
    ) {
        self.output = output
        self.input = input
        self.environment = environment
        self.executable = executable
        self.interrupts = interrupts
        self.seconds = seconds
        self.date = date
        self.randomSeed = randomSeed
    }
}

/// Something that is read once, from its beginning.
public protocol Input: AnyObject {
    /// The next line without its end; nil when there is none.
    func readLine() throws -> String?
    /// All that is left.
    func readAll() throws -> [UInt8]
}

/// Ctrl-C, as work that goes on in steps asks for it.
public protocol Interrupts: AnyObject {
    var isPending: Bool { get }
    /// Forgets an interrupt that has done its work.
    func clear()
    /// Whether the process was asked to end (SIGTERM) in the midst of work that wanted to be told.
    var isTermination: Bool { get }
    /// Makes a request to end the process an interrupt: for work that has something to save first.
    func catchingTermination<Result>(_ work: () throws -> Result) rethrows -> Result
}

extension Interrupts {
    public var isTermination: Bool { false }
    public func catchingTermination<Result>(_ work: () throws -> Result) rethrows -> Result { try work() }
}

/// For work that nobody can interrupt.
public final class NoInterrupts: Interrupts {
    public init() {}
    public var isPending: Bool { false }
    public func clear() {}
}
