#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the system said.
struct FileError: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    /// The last system call's error.
    static var last: FileError { FileError(String(cString: strerror(errno))) }
}

/// Far more than any session; a longer file is something else.
private let largestFile = 1 << 32

func readFile(_ path: String) throws(FileError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe without a writer must not block
    if file < 0 { throw .last }
    defer { close(file) }
    var status = stat()
    if fstat(file, &status) != 0 { throw .last }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError("it is not a file") }
    guard status.st_size <= largestFile else { throw FileError("it is larger than \(largestFile) bytes") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
        if count < 0, errno != EINTR { throw .last }
        if count == 0 { break }
        done += max(count, 0)
    }
    return Array(bytes.prefix(done))
}

func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

func bytes(base64 text: String) -> [UInt8]? { Data(base64Encoded: text).map { Array($0) } }
