#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What this process may compute on.
public enum Processors {
    /// Physical cores that the process may run on and, in a container, may use up: at least 1.
    public static let cores: Int = {
        #if os(Linux)
        let allowed = allowedProcessors()
        // Threads of one core share what products need most.
        let cores = Set(allowed.map { firstSibling(of: $0) ?? $0 })
        let online = cores.isEmpty ? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) : cores.count
        return max(1, min(online, quota() ?? .max))
        #else
        return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        #endif
    }()

    #if os(Linux)
    private static func allowedProcessors() -> [Int] {
        let line = text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        return line.map { list(String($0.dropFirst("Cpus_allowed_list:".count))) } ?? []
    }

    private static func firstSibling(of processor: Int) -> Int? {
        list(text("/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")).first
    }

    /// Processors' worth of time that the control group may use, rounded up.
    private static func quota() -> Int? {
        let words = text("/sys/fs/cgroup/cpu.max").split { $0.isWhitespace }
        guard words.count == 2, let time = Double(words[0]), let period = Double(words[1]), period > 0 else { return nil }
        return max(1, Int((time / period).rounded(.up)))
    }

    /// `0-3,8` as numbers.
    static func list(_ text: String) -> [Int] {
        text.split { $0 == "," || $0.isWhitespace }.flatMap { range -> [Int] in
            let ends = range.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last - first < 1 << 16 else { return [] }
            return Array(first...last)
        }
    }

    private static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
    #endif
}
