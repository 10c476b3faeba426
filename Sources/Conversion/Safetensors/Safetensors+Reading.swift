import Archive

/// The header of a safetensors file: eight bytes of length, then JSON.
struct SafetensorsHeader {
    let file: SourceFile
    /// Where the numbers begin, in bytes from the beginning of the file.
    let dataStart: Int

    private var path: String { file.path }
    private var dataCount: Int { file.size - dataStart }

    init(file: SourceFile) throws(ConversionError) {
        guard file.size >= 8 else { throw .safetensorsTooShort(path: file.path, size: file.size) }
        let lengthBytes = try file.bytes(at: 0, count: 8)
        let length = lengthBytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let limit = min(Safetensors.headerLimit, file.size - 8)
        guard length <= UInt64(limit) else {
            throw .safetensorsHeaderLength(path: file.path, length: length, limit: limit)
        }
        self.file = file
        dataStart = 8 + Int(length)
    }

    /// The tensors in the order of their bytes, and the metadata.
    func table() throws(ConversionError) -> ([Safetensors.Entry], [String: String]) {
        let text = try file.bytes(at: 8, count: dataStart - 8)
        guard text.first == UInt8(ascii: "{") else { throw .safetensorsHeader(path: path, problem: "it is no JSON object") }
        let json: JSONValue
        do throws(JSONError) {
            var limits = JSONValue.Limits()
            limits.depth = 8
            json = try JSONValue(parsing: text, limits: limits)
        } catch { throw .safetensorsHeader(path: path, problem: error.description) }
        guard let members = json.object else { throw .safetensorsHeader(path: path, problem: "it is no JSON object") }

        var metadata: [String: String] = [:]
        var entries: [Safetensors.Entry] = []
        // By name, so that of several errors always the same one is reported.
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if name == "__metadata__" {
                metadata = try self.metadata(value)
            } else {
                entries.append(try entry(name, value))
            }
        }
        try checkCoverage(&entries)
        return (entries, metadata)
    }

    private func metadata(_ value: JSONValue) throws(ConversionError) -> [String: String] {
        guard let members = value.object else { throw .safetensorsMetadata(path: path, key: "__metadata__") }
        var metadata: [String: String] = [:]
        for (key, value) in members {
            guard let text = value.string else { throw .safetensorsMetadata(path: path, key: key) }
            metadata[key] = text
        }
        return metadata
    }

    private func entry(_ name: String, _ value: JSONValue) throws(ConversionError) -> Safetensors.Entry {
        func malformed(_ problem: String) -> ConversionError { .safetensorsEntry(path: path, tensor: name, problem: problem) }
        guard let members = value.object else { throw malformed("its entry is no JSON object") }
        if let extra = members.keys.sorted().first(where: { !["dtype", "shape", "data_offsets"].contains($0) }) {
            throw malformed("its entry has the unknown key \(ConversionError.quoted(extra))")
        }
        guard let typeName = value["dtype"]?.string else { throw malformed("it has no dtype") }
        guard let type = Safetensors.NumberType(rawValue: typeName) else {
            throw .safetensorsUnknownType(path: path, tensor: name, type: typeName)
        }
        guard let shape = value["shape"]?.array.flatMap(Self.naturals) else {
            throw malformed("its shape is no list of whole numbers")
        }
        guard shape.count <= 8 else { throw malformed("it has \(shape.count) axes; at most 8 are possible") }
        guard let offsets = value["data_offsets"]?.array.flatMap(Self.naturals), offsets.count == 2, offsets[0] <= offsets[1]
        else {
            throw malformed("its data_offsets are no beginning and end")
        }
        guard let byteCount = Self.byteCount(shape: shape, bits: type.bits) else {
            throw .safetensorsTooManyElements(path: path, tensor: name, shape: shape)
        }
        guard offsets[1] <= dataCount else {
            // The sum cannot overflow: both are at most 2^53.
            throw .safetensorsOutOfFile(path: path, tensor: name, end: dataStart + offsets[1], size: file.size)
        }
        guard offsets[1] - offsets[0] == byteCount else {
            throw .safetensorsSize(path: path, tensor: name, expected: byteCount, found: offsets[1] - offsets[0])
        }
        return Safetensors.Entry(name: name, type: type, shape: shape, offset: dataStart + offsets[0], byteCount: byteCount)
    }

    /// The tensors must follow each other from the first byte of the data to the last.
    private func checkCoverage(_ entries: inout [Safetensors.Entry]) throws(ConversionError) {
        entries.sort { ($0.offset, $0.byteCount, $0.name) < ($1.offset, $1.byteCount, $1.name) }
        var end = dataStart
        var previous = ""
        for entry in entries {
            if entry.offset < end { throw .safetensorsOverlap(path: path, tensor: entry.name, other: previous) }
            if entry.offset > end { throw .safetensorsGap(path: path, tensor: entry.name, from: end, to: entry.offset) }
            end += entry.byteCount
            previous = entry.name
        }
        guard end == file.size else { throw .safetensorsTrailingBytes(path: path, count: file.size - end) }
    }

    private static func naturals(_ values: [JSONValue]) -> [Int]? {
        let numbers = values.compactMap { value in value.integer.flatMap { $0 >= 0 ? $0 : nil } }
        return numbers.count == values.count ? numbers : nil
    }

    /// nil where the product overflows, or packed numbers do not fill their last byte.
    private static func byteCount(shape: [Int], bits: Int) -> Int? {
        // A zero makes the tensor empty, but the other axes still have to be possible.
        var product = bits
        for dimension in shape {
            let (value, overflow) = product.multipliedReportingOverflow(by: max(dimension, 1))
            if overflow { return nil }
            product = value
        }
        if shape.contains(0) { return 0 }
        return product % 8 == 0 ? product / 8 : nil
    }
}
