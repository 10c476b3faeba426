/// A number that is NaN or infinite, and the value of the program that it was found in: what `NetworkOptions.checks` looks for.
public struct NonFinite: Sendable, Equatable, CustomStringConvertible {
    /// As the program knows it: instance and name (`layer.1/lstm.c`), or the operator and its line.
    public var value: String
    public var isNaN: Bool
    /// Its place in the value, row by row, from 0.
    public var element: Int
    /// The place of the token (or vector) among those fed, from 0; nil for what does not depend on them.
    public var step: Int?
    /// The place in the source, or in the window, from 0; nil for what is not computed for each of its positions.
    public var position: Int?
    /// Of a batch, from 0; nil for a batch of one.
    public var sequence: Int?

    public init(
        value: String, isNaN: Bool, element: Int, step: Int? = nil, position: Int? = nil, sequence: Int? = nil
    ) {
        self.value = value
        self.isNaN = isNaN
        self.element = element
        self.step = step
        self.position = position
        self.sequence = sequence
    }

    public var description: String {
        let places = [
            step.map { "step \($0)" }, position.map { "position \($0) of what is read" }, "element \(element)",
            sequence.map { "sequence \($0) of the batch" },
        ]
        return "\(value) is \(isNaN ? "NaN" : "infinite") at \(places.compactMap { $0 }.joined(separator: ", ")), counted from 0"
    }
}

extension NetworkError {
    /// The same of a run that went on after so many steps.
    public func after(_ steps: Int) -> NetworkError {
        guard case .notFinite(var found) = self, let step = found.step else { return self }
        found.step = step + steps
        return .notFinite(found)
    }
}
