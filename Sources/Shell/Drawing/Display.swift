/// What a screen, or the pipe that stands in its place, can show.
public struct Display: Sendable, Equatable {
    /// Columns of a line.
    public var columns: Int
    public var hasColour: Bool
    /// Whether characters beyond ASCII arrive as what they are.
    public var isUTF8: Bool

    public init(columns: Int = 80, hasColour: Bool = false, isUTF8: Bool = true) {
        self.columns = columns
        self.hasColour = hasColour
        self.isUTF8 = isUTF8
    }

    /// POSIX, section 8.2: the first of these variables that is not empty names the locale, and its code set follows a dot.
    public static func isUTF8(_ environment: [String: String]) -> Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let codeSet = locale.split(separator: ".", maxSplits: 1).dropFirst().first?.split(separator: "@").first ?? ""
        return codeSet.lowercased().filter { $0 != "-" } == "utf8"
    }
}
