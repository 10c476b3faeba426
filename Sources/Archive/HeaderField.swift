/// A place in a header while it is read: a value, perhaps absent, with the path that errors name it by (`tensors[3].shape`).
struct HeaderField {
    let value: JSONValue?
    let path: String

    func failure(_ expected: String) -> ArchiveError {
        .headerField(path: path.isEmpty ? "the header" : path, expected: expected)
    }

    subscript(key: String) -> HeaderField {
        HeaderField(value: value?[key], path: path.isEmpty ? key : "\(path).\(key)")
    }

    /// nil where the key is absent.
    func optional<T>(_ read: (HeaderField) throws(ArchiveError) -> T) throws(ArchiveError) -> T? {
        value == nil ? nil : try read(self)
    }

    func string() throws(ArchiveError) -> String {
        guard let string = value?.string else { throw failure("a text") }
        return string
    }

    func number() throws(ArchiveError) -> Double {
        guard let number = value?.number else { throw failure("a number") }
        return number
    }

    /// A whole number of 0 to 2^53.
    func count() throws(ArchiveError) -> Int {
        guard let whole = value?.integer, whole >= 0 else { throw failure("a whole number, at least 0") }
        return whole
    }

    func positive() throws(ArchiveError) -> Int {
        guard let whole = value?.integer, whole >= 1 else { throw failure("a whole number, at least 1") }
        return whole
    }

    func object() throws(ArchiveError) -> [String: JSONValue] {
        guard let value else { return [:] }
        guard let object = value.object else { throw failure("an object") }
        return object
    }

    /// The elements of an array; none where it is absent.
    func array<T>(_ read: (HeaderField) throws(ArchiveError) -> T) throws(ArchiveError) -> [T] {
        guard let value else { return [] }
        guard let elements = value.array else { throw failure("an array") }
        var result: [T] = []
        result.reserveCapacity(elements.count)
        for (i, element) in elements.enumerated() {
            result.append(try read(HeaderField(value: element, path: "\(path)[\(i)]")))
        }
        return result
    }

    func required<T>(_ read: (HeaderField) throws(ArchiveError) -> T) throws(ArchiveError) -> [T] {
        guard value != nil else { throw failure("an array") }
        return try array(read)
    }

    func digest() throws(ArchiveError) -> String {
        let text = try string()
        let digits = "0123456789abcdef".utf8
        guard text.utf8.count == 64, text.utf8.allSatisfy({ digits.contains($0) }) else {
            throw failure("a SHA-256 in 64 lower-case hexadecimal digits")
        }
        return text
    }
}
