import Archive
import Zoo

/// What is known about a model, for people and for scripts.
public struct ModelCard {
    private let model: Model

    public init(_ model: Model) { self.model = model }

    private var header: ArchiveHeader { model.header }

    private var parameters: Int {
        model.network?.parameterCount ?? header.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    private var vocabulary: Int? { model.network?.vocabulary ?? model.tokenizer?.idLimit }

    /// In one line, for the beginning of a session.
    public var line: String {
        guard let network = model.network else {
            return "\(header.name): a tokenizer alone, \(counted(vocabulary ?? 0, "token"))"
        }
        let facts = [
            header.architecture, counted(parameters, "parameter"), vocabulary.map { "a vocabulary of \(grouped($0))" },
            "a state of \(counted(network.stateByteCount, "byte"))",
        ]
        return "\(header.name): " + facts.compactMap { $0 }.joined(separator: ", ")
    }

    var lines: [String] {
        var rows: [[String]] = [["name", header.name]]
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { rows.append([name, value]) }
        }
        add("description", header.description)
        add("licence", header.license)
        add("architecture", header.architecture)
        add("parameters", model.network == nil ? nil : grouped(parameters))
        add("vocabulary", vocabulary.map(grouped))
        add("state", model.network.map { counted($0.stateByteCount, "byte") })
        add("window", header.window.map { counted($0, "token") })
        add("origin", header.provenance.map { "\($0.format), \($0.files.map(\.name).joined(separator: ", "))" })
        add("note", header.provenance?.note)
        add("written by", header.provenance?.converter)
        add("self-tests", header.selfTests.isEmpty ? nil : String(header.selfTests.count))
        add("defaults", header.generation.isEmpty ? nil : header.generation.keys.sorted().joined(separator: ", "))
        add("file", model.path)
        return table(rows)
    }

    func json(withProgram: Bool) -> JSON {
        let tensors = header.tensors.map { entry in
            JSON.object(
                [("name", .string(entry.name)), ("dtype", .string(entry.dtype.rawValue)), ("shape", .ids(entry.shape))]
                    + (entry.blockAxis.map { [("block_axis", .int($0))] } ?? []))
        }
        return .object(
            [
                ("name", .string(header.name)), ("version", .int(ArchiveFormat.version(of: model.header))),
                ("parameters", .int(parameters)),
                ("architecture", .optional(header.architecture)), ("vocabulary", .optional(vocabulary)),
                ("state_bytes", .int(model.network?.stateByteCount ?? 0)), ("tensors", .array(tensors)),
            ] + (withProgram ? [("program", .optional(header.program))] : []))
    }
}
