import Foundation
import Kernels
import Testing

@testable import Archive

@Suite struct WritingTests {
    let tensors = ["w": randomTensor(.f32, [1000, 100], seed: 5)]

    @Test func anArchiveReplacesAnother() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.rnnz")
        try ArchiveWriter().write(ArchiveHeader(name: "old"), tensors: [:], to: path)
        chmod(path, 0o640)
        try ArchiveWriter().write(ArchiveHeader(name: "new"), tensors: tensors, to: path)
        #expect(try ArchiveReader(path: path).header.name == "new")
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o640)
        #expect(folder.names == ["a.rnnz"])
    }

    @Test func anOpenArchiveOutlivesItsReplacement() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.rnnz")
        try ArchiveWriter().write(ArchiveHeader(name: "old"), tensors: tensors, to: path)
        let old = try ArchiveReader(path: path)
        try ArchiveWriter().write(ArchiveHeader(name: "new"), tensors: [:], to: path)
        #expect(try old.tensor("w").bytes == tensors["w"]?.bytes)
    }

    @Test func aSymbolicLinkIsWrittenThrough() throws {
        let folder = try TemporaryFolder()
        try writeFile(folder.file("real.rnnz"), [1])
        #expect(symlink("real.rnnz", folder.file("link.rnnz")) == 0)
        try ArchiveWriter().write(ArchiveHeader(name: "x"), tensors: [:], to: folder.file("link.rnnz"))
        #expect(try ArchiveReader(path: folder.file("real.rnnz")).header.name == "x")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link.rnnz")) == "real.rnnz")
    }

    @Test func aMissingFolderIsNamed() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ArchiveError.folderNotWritable(path: folder.file("none"), reason: "no such file or directory")) {
            try ArchiveWriter().write(ArchiveHeader(name: "x"), tensors: [:], to: folder.file("none/a.rnnz"))
        }
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may write everywhere"))
    func aFolderWithoutPermissionIsNamed() throws {
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o500)
        defer { chmod(folder.path, 0o700) }
        #expect(throws: ArchiveError.folderNotWritable(path: folder.path, reason: "permission denied")) {
            try ArchiveWriter().write(ArchiveHeader(name: "x"), tensors: [:], to: folder.file("a.rnnz"))
        }
    }

    @Test func aFolderIsNotReplaced() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ArchiveError.destinationIsNoFile(path: folder.path)) {
            try ArchiveWriter().write(ArchiveHeader(name: "x"), tensors: [:], to: folder.path)
        }
    }

    #if os(Linux)
    /// A limit on the size of files stands in for a full disk, met in the spool or by the last byte of the archive itself. It
    /// holds for a whole process, so one is started for it.
    @Test(arguments: [true, false]) func aFullDiskLeavesTheOldFile(inTheSpool: Bool) async throws {
        await #expect(processExitsWith: .success) { [inTheSpool] in
            let folder = try TemporaryFolder()
            let path = folder.file("a.rnnz")
            let tensors = ["w": randomTensor(.f32, [1000, 100], seed: 5), "z": randomTensor(.f32, [100, 200], seed: 6)]
            let size = try ArchiveWriter().write(ArchiveHeader(name: "new"), tensors: tensors, to: path)
            try ArchiveWriter().write(ArchiveHeader(name: "old"), tensors: [:], to: path)
            let before = try readFile(path)
            signal(SIGXFSZ, SIG_IGN)
            let limit = rlim_t(inTheSpool ? size / 3 : size - 1)
            var limits = rlimit(rlim_cur: limit, rlim_max: limit)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits) == 0)
            #expect(throws: ArchiveError.diskFull(path: path, reason: "file too large")) {
                try ArchiveWriter().write(ArchiveHeader(name: "new"), tensors: tensors, to: path)
            }
            #expect(try readFile(path) == before)
            #expect(folder.names == ["a.rnnz"])
        }
    }
    #endif

    @Test func anErrorInTheMiddleLeavesNothing() throws {
        let folder = try TemporaryFolder()
        var header = ArchiveHeader(name: "x")
        header.tensors = [TensorEntry(name: "a"), TensorEntry(name: "b")]
        #expect(throws: ArchiveError.noSuchTensor(name: "b")) {
            try ArchiveWriter().write(header, to: folder.file("a.rnnz")) { (name) throws(ArchiveError) in
                guard name == "a" else { throw .noSuchTensor(name: name) }
                return Tensor(shape: [1], values: [1])
            }
        }
        #expect(folder.names.isEmpty)
    }

    /// However often it is asked before it is told to stop.
    @Test(arguments: [0, 1]) func anInterruptLeavesTheOldFile(after batches: Int) throws {
        let folder = try TemporaryFolder()
        try writeFile(folder.file("a.rnnz"), [1, 2, 3])
        var writer = ArchiveWriter()
        writer.chunkByteCount = 1 << 10
        var asked = 0
        #expect(throws: ArchiveError.interrupted) {
            try writer.write(ArchiveHeader(name: "x"), tensors: tensors, to: folder.file("a.rnnz")) {
                asked += 1
                return asked > batches
            }
        }
        #expect(asked == batches + 1)
        #expect(try readFile(folder.file("a.rnnz")) == [1, 2, 3])
        #expect(folder.names == ["a.rnnz"])
    }

    @Test func allMissingTensorsAreNamedAtOnce() throws {
        let folder = try TemporaryFolder()
        var header = ArchiveHeader(name: "x")
        header.tensors = ["a", "w", "b"].map { TensorEntry(name: $0) }
        #expect(throws: ArchiveError.missingTensors(names: ["a", "b"])) {
            try ArchiveWriter().write(header, tensors: tensors, to: folder.file("a.rnnz"))
        }
        #expect(folder.names.isEmpty)
    }

    @Test func whatNoReaderWouldAcceptIsNotWritten() throws {
        let folder = try TemporaryFolder()
        func failure(_ change: (inout ArchiveHeader) -> Void) -> ArchiveError? {
            var header = ArchiveHeader(name: "x")
            change(&header)
            do throws(ArchiveError) {
                try ArchiveWriter().write(header, tensors: tensors, to: folder.file("a.rnnz"))
            } catch { return error }
            return nil
        }
        #expect(failure { $0.hyperparameters["eps"] = .nan } == .nonFiniteNumber)
        #expect(failure { $0.window = 0 } == .headerField(path: "window", expected: "a whole number, at least 1"))
        #expect(failure { $0.tensors = [TensorEntry(name: "w"), TensorEntry(name: "w")] } == .duplicateTensor(name: "w"))
        #expect(
            failure { $0.tensors = [TensorEntry(name: "w", source: .init(name: "s", shape: [100, 1000]))] }
                == .sourceDoesNotFit(tensor: "w", problem: "it makes shape [100, 1000], and the tensor has [1000, 100]"))
        #expect(folder.names.isEmpty)
    }
}
