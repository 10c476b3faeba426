/// What is to be converted: a file or a folder, looked at but not yet read.
public struct ConversionInput: Sendable {
    /// As it was given.
    public let path: String
    /// The names in the folder, sorted; nil for a file.
    public let names: [String]?
    /// What the file is, by its first bytes; `unknown` for a folder.
    public let content: FileContent

    public var isFolder: Bool { names != nil }

    /// - Throws: `ConversionError` where there is nothing, or nothing that can be opened.
    public init(path: String) throws(ConversionError) {
        self.path = path
        if FilePaths.isFolder(path) {
            names = try FilePaths.names(in: path)
            content = .unknown
        } else {
            let file = try SourceFile(path: path)
            names = nil
            content = FileContent(try file.bytes(at: 0, count: min(file.size, FileContent.prefixLength)))
        }
    }

    /// The path of a file that stands in the folder, or beside the file.
    func path(of name: String) -> String { FilePaths.join(isFolder ? path : FilePaths.folder(of: path), name) }

    /// What it is, with its article.
    var contentDescription: String { isFolder ? "a folder" : content.description }

    /// The names in the folder that are safetensors files by content; empty for a file.
    func checkpoints() throws(ConversionError) -> [String] {
        var found: [String] = []
        for name in names ?? [] where !FilePaths.isFolder(path(of: name)) {
            if let input = try? ConversionInput(path: path(of: name)), input.content == .safetensors { found.append(name) }
        }
        return found
    }

    /// The safetensors file that is meant: the file itself, or the only one in the folder.
    func checkpointPath() throws(ConversionError) -> String {
        guard isFolder else { return path }
        let found = try checkpoints()
        guard let name = found.first else { throw .noCheckpoint(path: path) }
        guard found.count == 1 else { throw .severalCheckpoints(path: path, names: found) }
        return path(of: name)
    }
}
