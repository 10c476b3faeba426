/// A measurement as reports keep it: a number, or nil where it could not be taken or came out as NaN or infinite. In JSON,
/// which has no such numbers, that is null.
@propertyWrapper
struct Finite: Codable, Sendable, Equatable {
    private var value: Double?

    init(wrappedValue: Double?) { value = wrappedValue.flatMap { $0.isFinite ? $0 : nil } }

    var wrappedValue: Double? {
        get { value }
        set { self = Finite(wrappedValue: newValue) }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self.init(wrappedValue: container.decodeNil() ? nil : try container.decode(Double.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

/// The same for a list.
@propertyWrapper
struct FiniteList: Codable, Sendable, Equatable {
    private var values: [Double?]

    init(wrappedValue: [Double?]) { values = wrappedValue.map { Finite(wrappedValue: $0).wrappedValue } }

    var wrappedValue: [Double?] {
        get { values }
        set { self = FiniteList(wrappedValue: newValue) }
    }

    init(from decoder: any Decoder) throws { self.init(wrappedValue: try [Double?](from: decoder)) }

    func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
}
