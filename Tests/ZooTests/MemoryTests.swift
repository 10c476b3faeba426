import Archive
import Foundation
import Kernels
import Testing

@testable import Zoo

/// A model larger than memory is refused before its tensors are read.
@Suite struct MemoryTests {
    private func write(_ folder: TemporaryFolder, _ type: ElementType = .f32) throws -> String {
        var header = ArchiveHeader(name: "m")
        header.program = "step(token) { return W @ (E[token] + b) }"
        let matrix = Tensor(shape: [40, 40], values: [Float](repeating: 0.5, count: 1600))
        let tensors = [
            "E": try matrix.converted(to: type), "W": try matrix.converted(to: type),
            "b": Tensor(shape: [40], values: [Float](repeating: 1, count: 40)),
        ]
        try ArchiveWriter().write(header, tensors: tensors, to: folder.file("m.rnnz"))
        return folder.file("m.rnnz")
    }

    private func failure(_ path: String, available: Int?) -> ZooError? {
        do throws(ZooError) { _ = try Model.load(path: path, availableMemory: available) } catch { return error }
        return nil
    }

    /// Two matrices of 1600 numbers and a vector of 40, and a packed copy of the matrix that is multiplied.
    @Test(arguments: [
        (ElementType.f32, 3 * 6400 + 160), (.f16, 2 * 3200 + 6400 + 160), (.q8, 3 * 40 * 2 * 34 + 160),
        (.q4, 3 * 40 * 2 * 18 + 160),
    ])
    func whatIsNeededIsKnownFromTheHeader(type: ElementType, needed: Int) throws {
        let folder = try TemporaryFolder()
        let path = try write(folder, type)
        #expect(try ArchiveReader(path: path).header.leastMemory == needed)
        #expect(failure(path, available: needed) == nil && failure(path, available: nil) == nil)
        let error = try #require(failure(path, available: needed - 1))
        guard case .notEnoughMemory(path, needed, needed - 1) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.kind == .workFailed)
    }

    @Test func bothNumbersAreTold() throws {
        let error = ZooError.notEnoughMemory(path: "m.rnnz", needed: 3 << 31, available: 512 << 20)
        #expect("\(error)" == "m.rnnz: the model needs at least 6.0 GiB of memory, and 512.0 MiB are available")
        let small = ZooError.notEnoughMemory(path: "m.rnnz", needed: 2000, available: 12)
        #expect("\(small)" == "m.rnnz: the model needs at least 2.0 KiB of memory, and 12 bytes are available")
    }

    /// Damage that reading the tensors would find: it is not come to.
    @Test func tensorsAreNotRead() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[bytes.count - 1] ^= 1
        try folder.write(bytes, to: "m.rnnz")
        guard case .archive(path, .chunkChecksumMismatch)? = failure(path, available: nil),
            case .notEnoughMemory(path, _, 100)? = failure(path, available: 100)
        else {
            Issue.record("read before it was refused")
            return
        }
    }

    @Test func verificationRefusesToo() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let reader = try ArchiveReader(path: path)
        var header = reader.header
        header.selfTests = []
        #expect(throws: ZooError.self) { try header.checkMemory(path: path, available: 100) }
        #expect(throws: ZooError.self) { try verify(path: path, availableMemory: 100) }
        #expect(try verify(path: path, availableMemory: 1 << 30).passed)
        // Sizes beyond all numbers.
        header.tensors = ["E", "W", "b"].map { TensorEntry(name: $0, dtype: .f32, shape: [1 << 60]) }
        #expect(header.leastMemory == Int.max)
        // A tokenizer alone is no matter of memory; a program that is wrong is told as such.
        header.program = nil
        #expect(header.leastMemory == 0)
        header.program = "step(token) {"
        header.tensors = reader.header.tensors
        #expect(header.leastMemory == 2 * 6400 + 160)
    }

    // MARK: What there is

    private func available(_ files: [String: String]) throws -> Int? {
        let folder = try TemporaryFolder()
        for (path, text) in files { try folder.write(Array(text.utf8), to: path) }
        return AvailableMemory.bytes(root: folder.path)
    }

    static let meminfo = "MemTotal:       24683668 kB\nMemFree:         1048576 kB\nMemAvailable:    4194304 kB\nBuffers: 0 kB\n"

    @Test func theKernelSaysWhatIsAvailable() throws {
        #expect(try available(["proc/meminfo": Self.meminfo]) == 4 << 30)
        // Where nobody says: the machine's memory.
        #expect(try #require(try available([:])) > 1 << 20)
        #expect(try #require(try available(["proc/meminfo": "MemAvailable: many kB\n"])) > 1 << 20)
    }

    @Test func theLimitsOfControlGroupsHold() throws {
        let version2 = [
            "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/user/session\n",
            "sys/fs/cgroup/user/session/memory.max": "max\n", "sys/fs/cgroup/user/session/memory.current": "1000\n",
            "sys/fs/cgroup/user/memory.max": "2000000\n", "sys/fs/cgroup/user/memory.current": "900000\n",
            "sys/fs/cgroup/user/memory.stat": "anon 5\ninactive_file 300000\n",
        ]
        #expect(try available(version2) == 1_400_000)
        // In a container: the path is the host's, and the limit stands at the root.
        #expect(
            try available([
                "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/host/docker/abc\n", "sys/fs/cgroup/memory.max": "5000\n",
                "sys/fs/cgroup/memory.current": "6000\n",
            ]) == 0)
        let version1 = [
            "proc/meminfo": Self.meminfo, "proc/self/cgroup": "12:cpu,cpuacct:/a\n7:memory:/a\n",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "700000\n",
            "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "200000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "3\n",
        ]
        #expect(try available(version1) == 500_000)
        // A limit above what the machine has does not make memory.
        var large = version2
        large["sys/fs/cgroup/user/memory.max"] = "99999999999\n"
        #expect(try available(large) == 4 << 30)
    }
}
