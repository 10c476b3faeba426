/// Counts what a vocabulary lacks.
struct UnknownTally {
    /// A longer word is reported by its beginning.
    private static let reportedLength = 32  // code points

    private(set) var list: [UnknownCharacter] = []
    private var scalars: [UInt32: Int] = [:]
    private var codes: [UInt32] = []  // of the list, where it is one of characters
    private var words: [[UInt8]: Int] = [:]
    /// Places in the list by the last eight bits of the code point: a text in another script has little else than unknowns.
    private var places: [Int32] = []

    mutating func add(_ scalar: UInt32, at offset: Int) {
        if places.isEmpty { places = [Int32](repeating: -1, count: 256) }
        let near = Int(places[Int(scalar & 0xFF)])
        if near >= 0, codes[near] == scalar {
            list[near].count += 1
        } else if let index = scalars[scalar] {
            places[Int(scalar & 0xFF)] = Int32(index)
            list[index].count += 1
        } else {
            places[Int(scalar & 0xFF)] = Int32(list.count)
            codes.append(scalar)
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
