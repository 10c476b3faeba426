/// A setting of a recipe: what it is called in a file and, with two dashes before it, on a command line; how it is read and written.
public struct RecipeKey: Sendable {
    public let name: String
    /// What a value looks like: `N`, `FILE`, `adam|sgd`.
    public let placeholder: String
    public let help: String
    /// What it is without being told, as it would be written; nil: nothing, or something that depends on others.
    public let standard: String?
    /// Of `placeholder`, for errors: “a whole number, at least 1”.
    let expected: String
    /// A path is meant from the recipe's folder.
    let isPath: Bool
    /// - Returns: false where the text is no such value.
    let set: @Sendable (inout Recipe, String) -> Bool
    /// nil where the recipe has what it has without being told.
    let get: @Sendable (Recipe) -> String?
}

extension RecipeKey {
    private typealias Path<T> = WritableKeyPath<Recipe, T> & Sendable

    /// The general case: a value of its own kind, read from a text and written as one.
    private static func value<T: Equatable & Sendable>(
        _ name: String, _ path: Path<T>, _ placeholder: String, _ help: String, expected: String, isPath: Bool = false,
        read: @escaping @Sendable (String) -> T?, write: @escaping @Sendable (T) -> String
    ) -> RecipeKey {
        let standard = write(Recipe()[keyPath: path])
        return RecipeKey(
            name: name, placeholder: placeholder, help: help, standard: standard.isEmpty ? nil : standard, expected: expected,
            isPath: isPath,
            set: { recipe, text in
                guard let value = read(text) else { return false }
                recipe[keyPath: path] = value
                return true
            },
            get: { recipe in recipe[keyPath: path] == Recipe()[keyPath: path] ? nil : write(recipe[keyPath: path]) })
    }

    private static func text(_ name: String, _ path: Path<String?>, _ help: String) -> RecipeKey {
        value(name, path, "TEXT", help, expected: "a text", read: { $0 }, write: { $0 ?? "" })
    }

    private static func file(
        _ name: String, _ path: Path<String?>, _ help: String, placeholder: String = "FILE"
    ) -> RecipeKey {
        let read: @Sendable (String) -> String?? = { text in
            // The system would read the path up to there.
            if text.isEmpty || text.utf8.contains(0) { return nil }
            return text
        }
        return value(name, path, placeholder, help, expected: "a path", isPath: true, read: read, write: { $0 ?? "" })
    }

    private static func count(_ name: String, _ path: Path<Int>, _ help: String, least: Int = 1) -> RecipeKey {
        value(
            name, path, "N", help, expected: "a whole number, at least \(least)", read: { whole($0, least) }, write: { "\($0)" })
    }

    private static func optionalCount(_ name: String, _ path: Path<Int?>, _ help: String) -> RecipeKey {
        value(
            name, path, "N", help, expected: "a whole number, at least 1", read: { whole($0, 1).map { $0 } },
            write: { $0.map { "\($0)" } ?? "" })
    }

    private static func number(_ name: String, _ path: Path<Double>, _ help: String) -> RecipeKey {
        value(name, path, "X", help, expected: "a number", read: { finite($0) }, write: { shown($0) })
    }

    private static func optionalNumber(_ name: String, _ path: Path<Double?>, _ help: String) -> RecipeKey {
        value(
            name, path, "X", help, expected: "a number", read: { finite($0).map { $0 } }, write: { $0.map { shown($0) } ?? "" })
    }

    private static func choice<T: RawRepresentable & CaseIterable & Equatable & Sendable>(
        _ name: String, _ path: Path<T>, _ help: String
    ) -> RecipeKey where T.RawValue == String {
        let names = T.allCases.map(\.rawValue)
        return value(
            name, path, names.joined(separator: "|"), help, expected: names.joined(separator: ", "),
            read: { T(rawValue: $0) }, write: { $0.rawValue })
    }

    private static func flag(_ name: String, _ path: Path<Bool>, _ help: String) -> RecipeKey {
        value(
            name, path, "yes|no", help, expected: "yes or no",
            read: { ["yes": true, "true": true, "no": false, "false": false][$0] }, write: { $0 ? "yes" : "no" })
    }

    // MARK: All of them

    /// In the order in which a recipe is written and help is shown.
    public static let groups: [(title: String, keys: [RecipeKey])] = [
        ("Model", model), ("Text", text), ("Network", network), ("Steps", steps), ("Run", run),
    ]

    public static let all = groups.flatMap(\.keys)

    /// The values there are, where they are few.
    public var choices: [String] {
        placeholder.contains("|") ? placeholder.split(separator: "|").map(String.init).filter { $0 == $0.lowercased() } : []
    }

    public var takesFile: Bool { placeholder.hasSuffix("FILE") }

    private static var model: [RecipeKey] {
        [
            text("name", \.name, "what the model is called"), text("description", \.description, "what it is, in a sentence"),
            text("license", \.license, "of the model, as an SPDX expression"),
            text("note", \.note, "where its text came from, and credit"),
            file("out", \.output, "the archive that is made"),
            file("checkpoint", \.checkpoint, "where the training can go on from; beside the archive if not given"),
            choice("storage", \.storage, "what the archive's matrices are stored as"),
            text("start-text", \.startText, "what a text begins with that is given no beginning"),
        ]
    }

    private static var text: [RecipeKey] {
        [
            file("corpus", \.corpus, "the text to learn from"), file("validation", \.validation, "a text to measure on"),
            number("validation-share", \.validationShare, "or the last part of the corpus"),
            value(
                "tokenizer", \.tokenizer, "characters|bytes|FILE", "how text becomes ids; a file is a vocabulary in JSON",
                expected: "characters, bytes or the path of a vocabulary", read: { $0.isEmpty ? nil : $0 }, write: { $0 }),
            value(
                "separator", \.separator, "TEXT", "what stands between documents: each begins from the zero state",
                expected: "a text", read: { $0 }, write: { $0 }),
        ]
    }

    private static var network: [RecipeKey] {
        [
            choice("cell", \.cell, "the built-in network"), count("layers", \.layers, "layers of the cell"),
            count("hidden", \.hidden, "units of a layer"),
            optionalCount("embedding", \.embedding, "length of a token's vector; as hidden if not given"),
            flag("tied", \.isTied, "the embedding is also the output matrix"),
            number("dropout", \.dropout, "share that is dropped between layers and before the output"),
            number("dropout-input", \.inputDropout, "share of the tokens' vectors that is dropped"),
            number("dropout-recurrent", \.recurrentDropout, "share of the recurrent matrices that is dropped"),
            number("forget-bias", \.forgetBias, "what an LSTM's forget gates begin with"),
            flag("orthogonal", \.isOrthogonal, "recurrent matrices begin orthogonal"),
            file("program", \.program, "a program in place of a cell"),
            value(
                "tensors", \.tensors, "LIST", "the program's tensors: NAME [N, …]; …",
                expected: "names with sizes, as in `embedding [vocabulary, hidden]; layers.L.W [4*hidden, hidden]`",
                read: RecipeText.tensors, write: RecipeText.text),
            value(
                "hyperparameters", \.hyperparameters, "LIST", "the numbers that the program names: NAME X; …",
                expected: "names with numbers, as in `eps 1e-5; heads 4`", read: RecipeText.hyperparameters,
                write: RecipeText.text),
            value(
                "initialization", \.initialization, "LIST", "first values of tensors: PATTERN: KIND; …",
                expected:
                    "patterns with zeros, constant X, uniform X, normal X or orthogonal X [blocks N], each with [part I of N]",
                read: RecipeText.initialization, write: RecipeText.text),
            file("init", \.start, "a model to begin with: its program, tokenizer and values", placeholder: "MODEL"),
            value(
                "freeze", \.frozen, "LIST", "tensors that stay as they are: NAME, …", expected: "names", read: RecipeText.names,
                write: { $0.joined(separator: ", ") }),
        ]
    }

    private static var steps: [RecipeKey] {
        [
            choice("optimizer", \.optimizer, "the rule of a step"), optionalNumber("lr", \.learningRate, "the learning rate"),
            optionalNumber("momentum", \.momentum, "of sgd and rmsprop"),
            optionalNumber("weight-decay", \.weightDecay, "weight decay"),
            optionalNumber("beta1", \.beta1, "of adam and adamw"), optionalNumber("beta2", \.beta2, "of adam and adamw"),
            optionalNumber("alpha", \.alpha, "of rmsprop"), optionalNumber("eps", \.epsilon, "added to the root"),
            optionalNumber("clip", \.clip, "the largest norm of all gradients together"),
            optionalNumber("clip-value", \.clipValue, "the largest element of a gradient"),
            choice("schedule", \.schedule, "how the learning rate falls"),
            count("warm-up", \.warmUp, "steps in which it rises first", least: 0),
            number("lr-floor", \.learningRateFloor, "where it stops falling"),
            count("decay-every", \.decayEvery, "steps, of step and exponential"),
            number("decay-factor", \.decayFactor, "what is left after these"),
            count("window", \.window, "steps of back-propagation through time"), count("batch", \.batch, "sequences in a step"),
            number("zero-state-share", \.zeroStateShare, "windows that begin from the zero state"),
            value(
                "seed", \.seed, "N", "of all that is random", expected: "a whole number, at least 0",
                read: { UInt64($0).map { $0 } }, write: { $0.map { "\($0)" } ?? "" }),
            value(
                "threads", \.threads, "N", "threads; as many as cores if not given", expected: "a whole number from 1 to 1024",
                read: { Int($0).flatMap { 1...1024 ~= $0 ? $0 : nil }.map { $0 } }, write: { $0.map { "\($0)" } ?? "" }),
        ]
    }

    private static var run: [RecipeKey] {
        [
            optionalCount("steps", \.steps, "steps until the end"),
            optionalNumber("epochs", \.epochs, "times that the corpus is read"),
            value(
                "time", \.seconds, "TIME", "90s, 15m or 2h until the end", expected: "a time such as 90s, 15m or 2h",
                read: { RecipeText.seconds($0).map { $0 } }, write: { $0.map { "\(shown($0))s" } ?? "" }),
            optionalCount("patience", \.patience, "evaluations without a new best until the end"),
            optionalCount("evaluate-every", \.evaluateEvery, "steps between evaluations"),
            optionalCount("checkpoint-every", \.checkpointEvery, "steps between checkpoints"),
            count("progress-every", \.progressEvery, "steps between reports of progress"),
            count("sample", \.sample, "tokens that the model writes at each evaluation; 0 for none", least: 0),
        ]
    }
}

private func whole(_ text: String, _ least: Int) -> Int? { Int(text).flatMap { $0 >= least ? $0 : nil } }

private func finite(_ text: String) -> Double? { Double(text).flatMap { $0.isFinite ? $0 : nil } }

/// As few digits as read back as the same number.
func shown(_ value: Double) -> String {
    guard let whole = Int(exactly: value), abs(whole) < 1 << 53 else { return "\(value)" }
    return "\(whole)"
}
