/// The files that a command reads and writes, by the names of the options that name them.
struct FilesInUse {
    typealias Named = (name: String, path: String?)

    var read: [Named]
    var written: [Named]

    /// - Throws: `Failure` where a file would be written over one that is read, or over another that is written.
    func check() throws(Failure) {
        var taken = read.compactMap { file in file.path.map { (name: file.name, place: Files.place(of: $0), isRead: true) } }
        for (name, path) in written {
            guard let path else { continue }
            let place = Files.place(of: path)
            if let other = taken.first(where: { $0.place == place }) {
                throw .usage(
                    "“\(name)” is \(path), and so is “\(other.name)”, which would be "
                        + (other.isRead ? "written over" : "replaced by it") + "; name another file")
            }
            taken.append((name, place, false))
        }
    }
}
