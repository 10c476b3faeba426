import Archive
import Tokenization
import Zoo

extension TrainingError: CustomStringConvertible {
    public var description: String {
        optionDescription ?? textDescription ?? networkDescription ?? runDescription ?? checkpointDescription
    }

    private var optionDescription: String? {
        switch self {
        case .option(let name, let value, let expected): "“\(name)” is \(value); it should be \(expected)"
        case .optionConflict(let name, let problem): "“\(name)” \(problem)"
        case .unknownOption(let name, let nearest?): "there is no setting “\(name)”; did you mean “\(nearest)”?"
        case .unknownOption(let name, nil): "there is no setting “\(name)”"
        case .unknownParameters(let names): "there is no parameter \(Self.list(names)) that could be frozen"
        case .nothingToTrain: "there is nothing to train: every parameter is frozen"
        case .recipe(let path, let problems): problems.map { "\(path):\($0.line): \($0.kind)" }.joined(separator: "\n")
        default: nil
        }
    }

    private var textDescription: String? {
        switch self {
        case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
        case .notUTF8(let path, let byte):
            "\(path) is not UTF-8: the byte at offset \(byte) begins no character; convert the text (`iconv -t UTF-8`)"
        case .emptyCorpus(let path): "\(path) is empty; there is nothing to learn from"
        case .corpusTooShort(let path, let tokens, let needed, let batch, let window):
            "\(path): \(tokens) tokens are left to train on, and \(batch) sequences of \(window) need \(needed); take a smaller "
                + "batch or window, or more text"
        case .validationTooShort(let path, let tokens):
            "\(path): \(tokens) tokens are left for validation, and at least 2 are needed; take more text, a larger share, or none"
        case .validationTakesAll(let path):
            "\(path): the share for validation leaves nothing to learn from; take more text, a smaller share, or none"
        case .unknownCharacters(let path, let unknown):
            "\(path): the vocabulary lacks \(Self.list(unknown.prefix(5).map(Self.place)))"
                + (unknown.count > 5 ? " and \(unknown.count - 5) others" : "")
        case .tokenizer(let problem): "the tokenizer cannot be used: \(problem)"
        default: nil
        }
    }

    private static func place(_ unknown: UnknownCharacter) -> String {
        let scalars = unknown.text.unicodeScalars.map { $0.escaped(asASCII: false) }.joined()
        let codes = unknown.text.unicodeScalars.prefix(1).map { scalar in
            let digits = String(scalar.value, radix: 16, uppercase: true)
            return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
        let times = unknown.count == 1 ? "" : ", \(unknown.count) times"
        return "“\(scalars)” (\(codes.joined()) at byte \(unknown.offset)\(times))"
    }

    private var networkDescription: String? {
        switch self {
        case .parameterShape(let name, let expected, let found): "the parameter “\(name)” has the shape \(found), not \(expected)"
        case .parameterNotFinite(let name, let step):
            "after step \(step) the parameter “\(name)” holds a number that is NaN or infinite; nothing was saved"
        case .initialization(let tensor, let problem): "“\(tensor)” cannot be given first values: \(problem)"
        case .notEnoughMemory(let needed, let available):
            "the training needs about \(AvailableMemory.shown(Int(min(needed, 9e18)))) of memory, and "
                + "\(AvailableMemory.shown(available)) are available; take a smaller network, batch or window"
        default: nil
        }
    }

    private var runDescription: String? {
        switch self {
        case .lossNotFinite(let step, let parameter?, _, let rate):
            "the loss of step \(step) is not a number, and “\(parameter)” holds one that is NaN or infinite; \(Self.advice(rate))"
        case .lossNotFinite(let step, nil, let value, let rate):
            "the loss of step \(step) is not a number though all parameters are: "
                + "\(value ?? "the network overflows"); \(Self.advice(rate))"
        case .gradientNotFinite(let step, let parameter, let value, let rate):
            "the gradient of “\(parameter)” at step \(step) is NaN or infinite"
                + "\(value.map { ": first, \($0)" } ?? ""); \(Self.advice(rate))"
        case .runWithoutEnd: "a run needs an end: a number of steps or epochs, a time, or a patience"
        default: nil
        }
    }

    private static func advice(_ learningRate: Double) -> String {
        "go on from the last checkpoint with a learning rate below \(learningRate), a longer warm-up or a smaller clipping norm"
    }

    private var checkpointDescription: String {
        switch self {
        case .checkpoint(let path, let error): error.writingReason == nil ? "\(path): \(error)" : "\(error)"
        case .notACheckpoint(let path): "\(path) is a model, not a checkpoint: it does not say where a training was"
        case .checkpointDamaged(let path, let problem): "the checkpoint \(path) is damaged: \(problem)"
        case .checkpointMismatch(let path, let difference): "the checkpoint \(path) \(difference)"
        case .checkpointVersion(let path, let found, let supported):
            "the checkpoint \(path) has version \(found), and this program reads version \(supported); another rnnz wrote it"
        case .optimizerState(let names): "the optimizer's memory lacks \(Self.list(names)), or has it in another shape"
        default: "the training cannot go on"
        }
    }

    static func list(_ names: some Collection<String>) -> String {
        let shown = names.prefix(8).joined(separator: ", ")
        return names.count > 8 ? "\(shown) and \(names.count - 8) others" : shown
    }
}

extension CheckpointDifference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .program: "is of another program than the one that is to be trained"
        case .hyperparameters(let names): "has other hyper-parameters: \(TrainingError.list(names))"
        case .parameters(let missing, let extra):
            "has other parameters" + (missing.isEmpty ? "" : "; it lacks \(TrainingError.list(missing))")
                + (extra.isEmpty ? "" : "; only it has \(TrainingError.list(extra))")
        case .parameterShape(let name, let checkpoint, let network):
            "is of another size: “\(name)” has the shape \(checkpoint) there and \(network) here"
        case .tokenizer: "has another tokenizer: its tokens mean something else"
        case .corpus: "was trained on another corpus, or on another part of it"
        case .setting(let name, let checkpoint, let run):
            "was trained with “\(name)” \(checkpoint) and cannot go on with \(run)"
        case .carriedState: "carries a state that does not fit the network"
        }
    }
}

extension RecipeProblem.Kind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noEqualsSign(let text): "“\(text)” is no setting; a line is `key = value`, or a comment that begins with #"
        case .unknownKey(let key, let nearest?): "there is no setting “\(key)”; did you mean “\(nearest)”?"
        case .unknownKey(let key, nil): "there is no setting “\(key)”"
        case .repeatedKey(let key, let first): "“\(key)” was set in line \(first) already"
        case .value(let key, let value, let expected): "“\(key)” is “\(value)”; it should be \(expected)"
        }
    }
}
