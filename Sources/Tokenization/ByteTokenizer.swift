/// Every byte of UTF-8 is a token; ids are the bytes' values. Nothing is unknown and nothing is special.
public struct ByteTokenizer: Tokenizer {
    static let kind = "bytes"

    public init() {}

    public var idLimit: Int { 256 }

    public func encode(_ text: String) -> Encoding {
        let ids = text.utf8.map { Int($0) }
        return Encoding(ids: ids, spans: ids.indices.map { $0..<($0 + 1) })
    }

    public func encode(_ text: String, piece body: (Encoding) throws -> Void) rethrows {
        var text = text
        try text.withUTF8 { bytes in
            for start in stride(from: 0, to: bytes.count, by: CharacterTokenizer.pieceLength) {
                let range = start..<min(start + CharacterTokenizer.pieceLength, bytes.count)
                try body(Encoding(ids: bytes[range].map { Int($0) }, spans: range.map { $0..<($0 + 1) }))
            }
        }
    }

    public func bytes(of id: Int) -> [UInt8] { UInt8(exactly: id).map { [$0] } ?? [] }

    public func isSpecial(_ id: Int) -> Bool { false }

    public func json() -> [UInt8] { Array(#"{"kind":"bytes"}"#.utf8) }
}
