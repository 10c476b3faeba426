import Archive
import Conversion
import Generation
import Network
import Testing
import Tokenization
import Zoo

@testable import Shell

struct FailureTests {
    /// Errors of every layer with the exit codes of the contract.
    static let errors: [(any Error, Int32)] = [
        (Failure.usage("x"), 2),
        (Failure.interrupted, 130),
        (OutputError.readerLeft, 0),
        (OutputError.failed(reason: "full"), 1),
        (FileError.missing(path: "x"), 66),
        (FileError.unreadable(path: "x", reason: "y"), 66),
        (FileError.notText(path: "x", offset: 1), 65),
        (FileError.tooLarge(path: "x"), 65),
        (ZooError.unknownModel(name: "x", nearest: nil), 2),
        (ZooError.noSuchFile(path: "./x"), 66),
        (ZooError.archive(path: "x", .emptyFile), 65),
        (ZooError.archive(path: "x", .fileNotFound), 66),
        (ZooError.network(path: "x", problem: "y"), 65),
        (ZooError.archive(path: "x", .notRegularFile), 65),
        (ArchiveError.interrupted, 130),
        (ArchiveError.digestMismatch(tensor: "w"), 65),
        (ArchiveError.diskFull(path: "x", reason: "y"), 1),
        (NetworkError.tokenOutOfRange(9, limit: 3), 2),
        (NetworkError.notFinite(NonFinite(value: "h", isNaN: true, element: 0)), 1),
        (NetworkError.cannotGenerate(reason: "the future is not known"), 1),
        (TokenizationError.emptyVocabulary, 65),
        (SamplingError.unknownPreset("x"), 2),
        (GenerationError.noStart(model: "x"), 2),
        (GenerationError.tokenOutOfRange(id: 9, limit: 3), 2),
        (GenerationError.badDefault(name: "top-k", problem: "x"), 65),
        (GenerationError.nothingToDraw(afterTokens: 3), 1),
        (GenerationError.interrupted, 130),
        (SnapshotError.notASnapshot, 65),
        (SnapshotError.cannotRead(path: "x", reason: "y"), 66),
        (SnapshotError.cannotWrite(path: "x", reason: "y"), 1),
        (ConversionError.outputKind(path: "x"), 2),
    ]

    @Test(arguments: errors.indices)
    func everyErrorHasItsExitCode(index: Int) {
        let (error, code) = Self.errors[index]
        let failure = Failure(error)
        #expect(failure.code.rawValue == code)
        #expect(!failure.message.isEmpty)
    }

    @Test func theFileIsNamedOnce() {
        #expect(Failure(SnapshotError.notASnapshot, path: "x.session").message.hasPrefix("x.session: "))
        #expect(Failure(FileError.missing(path: "x"), path: "x").message == "x: there is no such file")
    }
}

struct JSONTests {
    @Test func keysKeepTheirOrderAndStringsAreEscaped() {
        let json = JSON.object([("b", .string("\"\\\n\t\u{1}é")), ("a", .array([.null, .bool(true), .int(-3)]))])
        #expect(json.text == #"{"b":"\"\\\n\t\u0001é","a":[null,true,-3]}"#)
    }

    @Test(arguments: [
        (1.0, "1"), (0.1, "0.1"), (1.0 / 3, "0.333333333"), (-123456789.125, "-123456789"), (1e-20, "1e-20"),
        (Double(Float(0.1)), "0.100000001"), (.nan, "null"), (.infinity, "null"), (-0.0, "-0"),
    ])
    func numbersHaveNineDigits(number: Double, text: String) {
        #expect(JSON.number(number).text == text)
    }

    @Test func aSeedIsWrittenWhole() {
        #expect(JSON.unsigned(.max).text == "18446744073709551615")
    }
}
