import CReadline

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#else
import Darwin
#endif

/// What was typed in this and earlier sessions, in a file that only its owner reads.
@MainActor
struct History {
    /// Entries that are kept.
    private static let limit: Int32 = 2000

    /// Nil where there is no home: the history then ends with the session.
    private let path: String?

    init(environment: [String: String]) {
        // XDG Base Directory Specification: a folder that is not absolute is to be ignored.
        let folder: String? =
            if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
                state
            } else if let home = environment["HOME"], home.hasPrefix("/") {
                home + "/.local/state"
            } else {
                nil
            }
        path = folder.map { $0 + "/rnnz/history" }
    }

    func load() {
        using_history()
        rnnzrl_history_timestamps()
        stifle_history(Self.limit)
        if let path { read_history(path) }
    }

    func add(_ entry: String) {
        if entry.allSatisfy(\.isWhitespace) || entry == rnnzrl_last_history().map({ String(cString: $0) }) { return }
        add_history(entry)
        guard let path else { return }
        Self.makeFolders(above: path)
        // Made by us, for its owner alone. Only the new entry is written: two sessions at once keep each other's.
        let file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        close(file)
        append_history(1, path)
        history_truncate_file(path, Self.limit)
    }

    private static func makeFolders(above path: String) {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o700)
        }
    }
}
