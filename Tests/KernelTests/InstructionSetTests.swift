import Foundation
import Testing

@testable import Kernels

@Suite struct InstructionSetTests {
    @Test func theStrongestAvailableIsChosenUnlessOneIsForced() throws {
        #expect(InstructionSet.available.first == .baseline)
        #expect(try InstructionSet.chosen(by: nil) == InstructionSet.available.last)
        #expect(try InstructionSet.chosen(by: "") == InstructionSet.available.last)
        for set in InstructionSet.available {
            #expect(try InstructionSet.chosen(by: set.rawValue) == set)
            #expect("\(set.table.name)" == set.rawValue)
        }
    }

    @Test func whatCannotBeHadIsRefused() {
        #expect(throws: InstructionSetError.unknown("mmx")) { try InstructionSet.chosen(by: "mmx") }
        #expect(
            "\(InstructionSetError.unknown("mmx"))"
                == "RNNZ_ISA=mmx: there is no such instruction set; there are baseline, avx2, avx512")
        #expect("\(InstructionSetError.unavailable(.avx512))".hasPrefix("RNNZ_ISA=avx512: this machine has baseline"))
    }

    #if os(Linux)
    @Test func listsOfProcessors() {
        #expect(Processors.list("0-3,8\n") == [0, 1, 2, 3, 8])
        #expect(Processors.list("") == [] && Processors.list("5-2") == [] && Processors.list("x") == [])
        #expect(Processors.cores >= 1)
    }
    #endif

    /// The linker keeps one copy of a weak function, whichever it meets first: one of another module's in the AVX builds might run
    /// on a processor without AVX. Those that carry the build's own name cannot be anybody else's.
    #if os(Linux)
    @Test func kernelObjectsShareNoFunctionWithOthers() throws {
        let products = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        for module in ["KernelsBaseline", "KernelsAVX2", "KernelsAVX512"] {
            let folder = products.appendingPathComponent("\(module).build")
            let objects = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.pathExtension == "o" }
            try #require(!objects.isEmpty)
            for object in objects {
                let weak = try ObjectFile(Data(contentsOf: object)).weakFunctions
                #expect(weak.filter { !$0.hasPrefix("$s\(module.count)\(module)") } == [], "\(object.lastPathComponent)")
            }
        }
    }

    /// As much of a 64-bit little-endian ELF file as has the names of functions.
    private struct ObjectFile {
        let weakFunctions: [String]

        init(_ data: Data) throws {
            let bytes = [UInt8](data)
            func number(_ offset: Int, _ size: Int) -> Int {
                (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
            }
            try #require(bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]))
            let (headers, headerSize, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2))
            var names: [String] = []
            for header in stride(from: headers, to: headers + headerSize * count, by: headerSize) where number(header + 4, 4) == 2
            {
                let strings = number(headers + headerSize * number(header + 0x28, 4) + 0x18, 8)
                let (start, size) = (number(header + 0x18, 8), number(header + 0x20, 8))
                for symbol in stride(from: start, to: start + size, by: 24) {
                    let (kind, section) = (bytes[symbol + 4], number(symbol + 6, 2))
                    // Weak, a function, and defined here.
                    guard kind >> 4 == 2, kind & 0xf == 2, section != 0 else { continue }
                    let name = bytes[(strings + number(symbol, 4))...].prefix { $0 != 0 }
                    names.append(String(decoding: name, as: UTF8.self))
                }
            }
            weakFunctions = names
        }
    }
    #endif
}
