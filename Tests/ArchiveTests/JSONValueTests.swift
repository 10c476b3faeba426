import Foundation
import Testing

@testable import Archive

@Suite struct JSONValueTests {
    func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    func problem(_ text: String) -> String? {
        do throws(JSONError) { _ = try JSONValue(parsing: Array(text.utf8)) } catch { return "\(error)" }
        return nil
    }

    @Test func everyKindOfValueIsRead() throws {
        let text =
            " { \"a\" : [ 1 , -2.5e3, true,false , null ] , \"\" : { } , \"b\":[],\"c\":\"\\u00e4\\ud83d\\ude00\\n\\/\\\"ß\" } "
        #expect(
            try parse(text)
                == .object([
                    "a": .array([.number(1), .number(-2500), .bool(true), .bool(false), .null]), "": .object([:]),
                    "b": .array([]), "c": .string("ä😀\n/\"ß"),
                ]))
    }

    /// Foundation's parser shares no code with ours.
    @Test func numbersAreReadAsFoundationReadsThem() throws {
        var random = TestRandom(5)
        for _ in 0..<5000 {
            let digits = Int.random(in: 1...20, using: &random)
            var text = Bool.random(using: &random) ? "-" : ""
            text += String(Int.random(in: 1...9, using: &random))
            text += (1..<digits).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
            if Bool.random(using: &random) { text += ".\(UInt32.random(in: 0...UInt32.max, using: &random))" }
            if Bool.random(using: &random) { text += "e\(Int.random(in: -300...280, using: &random))" }
            let expected = try JSONDecoder().decode([Double].self, from: Data("[\(text)]".utf8))[0]
            #expect(try parse(text).number?.bitPattern == expected.bitPattern, "\(text)")
        }
    }

    @Test func numbersComeBackToTheBit() throws {
        var random = TestRandom(6)
        var values: [Double] = [
            0, -0.0, 1, -1, 0.1, 1e22, 1e23, 9_007_199_254_740_992, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, 1.0 / 3,
        ]
        for _ in 0..<5000 {
            let value = Double(bitPattern: random.next())
            if value.isFinite { values.append(value) }
            values.append(Double(Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x7f7f_ffff)))
        }
        let text = try JSONValue.array(values.map { .number($0) }).serialized()
        let back = try JSONValue(parsing: text).array?.compactMap { $0.number?.bitPattern }
        #expect(back == values.map(\.bitPattern))
        #expect(try JSONDecoder().decode([Double].self, from: Data(text)).map { abs($0) } == values.map { abs($0) })
    }

    @Test func numbersThatAreNotFiniteCannotBeWritten() {
        for value in [Double.nan, .infinity, -.infinity] {
            #expect(throws: JSONError.self) { try JSONValue.number(value).serialized() }
        }
    }

    @Test func stringsComeBack() throws {
        let strings = (0..<0x250).compactMap { Unicode.Scalar($0).map { String(Character($0)) } } + ["😀", "e\u{301}", "\r\n", ""]
        let text = try JSONValue.array(strings.map { .string($0) }).serialized()
        let back = try JSONValue(parsing: text).array?.compactMap(\.string).map { Array($0.utf8) }
        #expect(back == strings.map { Array($0.utf8) })
        #expect(
            try JSONDecoder().decode([String].self, from: Data(text)).map { Array($0.utf8) } == strings.map { Array($0.utf8) })
    }

    @Test func equalValuesAreEqualBytes() throws {
        let value = try parse("{\"b\":1,\"a\":2,\"B\":{\"z\":1,\"y\":2}}")
        #expect(String(decoding: try value.serialized(), as: UTF8.self) == "{\"B\":{\"y\":2,\"z\":1},\"a\":2,\"b\":1}")
    }

    @Test(arguments: [
        ("", "the text ends too early at byte 0"), ("[1,]", "a value was expected at byte 3"),
        ("[1 2]", "a comma or a closing bracket was expected at byte 3"),
        ("{\"a\":1,\"a\":2}", "the key “a” stands twice at byte 7"),
        ("{a:1}", "a key was expected at byte 1"), ("{\"a\" 1}", "a colon was expected at byte 5"),
        ("01", "a number begins with 0 at byte 0"),
        ("-", "the text ends too early at byte 1"), ("1.", "the text ends too early at byte 2"),
        ("1.x", "a digit was expected at byte 2"),
        ("1e+", "the text ends too early at byte 3"), ("1e999", "a number is beyond the range of a double at byte 0"),
        ("NaN", "a value was expected at byte 0"), ("tru", "the text ends too early at byte 3"),
        ("1 1", "more text after the value at byte 2"),
        ("\"a", "the text ends too early at byte 2"), ("\"\n\"", "a control character stands in a string at byte 1"),
        ("\"\\x\"", "an unknown escape stands in a string at byte 2"),
        ("\"\\ud800\"", "half of a surrogate pair stands in a string at byte 7"),
        ("\"\\udc00\"", "half of a surrogate pair stands in a string at byte 7"),
        ("\"\\ud800\\u0041\"", "half of a surrogate pair stands in a string at byte 13"),
        ("\"\\u12g4\"", "four hexadecimal digits were expected at byte 5"),
    ])
    func malformedTextIsRejected(text: String, expected: String) {
        #expect(problem(text) == expected)
    }

    @Test func invalidUTF8IsRejected() {
        for bytes in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]] as [[UInt8]] {
            #expect(throws: JSONError(offset: 1, problem: "a string is not UTF-8")) {
                try JSONValue(parsing: [0x22] + bytes + [0x22])
            }
            #expect(throws: JSONError(offset: 1, problem: "a string is not UTF-8")) {
                try JSONValue(parsing: [0x22] + bytes + [0x5c, 0x6e, 0x22])
            }
        }
    }

    @Test func depthIsLimited() {
        #expect(problem(String(repeating: "[", count: 64) + String(repeating: "]", count: 64)) == nil)
        #expect(problem(String(repeating: "[", count: 1_000_000)) == "values nested more than 64 deep at byte 64")
    }
}

@Suite struct SHA256Tests {
    /// FIPS 180-4's examples, and Python's hashlib for the lengths around the ends of blocks.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func theStandardsExamples(text: String, digest: String) {
        #expect(SHA256.hexadecimal(Array(text.utf8)) == digest)
    }

    /// `"".join(hashlib.sha256(b"a" * n).hexdigest() for n in range(200))`, digested once more.
    @Test func everyLengthAroundABlock() {
        let digests = (0..<200).map { SHA256.hexadecimal([UInt8](repeating: 0x61, count: $0)) }.joined()
        #expect(SHA256.hexadecimal(Array(digests.utf8)) == "019f2b9f1af27a53a1f046da7e98af2c179f431e4b5bebb000e74040917a4123")
    }

    @Test func piecesMakeTheWhole() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for size in [1, 3, 63, 64, 65, 200] {
            var digest = SHA256()
            for start in stride(from: 0, to: bytes.count, by: size) {
                digest.update(Array(bytes[start..<min(bytes.count, start + size)]))
            }
            #expect(digest.hexadecimal() == SHA256.hexadecimal(bytes))
        }
    }
}
