import Kernels

// A key whose value is null is as if absent; unknown keys are skipped, so that a later version may add what a reader need not know.

extension ArchiveHeader: Codable {
    public init(from decoder: any Decoder) throws { try self.init(json: try JSONValue(from: decoder)) }

    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}

extension ArchiveHeader {
    public init(json: JSONValue) throws(ArchiveError) {
        let field = HeaderField(value: json, path: "")
        guard json.object != nil else { throw field.failure("an object") }
        self.init(name: try field["name"].string())
        architecture = try field["architecture"].optional { (f) throws(ArchiveError) in try f.string() }
        description = try field["description"].optional { (f) throws(ArchiveError) in try f.string() }
        license = try field["license"].optional { (f) throws(ArchiveError) in try f.string() }
        provenance = try field["provenance"].optional { (f) throws(ArchiveError) in try Provenance(f) }
        program = try field["program"].optional { (f) throws(ArchiveError) in try f.string() }
        let numbers = field["hyperparameters"]
        for key in try numbers.object().keys { hyperparameters[key] = try numbers[key].number() }
        tokenizers = try field["tokenizers"].object()
        special = try field["special"].optional { (f) throws(ArchiveError) in try SpecialTokens(f) } ?? SpecialTokens()
        unusedIDs = try field["unused_ids"].optional { (f) throws(ArchiveError) in try f.count() } ?? 0
        window = try field["window"].optional { (f) throws(ArchiveError) in try f.positive() }
        sourceLimit = try field["source_limit"].optional { (f) throws(ArchiveError) in try f.positive() }
        targetLimit = try field["target_limit"].optional { (f) throws(ArchiveError) in try f.positive() }
        generation = try field["generation"].object()
        tensors = try field["tensors"].array { (f) throws(ArchiveError) in try TensorEntry(f) }
        selfTests = try field["self_tests"].array { (f) throws(ArchiveError) in try SelfTest(f) }
        training = try field["training"].optional { (f) throws(ArchiveError) in .object(try f.object()) }
    }

    public var json: JSONValue {
        var members: [String: JSONValue] = ["name": .string(name)]
        members["architecture"] = architecture.map { .string($0) }
        members["description"] = description.map { .string($0) }
        members["license"] = license.map { .string($0) }
        members["provenance"] = provenance?.json
        members["program"] = program.map { .string($0) }
        if !hyperparameters.isEmpty { members["hyperparameters"] = .object(hyperparameters.mapValues { .number($0) }) }
        if !tokenizers.isEmpty { members["tokenizers"] = .object(tokenizers) }
        if special != SpecialTokens() { members["special"] = special.json }
        if unusedIDs != 0 { members["unused_ids"] = JSONValue(unusedIDs) }
        members["window"] = window.map { JSONValue($0) }
        members["source_limit"] = sourceLimit.map { JSONValue($0) }
        members["target_limit"] = targetLimit.map { JSONValue($0) }
        if !generation.isEmpty { members["generation"] = .object(generation) }
        if !tensors.isEmpty { members["tensors"] = .array(tensors.map { $0.json }) }
        if !selfTests.isEmpty { members["self_tests"] = .array(selfTests.map { $0.json }) }
        members["training"] = training
        return .object(members)
    }
}

extension Provenance {
    init(_ field: HeaderField) throws(ArchiveError) {
        format = try field["format"].string()
        files = try field["files"].array { (f) throws(ArchiveError) in
            File(name: try f["name"].string(), sha256: try f["sha256"].digest())
        }
        converter = try field["converter"].string()
        note = try field["note"].optional { (f) throws(ArchiveError) in try f.string() }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["format": .string(format), "converter": .string(converter)]
        members["files"] = .array(files.map { .object(["name": .string($0.name), "sha256": .string($0.sha256)]) })
        members["note"] = note.map { .string($0) }
        return .object(members)
    }
}

extension SpecialTokens {
    init(_ field: HeaderField) throws(ArchiveError) {
        guard field.value?.object != nil else { throw field.failure("an object") }
        start = try field["start"].optional { (f) throws(ArchiveError) in try f.count() }
        end = try field["end"].optional { (f) throws(ArchiveError) in try f.count() }
        unknown = try field["unknown"].optional { (f) throws(ArchiveError) in try f.count() }
        padding = try field["padding"].optional { (f) throws(ArchiveError) in try f.count() }
        startText = try field["start_text"].optional { (f) throws(ArchiveError) in try f.string() }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [:]
        members["start"] = start.map { JSONValue($0) }
        members["end"] = end.map { JSONValue($0) }
        members["unknown"] = unknown.map { JSONValue($0) }
        members["padding"] = padding.map { JSONValue($0) }
        members["start_text"] = startText.map { .string($0) }
        return .object(members)
    }
}

extension SelfTest {
    init(_ field: HeaderField) throws(ArchiveError) {
        origin = try field["origin"].string()
        ids = try field["ids"].required { (f) throws(ArchiveError) in try f.count() }
        guard !ids.isEmpty else { throw field["ids"].failure("an array of at least one id") }
        logits = try field["logits"].optional { (f) throws(ArchiveError) in
            try f.array { (f) throws(ArchiveError) in try f.number() }
        }
        greedy = try field["greedy"].optional { (f) throws(ArchiveError) in
            try f.array { (f) throws(ArchiveError) in try f.count() }
        }
        tolerance = try field["tolerance"].number()
        guard tolerance >= 0 else { throw field["tolerance"].failure("a number, at least 0") }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["origin": .string(origin), "ids": JSONValue(ids), "tolerance": .number(tolerance)]
        members["logits"] = logits.map { .array($0.map { .number($0) }) }
        members["greedy"] = greedy.map { JSONValue($0) }
        return .object(members)
    }
}

extension TensorEntry {
    init(_ field: HeaderField) throws(ArchiveError) {
        name = try field["name"].string()
        let type = try field["dtype"].string()
        guard let dtype = ElementType(rawValue: type) else { throw .unknownElementType(tensor: name, name: type) }
        self.dtype = dtype
        shape = try field["shape"].required { (f) throws(ArchiveError) in try f.count() }
        // Says something of blocks alone: elsewhere it is passed over as an unknown key is.
        if dtype.isQuantized { blockAxis = try field["block_axis"].optional { (f) throws(ArchiveError) in try f.count() } }
        sha256 = try field["sha256"].digest()
        chunks = []
        let list = try field["chunks"].array { (f) throws(ArchiveError) in f }
        chunks.reserveCapacity(list.count)
        for (i, chunk) in list.enumerated() { chunks.append(try Chunk(chunk, tensor: name, index: i)) }
        sources = try field["sources"].array { (f) throws(ArchiveError) in try Source(f) }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["name": .string(name), "dtype": .string(dtype.rawValue), "shape": JSONValue(shape)]
        members["block_axis"] = blockAxis.map { JSONValue($0) }
        members["sha256"] = .string(sha256)
        members["chunks"] = .array(chunks.map { $0.json })
        if !sources.isEmpty { members["sources"] = .array(sources.map { $0.json }) }
        return .object(members)
    }
}

extension TensorEntry.Chunk {
    init(_ field: HeaderField, tensor: String, index: Int) throws(ArchiveError) {
        offset = try field["offset"].count()
        stored = try field["stored"].count()
        size = try field["size"].count()
        let name = try field["encoding"].string()
        guard let encoding = Encoding(rawValue: name) else {
            throw .unknownChunkEncoding(tensor: tensor, chunk: index, name: name)
        }
        self.encoding = encoding
        guard let sum = UInt32(exactly: try field["crc32"].count()) else {
            throw field["crc32"].failure("a whole number of 0 to 4294967295")
        }
        crc32 = sum
    }

    var json: JSONValue {
        .object([
            "offset": JSONValue(offset), "stored": JSONValue(stored), "size": JSONValue(size),
            "encoding": .string(encoding.rawValue), "crc32": JSONValue(Int(crc32)),
        ])
    }
}

extension TensorEntry.Source {
    init(_ field: HeaderField) throws(ArchiveError) {
        name = try field["name"].string()
        shape = try field["shape"].required { (f) throws(ArchiveError) in try f.count() }
        steps = try field["steps"].array { (f) throws(ArchiveError) in try Step(f) }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["name": .string(name), "shape": JSONValue(shape)]
        if !steps.isEmpty { members["steps"] = .array(steps.map { $0.json }) }
        return .object(members)
    }
}

extension TensorEntry.Source.Step {
    /// A step is an array: its name, then its numbers.
    init(_ field: HeaderField) throws(ArchiveError) {
        let parts = try field.required { (f) throws(ArchiveError) in f }
        let failure = field.failure("one of [\"transpose\"], [\"reshape\", SIZE…], [\"squeeze\", AXIS] and [\"rows\", FROM, TO]")
        guard let name = parts.first?.value?.string else { throw failure }
        var numbers: [Int] = []
        for part in parts.dropFirst() { numbers.append(try part.count()) }
        switch (name, numbers.count) {
        case ("transpose", 0): self = .transpose
        case ("reshape", _): self = .reshape(numbers)
        case ("squeeze", 1): self = .squeeze(axis: numbers[0])
        case ("rows", 2): self = .rows(from: numbers[0], to: numbers[1])
        default: throw failure
        }
    }

    var json: JSONValue {
        switch self {
        case .transpose: [.string("transpose")].json
        case .reshape(let shape): ([.string("reshape")] + shape.map { JSONValue($0) }).json
        case .squeeze(let axis): [.string("squeeze"), JSONValue(axis)].json
        case .rows(let from, let to): [.string("rows"), JSONValue(from), JSONValue(to)].json
        }
    }
}

extension [JSONValue] {
    fileprivate var json: JSONValue { .array(self) }
}
