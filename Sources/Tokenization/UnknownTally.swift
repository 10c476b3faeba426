/// Counts what a vocabulary lacks.
struct UnknownTally {
    /// A longer word is reported by its beginning.
    private static let reportedLength = 32  // code points

    private(set) var list: [UnknownCharacter] = []
    private var scalars: [UInt32: Int] = [:]
    private var words: [[UInt8]: Int] = [:]

    mutating func add(_ scalar: UInt32, at offset: Int) {
        if let index = scalars[scalar] {
            list[index].count += 1
        } else {
            scalars[scalar] = list.count
            let character = Unicode.Scalar(scalar).map { String(Character($0)) } ?? "\u{FFFD}"
            list.append(UnknownCharacter(text: character, count: 1, offset: offset))
        }
    }

    mutating func add(word: UnsafeBufferPointer<UInt8>, at offset: Int) {
        let key = Array(word)
        if let index = words[key] {
            list[index].count += 1
        } else {
            words[key] = list.count
            let scalars = String(decoding: word.prefix(4 * Self.reportedLength), as: UTF8.self).unicodeScalars
            let text = String(String.UnicodeScalarView(scalars.prefix(Self.reportedLength)))
            list.append(UnknownCharacter(text: text, count: 1, offset: offset))
        }
    }
}
