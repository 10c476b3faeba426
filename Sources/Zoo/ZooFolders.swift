import Archive

/// Where models are looked up by name.
public struct ZooFolders: Sendable {
    /// What `rnnz` opens when nothing is named.
    public static let defaultModel = "shakespeare"

    /// In the order of the search; a folder need not exist.
    public let folders: [String]
    /// The user's own folder, which models are added to; nil where there is no home.
    public let userFolder: String?

    /// `RNNZ_ZOO` (a list of folders), the XDG data folder's `rnnz/zoo`, `../share/rnnz/zoo` from the executable, and the first
    /// `zoo` folder above the executable, which a build inside the project finds.
    ///
    /// - Parameter executable: its path; symbolic links are followed.
    public init(environment: [String: String], executable: String) {
        var folders = (environment["RNNZ_ZOO"] ?? "").split(separator: ":").map(String.init)
        userFolder = Self.userFolder(environment)
        if let userFolder { folders.append(userFolder) }
        let binaries = Files.parent(Files.resolved(executable))
        if binaries.hasPrefix("/") {
            folders.append(Files.resolved("\(Files.parent(binaries))/share/rnnz/zoo"))
            if let zoo = Self.firstZoo(above: binaries) { folders.append(zoo) }
        }
        self.folders = folders
    }

    /// A data folder that is not absolute is to be ignored, says the XDG Base Directory Specification.
    private static func userFolder(_ environment: [String: String]) -> String? {
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return "\(data)/rnnz/zoo" }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return "\(home)/.local/share/rnnz/zoo"
    }

    private static func firstZoo(above folder: String) -> String? {
        var folder = folder
        while folder != "/" {
            folder = Files.parent(folder)
            let zoo = folder == "/" ? "/zoo" : "\(folder)/zoo"
            if Files.isFolder(zoo) { return zoo }
        }
        return nil
    }

    /// Every model by name, in the order of names. Of two with the same name the first folder's is meant.
    public func list() -> [(name: String, path: String)] {
        var found: [String: String] = [:]
        for folder in folders {
            for file in Files.names(in: folder) where file.hasSuffix(ArchiveFormat.fileExtension) && !file.hasPrefix(".") {
                let name = String(file.dropLast(ArchiveFormat.fileExtension.count))
                let path = "\(folder)/\(file)"
                if !name.isEmpty, found[name] == nil, Files.isRegularFile(path) { found[name] = path }
            }
        }
        return found.sorted { $0.key < $1.key }.map { (name: $0.key, path: $0.value) }
    }

    /// The file that a word on the command line means: a path, or a model's name.
    ///
    /// - Parameter words: what else might have been meant, for the suggestion: the names of commands, where one could stand.
    public func path(of nameOrPath: String, orAmong words: [String] = []) throws(ZooError) -> String {
        if nameOrPath.contains("/") || nameOrPath.hasSuffix(ArchiveFormat.fileExtension) {
            guard Files.exists(nameOrPath) else { throw .noSuchFile(path: nameOrPath) }
            return nameOrPath
        }
        if Files.isRegularFile(nameOrPath) { return nameOrPath }
        let models = list()
        if let model = models.first(where: { $0.name == nameOrPath }) { return model.path }
        throw .unknownModel(name: nameOrPath, nearest: nearestName(to: nameOrPath, among: models.map(\.name) + words))
    }
}

/// The name that was probably meant: the one reached with the fewest characters inserted, removed, changed or exchanged with
/// their neighbour (optimal string alignment), if these are few for the length of the word. Of equals, the first.
public func nearestName(to word: String, among names: [String]) -> String? {
    let limit = max(1, (word.count + 1) / 3)
    let typed = Array(word.lowercased())
    var best: (name: String, distance: Int)?
    for name in names {
        let distance = editDistance(typed, Array(name.lowercased()))
        if distance <= limit, distance < best?.distance ?? Int.max { best = (name, distance) }
    }
    return best?.name
}

private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
