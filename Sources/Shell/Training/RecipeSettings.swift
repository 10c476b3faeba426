import Training
import Zoo

/// The keys of a recipe as options of a command. They are in no declaration: they become the values of one hidden option.
enum RecipeSettings {
    static let option = "--recipe-setting"

    /// - Parameter type: has a hidden option of that name.
    static func prepared<C: Command>(_ words: [String], for type: C.Type) throws -> [String] {
        let declared = OptionDescription.all(of: C.self)
        let own = declared.flatMap(\.names) + ["--help", "-h", option]
        let withValue = declared.filter { $0.valueName != nil }.flatMap(\.names) + [option]
        var (result, rest): ([String], ArraySlice<String>) = ([], words[...])
        while let word = rest.popFirst() {
            if word == "--" { return result + [word] + rest }
            guard word.hasPrefix("--") else {
                result.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if own.contains(parts[0]) {
                result.append(word)
                // Its value is none of ours, whatever it looks like.
                if parts.count == 1, withValue.contains(word), let value = rest.popFirst() { result.append(value) }
                continue
            }
            guard let key = RecipeKey.all.first(where: { "--" + $0.name == parts[0] }) else {
                let names = own.filter { $0 != option } + RecipeKey.all.map { "--" + $0.name }
                let advice = nearestName(to: parts[0], among: names).map { "did you mean “\($0)”?" } ?? "see --help"
                throw Failure.usage("there is no option “\(parts[0])”; \(advice)")
            }
            var value = parts.count == 2 ? parts[1] : nil
            let isFlag = key.choices == ["yes", "no"]
            if value == nil { value = isFlag && !["yes", "no", "true", "false"].contains(rest.first) ? "yes" : rest.popFirst() }
            guard let value else { throw Failure.usage("“\(word)” needs a value: \(key.placeholder)") }
            result += [option, "\(key.name)=\(value)"]
        }
        return result
    }

    /// - Parameter settings: `NAME=VALUE`; the later over the earlier.
    static func apply(_ settings: [String], to recipe: inout Recipe) throws {
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw Failure.usage("“\(setting)” is no setting; it should be NAME=VALUE") }
            try recipe.set(parts[0], to: parts[1])
        }
    }
}
