import Foundation
import Kernels
import Testing

@testable import Conversion

@Suite("Safetensors")
struct SafetensorsTests {
    @Test("PyTorch's files are read: names, shapes, numbers, metadata")
    func readsPyTorch() throws {
        let file = try Safetensors(path: Fixtures.model("lstm2"))
        #expect(file.entries.count == 11)
        #expect(file.metadata == ["format": "pt", "corpus": "none"])
        let entry = try #require(file["lstm.weight_ih_l0"])
        #expect(entry.shape == [20, 4] && entry.type == .f32)
        // The same bytes, found by hand.
        let bytes = try readBytes(Fixtures.model("lstm2"))
        let tensor = try file.tensor(entry)
        #expect(tensor.storage.withUnsafeBytes { Array($0) } == Array(bytes[entry.offset..<(entry.offset + 320)]))
    }

    @Test("f16, bf16 and f64 are read as the numbers they are")
    func narrowAndWide() throws {
        for (name, type) in [("half", ElementType.f16), ("bfloat16", .bf16), ("double", .f32)] {
            let file = try Safetensors(path: Fixtures.model(name))
            let entry = try #require(file["fc.bias"])
            let tensor = try file.tensor(entry)
            #expect(tensor.elementType == type)
            #expect(tensor.shape == [11])
            #expect(tensor.floats().allSatisfy { $0 != 0 && abs($0) < 2 })
        }
        let double = try Safetensors(path: Fixtures.model("double"))
        let entry = try #require(double["fc.bias"])
        let bytes = try readBytes(Fixtures.model("double"))
        let expected = (0..<11).map { i in
            Float(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: entry.offset + 8 * i, as: Double.self) })
        }
        #expect(try double.tensor(entry).floats() == expected)
    }

    @Test("What is written is read back, bit for bit")
    func roundTrip() throws {
        let scratch = try Scratch()
        let values: [Float] = [0, -0.0, .infinity, .nan, .leastNonzeroMagnitude, -3.5]
        let half = Tensor(.f16, shape: [3], storage: TensorStorage(byteCount: 6) { $0.copyBytes(from: [1, 2, 3, 4, 5, 6]) })
        let tensors = [
            (name: "b.narrow", tensor: half), (name: "a", tensor: Tensor(shape: [2, 3], values: values)),
            (name: "scalar", tensor: Tensor(shape: [], values: [7])), (name: "empty", tensor: Tensor(shape: [0, 4], values: [])),
        ]
        let path = scratch.file("x.safetensors")
        let size = try Safetensors.write(tensors, metadata: ["note": "“quoted” \"text\"\n"], to: path)
        #expect(try readBytes(path).count == size)
        #expect(try readBytes(path).prefix(8).first.map { $0 % 8 } == 0)
        let file = try Safetensors(path: path)
        #expect(file.metadata["note"] == "“quoted” \"text\"\n")
        for (name, tensor) in tensors {
            let read = try file.tensor(try #require(file[name]))
            #expect(read.shape == tensor.shape && read.elementType == tensor.elementType)
            #expect(read.storage.withUnsafeBytes { Array($0) } == tensor.storage.withUnsafeBytes { Array($0) })
        }
        #expect(scratch.names == ["x.safetensors"])
    }

    @Test("A file that cannot be written leaves nothing behind")
    func unwritable() throws {
        let scratch = try Scratch()
        let tensor = (name: "a", tensor: Tensor(shape: [1], values: [1]))
        #expect(throws: ConversionError.self) {
            try Safetensors.write([tensor], to: scratch.file("no/such/folder/x.safetensors"))
        }
        try FileManager.default.createDirectory(atPath: scratch.file("taken.safetensors"), withIntermediateDirectories: false)
        #expect(throws: ConversionError.self) { try Safetensors.write([tensor], to: scratch.file("taken.safetensors")) }
        #expect(throws: ConversionError.self) { try Safetensors.write([tensor, tensor], to: scratch.file("twice.safetensors")) }
        #expect(scratch.names == ["taken.safetensors"])
    }
}

@Suite("Hostile safetensors")
struct HostileSafetensorsTests {
    private func error(_ bytes: [UInt8]) throws -> ConversionError? {
        let scratch = try Scratch()
        let path = try scratch.write("hostile.safetensors", bytes)
        do {
            _ = try Safetensors(path: path)
            return nil
        } catch {
            #expect(error.category == .badData)
            #expect(error.description.contains("hostile.safetensors"))
            return error
        }
    }

    private func error(header: String, data: Int = 0) throws -> ConversionError? {
        try error(safetensors(header: header, data: data))
    }

    @Test("A sound file is accepted, so that the others fail for their reason")
    func sound() throws {
        #expect(try error(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  "#, data: 8) == nil)
        #expect(try error(header: "{}") == nil)
    }

    @Test("Shorter than its length field")
    func tooShort() throws {
        let found = try error([])
        guard case .safetensorsTooShort(_, 0) = found else { return unexpected(found) }
        let second = try error([1, 0, 0, 0, 0, 0, 0])
        guard case .safetensorsTooShort(_, 7) = second else { return unexpected(second) }
    }

    @Test("A header length beyond the file, beyond the limit, beyond 63 bits", arguments: [9, 100_000_001, 1 << 62, UInt64.max])
    func headerLength(_ length: UInt64) throws {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + Array("{}".utf8)
        let found = try error(bytes)
        guard case .safetensorsHeaderLength(_, length, 2) = found else { return unexpected(found) }
    }

    @Test(
        "A header that is no JSON object",
        arguments: [
            "", "not json", "[1]", "{", #"{"a":}"#, #"{"a":1} x"#, #"{"a":"\ud800"}"#, String(repeating: "[", count: 200_000),
            #"{"a":"# + String(repeating: "[", count: 200_000), "{\"a\":\"\u{0}\"}",
        ])
    func headerNotJSON(_ header: String) throws {
        let found = try error(header: header)
        guard case .safetensorsHeader = found else { return unexpected(found) }
    }

    @Test("A header that is no UTF-8")
    func headerNotUTF8() throws {
        let header = Array("{\"".utf8) + [0xff, 0xfe] + Array("\":1}".utf8)
        let found = try error([UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header)
        guard case .safetensorsHeader = found else { return unexpected(found) }
    }

    @Test("A name that stands twice")
    func duplicateName() throws {
        let entry = #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
        let found = try error(header: "{\(entry),\(entry)}", data: 4)
        guard case .safetensorsHeader(_, let problem) = found else { return unexpected(found) }
        #expect(problem.contains("twice"))
    }

    @Test(
        "An entry that is malformed",
        arguments: [
            #"5"#, #"{}"#, #"{"dtype":"F32"}"#, #"{"dtype":"F32","shape":[1]}"#, #"{"dtype":5,"shape":[1],"data_offsets":[0,4]}"#,
            #"{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"#, #"{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}"#,
            #"{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"#,
            #"{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}"#,
            #"{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}"#,
            #"{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}"#,
            #"{"dtype":"F32","shape":[1],"data_offsets":[0,1e300]}"#,
        ])
    func malformedEntry(_ entry: String) throws {
        let found = try error(header: #"{"a":\#(entry)}"#, data: 4)
        guard case .safetensorsEntry(_, "a", _) = found else { return unexpected(found) }
    }

    @Test("An unknown dtype")
    func unknownType() throws {
        let header = #"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#
        let found = try error(header: header, data: 4)
        guard case .safetensorsUnknownType(_, "a", "F33") = found else { return unexpected(found) }
    }

    @Test(
        "A shape that overflows, or is claimed larger than its bytes",
        arguments: ["[9007199254740992,9007199254740992]", "[0,9007199254740992,9007199254740992]"])
    func shapeOverflow(_ shape: String) throws {
        let header = #"{"a":{"dtype":"F32","shape":\#(shape),"data_offsets":[0,4]}}"#
        let found = try error(header: header, data: 4)
        guard case .safetensorsTooManyElements(_, "a", _) = found else { return unexpected(found) }
    }

    @Test("Bytes that do not fit the shape")
    func sizeMismatch() throws {
        let header = #"{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4]}}"#
        let found = try error(header: header, data: 4)
        guard case .safetensorsSize(_, "a", 4_000_000, 4) = found else { return unexpected(found) }
    }

    @Test("A tensor beyond the end: a truncated file")
    func outOfFile() throws {
        let header = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        let found = try error(header: header, data: 7)
        guard case .safetensorsOutOfFile(_, "a", _, _) = found else { return unexpected(found) }
    }

    @Test("Tensors that overlap")
    func overlap() throws {
        let header = """
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}
            """
        let found = try error(header: header, data: 12)
        guard case .safetensorsOverlap(_, "b", "a") = found else { return unexpected(found) }
    }

    @Test("A gap between tensors, and one before the first")
    func gap() throws {
        for offsets in ["[0,4]", "[4,8]"] {
            let header = """
                {"a":{"dtype":"F32","shape":[1],"data_offsets":\(offsets)},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}
                """
            let found = try error(header: header, data: 12)
            guard case .safetensorsGap = found else { return unexpected(found) }
        }
    }

    @Test("Bytes after the last tensor")
    func trailing() throws {
        let header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        let found = try error(header: header, data: 7)
        guard case .safetensorsTrailingBytes(_, 3) = found else { return unexpected(found) }
    }

    @Test("Metadata that is no text")
    func metadata() throws {
        let found = try error(header: #"{"__metadata__":{"x":1}}"#)
        guard case .safetensorsMetadata(_, "x") = found else { return unexpected(found) }
        let second = try error(header: #"{"__metadata__":[]}"#)
        guard case .safetensorsMetadata = second else { return unexpected(second) }
    }

    @Test("Integers are refused by name when they are asked for as weights")
    func integers() throws {
        let file = try Safetensors(path: Fixtures.model("stacked_extra"))
        let entry = try #require(file["norm.num_batches_tracked"])
        #expect(throws: ConversionError.elementTypeNotSupported(path: file.path, tensor: entry.name, type: "I64")) {
            try file.tensor(entry)
        }
    }

    @Test("Every truncation of a real file is an error, and no flipped bit of its header crashes")
    func damagedFixture() throws {
        let bytes = try readBytes(Fixtures.model("gru1_prefix"))
        for length in stride(from: 0, to: bytes.count, by: 13) { #expect(try error(Array(bytes[..<length])) != nil) }
        let headerEnd = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
        for position in 0..<headerEnd {
            var damaged = bytes
            damaged[position] ^= 1 << (position % 8)
            _ = try error(damaged)
        }
    }

    @Test("A folder, a missing file and a device are no files")
    func notFiles() throws {
        #expect(throws: ConversionError.notRegularFile(path: "/dev/zero")) { try Safetensors(path: "/dev/zero") }
        #expect(throws: ConversionError.inputMissing(path: "/no/such/file")) { try Safetensors(path: "/no/such/file") }
        #expect(throws: ConversionError.notRegularFile(path: "/")) { try Safetensors(path: "/") }
    }
}
