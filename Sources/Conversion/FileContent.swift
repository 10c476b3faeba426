/// What a file's first bytes say it is, whatever its name.
public enum FileContent: Sendable, Equatable {
    case empty
    case rnnz
    case safetensors
    case torchZip
    case kerasZip
    case numpyZip
    case zip
    case pickle
    case hdf5
    case gguf
    case ggml
    case onnx
    case numpy
    case gzip
    case gitLFSPointer
    case webPage
    case json
    case text
    case unknown

    /// How many bytes are looked at.
    static let prefixLength = 4096

    /// - Parameter bytes: the first bytes of the file, `prefixLength` of them or all.
    init(_ bytes: [UInt8]) {
        func begins(_ text: StaticString) -> Bool { text.withUTF8Buffer { bytes.starts(with: $0) } }
        func begins(_ start: [UInt8]) -> Bool { bytes.starts(with: start) }
        if bytes.isEmpty {
            self = .empty
        } else if begins([0x89, 0x52, 0x4e, 0x4e, 0x5a]) {
            self = .rnnz
        } else if begins("PK\u{03}\u{04}") {
            self = Self.zip(bytes)
        } else if begins([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]) {
            self = .hdf5
        } else if begins("GGUF") {
            self = .gguf
        } else if begins("lmgg") || begins("fmgg") || begins("tjgg") {
            self = .ggml  // the old magics, little-endian
        } else if begins([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]) {
            self = .numpy
        } else if Self.isPlainlySafetensors(bytes) {
            self = .safetensors
        } else if begins([0x1f, 0x8b]) {
            self = .gzip
        } else if begins("version https://git-lfs") {
            self = .gitLFSPointer
        } else if bytes.count >= 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
            self = .pickle
        } else if Self.isSafetensors(bytes) {
            self = .safetensors
        } else if Self.isONNX(bytes) {
            self = .onnx
        } else {
            self = Self.text(bytes)
        }
    }

    /// A length below 2^32, then a JSON object. The length's first bytes may be those that a pickle or gzip begins with (a header of
    /// 640 bytes: `80 02`), but these have no zeros and brace after them.
    private static func isPlainlySafetensors(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 9 && bytes[4..<8].allSatisfy { $0 == 0 } && bytes[8] == UInt8(ascii: "{")
    }

    /// Eight bytes of length, of which no header fills all, then a JSON object. What is wrong with either, the reader says better.
    private static func isSafetensors(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 9, bytes[8] == UInt8(ascii: "{") else { return false }
        return bytes[..<8].contains { $0 < 0x09 || $0 >= 0xf8 }
    }

    /// A protocol buffer: field 1 (`ir_version`) is a small number, and field 2, 3, 7 or 8 follows with a length.
    private static func isONNX(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 4, bytes[0] == 0x08, (1...20).contains(bytes[1]) else { return false }
        return [0x12, 0x1a, 0x3a, 0x42].contains(bytes[2])
    }

    private static func zip(_ bytes: [UInt8]) -> FileContent {
        func contains(_ text: String) -> Bool {
            let needle = Array(text.utf8)
            guard bytes.count >= needle.count else { return false }
            return (0...(bytes.count - needle.count)).contains { bytes[$0...].starts(with: needle) }
        }
        if contains("/data.pkl") { return .torchZip }
        if contains("model.weights.h5") || contains("config.json") && contains("metadata.json") { return .kerasZip }
        return contains(".npy") ? .numpyZip : .zip
    }

    private static func text(_ bytes: [UInt8]) -> FileContent {
        // The last character may be cut in two.
        let isText = (0..<4).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil } && !bytes.contains(0)
        guard isText else { return .unknown }
        let start = String(decoding: bytes.prefix(256), as: UTF8.self).drop { $0.isWhitespace }.lowercased()
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return .webPage }
        return start.hasPrefix("{") || start.hasPrefix("[") ? .json : .text
    }
}

extension FileContent: CustomStringConvertible {
    /// With its article, to stand in a sentence.
    public var description: String {
        switch self {
        case .empty: "an empty file"
        case .rnnz: "an .rnnz archive"
        case .safetensors: "a safetensors file"
        case .torchZip: "a PyTorch checkpoint (zip)"
        case .kerasZip: "a Keras model (zip)"
        case .numpyZip: "a NumPy archive (.npz)"
        case .zip: "a zip file"
        case .pickle: "a Python pickle (perhaps an old PyTorch checkpoint)"
        case .hdf5: "an HDF5 file (perhaps a Keras model)"
        case .gguf: "a GGUF file"
        case .ggml: "a GGML file"
        case .onnx: "an ONNX model"
        case .numpy: "a NumPy array"
        case .gzip: "a gzip file"
        case .gitLFSPointer: "a Git LFS pointer, not the file itself"
        case .webPage: "a web page"
        case .json: "JSON"
        case .text: "text"
        case .unknown: "of an unknown kind"
        }
    }

    /// What to do with a file that no importer takes.
    var advice: String? {
        switch self {
        case .torchZip, .pickle:
            "this build does not read pickles: write the state dictionary with safetensors.torch.save_file"
        case .kerasZip, .numpyZip, .zip, .hdf5, .gguf, .ggml, .onnx, .numpy: "this build does not read it yet"
        case .gzip: "unpack it first"
        case .gitLFSPointer: "fetch the file with git lfs pull"
        case .webPage: "the download probably failed"
        case .empty, .rnnz, .safetensors, .json, .text, .unknown: nil
        }
    }
}
