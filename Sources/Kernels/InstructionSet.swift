@_exported import KernelInterface
import KernelsAVX2
import KernelsAVX512
import KernelsBaseline

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The builds of the kernels. Those with a fused multiply-add (avx2, avx512, and the only one on arm64) compute the same bits.
public enum InstructionSet: String, CaseIterable, Sendable {
    /// What every processor of the architecture has: SSE2, or NEON.
    case baseline
    /// AVX2, FMA and F16C.
    case avx2
    /// AVX-512 (F, BW, CD, DQ, VL) and VNNI.
    case avx512

    /// The environment variable that forces one.
    public static let variable = "RNNZ_ISA"

    /// Those that the processor has and the operating system enables, weakest first.
    public static let available: [InstructionSet] = {
        #if arch(x86_64)
        let flags = processorFlags()
        return allCases.filter { $0.flags.isSubset(of: flags) }
        #else
        return [.baseline]
        #endif
    }()

    /// The one that this process uses. Where the variable names none that can be used, the best: whoever has a user to tell calls
    /// `chosen` first.
    public static let current = (try? chosen(by: variable.withCString { getenv($0).map { String(cString: $0) } })) ?? best

    /// - Parameter name: what the variable says; nil or empty for the best.
    public static func chosen(by name: String?) throws(InstructionSetError) -> InstructionSet {
        guard let name, !name.isEmpty else { return best }
        guard let set = InstructionSet(rawValue: name) else { throw .unknown(name) }
        guard available.contains(set) else { throw .unavailable(set) }
        return set
    }

    private static var best: InstructionSet { available.last ?? .baseline }

    public var table: KernelTable {
        switch self {
        case .baseline: KernelsBaseline.makeKernelTable()
        case .avx2: KernelsAVX2.makeKernelTable()
        case .avx512: KernelsAVX512.makeKernelTable()
        }
    }

    /// As Linux names them.
    private var flags: Set<String> {
        switch self {
        case .baseline: []
        case .avx2: ["avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "movbe", "abm"]
        case .avx512: InstructionSet.avx2.flags.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"])
        }
    }

    /// Linux clears the flags of what it does not enable.
    private static func processorFlags() -> Set<String> {
        guard let file = fopen("/proc/cpuinfo", "r") else { return [] }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1 << 14)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = line.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
            if text.hasPrefix("flags") { return Set(text.split { $0.isWhitespace }.dropFirst(2).map(String.init)) }
        }
        return []
    }
}

public enum InstructionSetError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case unavailable(InstructionSet)

    public var description: String {
        let known = (self.isUnknown ? InstructionSet.allCases : InstructionSet.available).map(\.rawValue).joined(separator: ", ")
        switch self {
        case .unknown(let name): return "\(InstructionSet.variable)=\(name): there is no such instruction set; there are \(known)"
        case .unavailable(let set):
            return "\(InstructionSet.variable)=\(set.rawValue): this machine has \(known)"
        }
    }

    private var isUnknown: Bool { if case .unknown = self { true } else { false } }
}

extension KernelTable {
    /// Of the instruction set that this process uses.
    public static let current = InstructionSet.current.table
}
