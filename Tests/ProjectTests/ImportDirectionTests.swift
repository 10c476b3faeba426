import Foundation
import Testing

/// Imports run downwards only. This is the list of what each target may import of ours; a new edge is a decision, made here.
@Suite struct ImportDirectionTests {
    static let allowed: [String: Set<String>] = [
        "CReadline": [],
        "CZlib": [],
        "KernelInterface": [],
        "KernelsBaseline": ["KernelInterface", "_Builtin_intrinsics"],
        "KernelsAVX2": ["KernelInterface", "_Builtin_intrinsics"],
        "KernelsAVX512": ["KernelInterface", "_Builtin_intrinsics"],
        "Kernels": ["KernelInterface", "KernelsBaseline", "KernelsAVX2", "KernelsAVX512"],
        "Archive": ["Kernels", "CZlib"],
        "Tokenization": ["Kernels"],
        "Network": ["Kernels"],
        "Zoo": ["Network", "Archive", "Tokenization", "Kernels"],
        "Generation": ["Zoo", "Network", "Archive", "Tokenization", "Kernels"],
        "Conversion": ["Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
        "Training": ["Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
        "Shell": [
            "Training", "Conversion", "Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels", "ArgumentParser",
        ],
        "rnnz": ["Shell", "CReadline"],
    ]
    /// What comes with the toolchain.
    static let system: Set<String> = [
        "Swift", "Glibc", "Musl", "Darwin", "Foundation", "FoundationEssentials", "Synchronization", "Dispatch",
    ]

    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    /// The modules that a file imports, attributes and access levels aside.
    static func imports(in source: String) -> [String] {
        source.split(separator: "\n").compactMap { line in
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            let rest = words.drop {
                $0.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains($0)
            }
            guard rest.first == "import", rest.count >= 2 else { return nil }
            let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            let name = rest.dropFirst().first { !kinds.contains($0) } ?? ""
            return String(name.prefix { $0 != "." })
        }
    }

    private static func files(of target: String) throws -> [URL] {
        let enumerator = FileManager.default.enumerator(at: sources.appending(path: target), includingPropertiesForKeys: nil)
        return (enumerator?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
    }

    @Test func everyTargetIsListed() throws {
        for target in try FileManager.default.contentsOfDirectory(atPath: Self.sources.path) {
            if try Self.files(of: target).isEmpty { continue }
            #expect(Self.allowed[target] != nil, "\(target) has sources but no list of allowed imports")
        }
    }

    @Test func importsRunDownwards() throws {
        var seen = 0
        for (target, allowed) in Self.allowed {
            for file in try Self.files(of: target) {
                for module in Self.imports(in: try String(contentsOf: file, encoding: .utf8)) where !Self.system.contains(module)
                {
                    seen += 1
                    #expect(allowed.contains(module), "\(target)/\(file.lastPathComponent) imports \(module)")
                }
            }
        }
        #expect(seen > 20)
    }

    /// Only the executable links readline, so that the libraries stay free of its licence; only `Prompt` in it imports it.
    @Test func onlyThePromptKnowsReadline() throws {
        for target in Self.allowed.keys {
            for file in try Self.files(of: target)
            where Self.imports(in: try String(contentsOf: file, encoding: .utf8)).contains("CReadline") {
                #expect(target == "rnnz" && file.path.contains("/Prompt/"), "\(file.lastPathComponent) imports CReadline")
            }
        }
    }

    @Test func importsAreFound() {
        let source =
            "@preconcurrency import Glibc\n  import struct Network.State\npublic import Kernels\n// import Shell\nlet x = 1"
        #expect(Self.imports(in: source) == ["Glibc", "Network", "Kernels"])
    }
}
