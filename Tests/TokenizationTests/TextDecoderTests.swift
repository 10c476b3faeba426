import Testing

@testable import Tokenization

@Suite struct TextDecoderTests {
    /// Numbers for the fuzz: the same in each run.
    struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ (state >> 29)) &* 0xBF58_476D_1CE4_E5B9
        }
    }

    static func decode(_ bytes: [UInt8], cutBy numbers: inout Numbers) -> (pieces: [String], text: String) {
        var decoder = TextDecoder()
        var pieces: [String] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 0...5, using: &numbers))
            pieces.append(decoder.push(Array(bytes[start..<end])))
            decoder = TextDecoder(pending: decoder.pending)  // what a snapshot does
            start = end
        }
        pieces.append(decoder.finish())
        return (pieces, pieces.joined())
    }

    @Test func anyCutOfValidTextIsTheText() {
        var numbers = Numbers(state: 1)
        for _ in 0..<5_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...12, using: &numbers) {
                let limit: UInt32 = [0x80, 0x800, 0x10000, 0x110000].randomElement(using: &numbers) ?? 0x80
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &numbers)) { text.append(scalar) }
            }
            let bytes = Array(String(text).utf8)
            let (pieces, decoded) = Self.decode(bytes, cutBy: &numbers)
            #expect(Array(decoded.utf8) == bytes)
            #expect(pieces.last == "")  // nothing was left unfinished
        }
    }

    @Test func anyCutOfAnyBytesIsWhatStringMakesOfThemAll() {
        var numbers = Numbers(state: 2)
        // Bytes near every border of the table of well-formed sequences.
        let pool: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
            0xF0, 0xF1,
            0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for round in 0..<40_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &numbers)).map { _ in
                round % 2 == 0 ? pool.randomElement(using: &numbers) ?? 0 : UInt8.random(in: 0...255, using: &numbers)
            }
            let expected = Array(String(decoding: bytes, as: UTF8.self).utf8)
            #expect(Array(Self.decode(bytes, cutBy: &numbers).text.utf8) == expected, "\(bytes)")
        }
    }

    /// The examples of the Unicode Standard, section 3.9, tables 3-8 to 3-11.
    @Test(
        arguments: [
            ([0xC0, 0xAF, 0xE0, 0x80, 0xBF, 0xF0, 0x81, 0x82, 0x41], 8),
            ([0xED, 0xA0, 0x80, 0xED, 0xBF, 0xBF, 0xED, 0xAF, 0x41], 8),
            ([0xF4, 0x91, 0x92, 0x93, 0xFF, 0x41, 0x80, 0xBF, 0x42], 7),
            ([0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41], 4),
        ] as [([UInt8], Int)]) func oneReplacementForEachMaximalPart(_ bytes: [UInt8], _ replacements: Int)
    {
        var decoder = TextDecoder()
        let text = bytes.map { decoder.push([$0]) }.joined() + decoder.finish()
        #expect(text.unicodeScalars.filter { $0 == "\u{FFFD}" }.count == replacements)
    }

    @Test func aCharacterComesWhole() {
        var decoder = TextDecoder()
        #expect(decoder.push([0xF0]) == "" && decoder.push([0x9F, 0x98]) == "" && decoder.pending == [0xF0, 0x9F, 0x98])
        #expect(decoder.push([0x80, 0x61]) == "😀a" && decoder.pending.isEmpty)
        // A combining accent is not waited for.
        #expect(decoder.push([0x65]) == "e")
        #expect(decoder.push([0xCC, 0x81]) == "\u{301}")
        #expect(decoder.push([0xE2, 0x82]) == "" && decoder.finish() == "\u{FFFD}" && decoder.finish() == "")
    }

    /// What cannot become a character any more is not waited for.
    @Test(
        arguments: [[0xED, 0xA0], [0xE0, 0x80], [0xF0, 0x80], [0xF4, 0x90], [0xC0], [0xC1], [0xF5], [0xFF], [0x80]] as [[UInt8]])
    func hopelessBeginningsComeAtOnce(_ bytes: [UInt8]) {
        var decoder = TextDecoder()
        #expect(decoder.push(bytes) == String(repeating: "\u{FFFD}", count: bytes.count))
        #expect(decoder.pending.isEmpty)
    }
}
