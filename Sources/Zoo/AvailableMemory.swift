#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much memory a model may take without the machine, or the container that this runs in, coming to its end.
public enum AvailableMemory {
    /// In bytes; nil where nobody says.
    ///
    /// On Linux the smaller of what the kernel calls available (what can be had without swapping) and what is left of the limits of
    /// the control groups that this process is in; elsewhere the machine's memory.
    ///
    /// - Parameter root: stands before the paths of the system's files.
    public static func bytes(root: String = "") -> Int? {
        let found = [machine(root), controlGroups(root)].compactMap { $0 }
        return found.min() ?? physical
    }

    /// Bytes in units of which there are at least one: `1.5 GiB`.
    public static func shown(_ bytes: Int) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var (value, unit) = (Double(bytes) / 1024, 0)
        while value >= 1024, unit + 1 < units.count {
            value /= 1024
            unit += 1
        }
        if bytes < 1024 { return "\(bytes) bytes" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    private static var physical: Int? {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        guard pages > 0, size > 0 else { return nil }
        return pages.multipliedReportingOverflow(by: size).overflow ? nil : pages * size
    }

    private static func machine(_ root: String) -> Int? {
        for line in Files.lines(of: root + "/proc/meminfo") where line.hasPrefix("MemAvailable:") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[2] == "kB", let count = Int(words[1]), count >= 0, count < 1 << 50 else { return nil }
            return count << 10
        }
        return nil
    }

    // MARK: Control groups

    /// The least that is left in any group from that of this process up to the root: each limits those below it.
    private static func controlGroups(_ root: String) -> Int? {
        // Lines are `0::/path` for version 2, and `number:controllers:/path` for version 1.
        var least: Int?
        for line in Files.lines(of: root + "/proc/self/cgroup") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let (mount, names): (String, FileNames)
            if parts[0] == "0" && parts[1].isEmpty {
                (mount, names) = (root + "/sys/fs/cgroup", .version2)
            } else if parts[1].split(separator: ",").contains("memory") {
                (mount, names) = (root + "/sys/fs/cgroup/memory", .version1)
            } else {
                continue
            }
            // In a container the path may be the host's: the groups that cannot be seen are passed over, the root is always seen.
            var path = Substring(parts[2])
            while true {
                if let left = left(in: mount + path, names) { least = min(least ?? left, left) }
                guard let slash = path.lastIndex(of: "/") else { break }
                path = path[..<slash]
            }
        }
        return least
    }

    private struct FileNames {
        var limit: String
        var usage: String
        /// In `memory.stat`: pages of files that the kernel gives up first when memory is asked for.
        var reclaimable: String

        static let version2 = FileNames(limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file")
        static let version1 = FileNames(
            limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", reclaimable: "total_inactive_file")
    }

    /// nil where the group has no limit (`max`, or in version 1 a number beyond all memory).
    private static func left(in folder: String, _ names: FileNames) -> Int? {
        func number(_ name: String) -> Int? { Files.lines(of: "\(folder)/\(name)").first.flatMap { Int($0) } }
        guard let limit = number(names.limit), limit >= 0, limit < 1 << 60, let usage = number(names.usage), usage >= 0 else {
            return nil
        }
        var reclaimable = 0
        for line in Files.lines(of: "\(folder)/memory.stat") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == names.reclaimable { reclaimable = max(0, Int(words[1]) ?? 0) }
        }
        return max(0, limit - max(0, usage - min(reclaimable, usage)))
    }
}
