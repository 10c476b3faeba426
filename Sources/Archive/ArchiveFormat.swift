/// The numbers of `zoo/FORMAT.md`.
public enum ArchiveFormat {
    /// The newest version that is read. Written is the lowest that can say what an archive holds, so that older readers read it.
    public static let newestVersion = 2
    /// Version 2 added quantized tensors.
    public static func version(of header: ArchiveHeader) -> Int { header.tensors.contains { $0.dtype.isQuantized } ? 2 : 1 }

    /// The byte 0x89, “RNNZ”, and three bytes that a transfer as text would change: a carriage return, a line feed, control-Z.
    static let magic: [UInt8] = [0x89, 0x52, 0x4e, 0x4e, 0x5a, 0x0d, 0x0a, 0x1a]
    static let prefixByteCount = 36
    public static let fileExtension = ".rnnz"

    /// The header, stored and inflated, in bytes.
    static let headerLimit = 64 << 20
    /// A chunk, inflated, in bytes.
    static let chunkLimit = 16 << 20
    /// How many times larger than its stored bytes a chunk may be. What memory a file can ask for is bounded by its own length.
    static let expansionLimit = 64
    static let rankLimit = 8
    static let nameLimit = 256
    static let tensorLimit = 1 << 17
}

/// The fixed beginning of a file.
struct ArchivePrefix: Equatable {
    var version: Int
    var headerStored: Int
    var headerSize: Int
    var headerCRC32: UInt32
    /// All chunks together.
    var dataLength: Int

    var bytes: [UInt8] {
        var bytes = ArchiveFormat.magic
        bytes.append(littleEndian: UInt32(version))
        bytes.append(littleEndian: UInt32(headerStored))
        bytes.append(littleEndian: UInt32(headerSize))
        bytes.append(littleEndian: headerCRC32)
        bytes.append(littleEndian: UInt64(dataLength))
        bytes.append(littleEndian: bytes.withUnsafeBytes { Zlib.crc32($0) })
        return bytes
    }

    init(version: Int = 1, headerStored: Int, headerSize: Int, headerCRC32: UInt32, dataLength: Int) {
        self.version = version
        self.headerStored = headerStored
        self.headerSize = headerSize
        self.headerCRC32 = headerCRC32
        self.dataLength = dataLength
    }

    /// - Parameter bytes: the first bytes of the file, `prefixByteCount` of them or all there are.
    init(_ bytes: [UInt8], fileLength: Int) throws(ArchiveError) {
        try Self.checkMagic(bytes)
        guard bytes.count >= 12 else { throw .truncated(expected: ArchiveFormat.prefixByteCount, found: fileLength) }
        version = Int(bytes.littleEndian(at: 8, as: UInt32.self))
        guard (1...ArchiveFormat.newestVersion).contains(version) else {
            throw .unsupportedVersion(found: version, newest: ArchiveFormat.newestVersion)
        }
        guard bytes.count == ArchiveFormat.prefixByteCount else {
            throw .truncated(expected: ArchiveFormat.prefixByteCount, found: fileLength)
        }
        guard bytes[..<32].withUnsafeBytes({ Zlib.crc32($0) }) == bytes.littleEndian(at: 32, as: UInt32.self) else {
            throw .prefixChecksumMismatch
        }
        headerStored = Int(bytes.littleEndian(at: 12, as: UInt32.self))
        headerSize = Int(bytes.littleEndian(at: 16, as: UInt32.self))
        headerCRC32 = bytes.littleEndian(at: 20, as: UInt32.self)
        let data = bytes.littleEndian(at: 24, as: UInt64.self)
        for size in [headerStored, headerSize] where size > ArchiveFormat.headerLimit {
            throw .headerTooLarge(byteCount: size, limit: ArchiveFormat.headerLimit)
        }
        let start = ArchiveFormat.prefixByteCount + headerStored
        guard start <= fileLength, data <= UInt64(fileLength - start) else {
            let (whole, overflows) = UInt64(start).addingReportingOverflow(data)
            throw .truncated(expected: overflows ? Int.max : Int(clamping: whole), found: fileLength)
        }
        dataLength = Int(data)
        guard start + dataLength == fileLength else { throw .trailingBytes(count: fileLength - start - dataLength) }
    }

    /// Says what a foreign file seems to be: people rename, download badly, and forget to fetch large files.
    private static func checkMagic(_ bytes: [UInt8]) throws(ArchiveError) {
        if bytes.isEmpty { throw .emptyFile }
        if bytes.starts(with: ArchiveFormat.magic) { return }
        if bytes.count < ArchiveFormat.magic.count && ArchiveFormat.magic.starts(with: bytes) {
            throw .truncated(expected: ArchiveFormat.prefixByteCount, found: bytes.count)
        }
        if bytes.starts(with: "version https://git-lfs".utf8) { throw .gitLFSPointer }
        if bytes.prefix(12).contains(0x4e), String(decoding: bytes.prefix(12), as: UTF8.self).contains("RNNZ") {
            throw .changedInTransfer
        }
        throw .notAnArchive(looksLike: resemblance(bytes))
    }

    private static func resemblance(_ bytes: [UInt8]) -> String? {
        func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
        if begins("PK\u{3}\u{4}") { return "a zip file, such as a PyTorch or Keras checkpoint" }
        if bytes.starts(with: [0x89, 0x48, 0x44, 0x46]) { return "an HDF5 file, such as a Keras checkpoint" }
        if bytes.starts(with: [0x1f, 0x8b]) { return "a gzip file" }
        if bytes.starts(with: [0x80, 0x02]) || bytes.starts(with: [0x80, 0x04]) { return "a Python pickle" }
        if begins("GGUF") { return "a GGUF file" }
        if bytes.count >= 9, bytes[8] == UInt8(ascii: "{"), bytes[5] | bytes[6] | bytes[7] == 0 { return "a safetensors file" }
        if begins("{") || begins("[") { return "JSON" }
        if begins("<!") || begins("<html") { return "a web page" }
        return nil
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    func littleEndian<T: FixedWidthInteger>(at offset: Int, as type: T.Type) -> T {
        withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }
}
