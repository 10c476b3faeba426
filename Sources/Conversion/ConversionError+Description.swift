extension ConversionError: CustomStringConvertible {
    /// One sentence: what was wrong, where, and what to do.
    public var description: String {
        let sentence =
            switch category {
            case .words: wordsDescription
            case .failed: failureDescription
            case .inputNotFound, .badData: dataDescription
            }
        return Self.printable(sentence)
    }

    /// Names come from strangers' files: control characters, which a terminal would obey, are shown as escapes.
    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
                result += scalar.escaped(asASCII: true)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private var wordsDescription: String {
        switch self {
        case .outputKind(let path):
            "\(path): the output's name must end in .rnnz or .safetensors"
        case .unknownFormat(let name, let nearest, let known):
            "--from: there is no format \(name)\(Self.hint(nearest)); there are \(known.joined(separator: ", "))"
        case .unknownSetting(let name, let nearest, let known):
            "--set: there is no setting \(name)\(Self.hint(nearest)); there are \(known.joined(separator: ", "))"
        case .settingValue(let name, let value, let expected):
            "--set \(name)=\(value): \(expected) was expected"
        case .unsupportedOption(let option, let reason):
            "\(option): \(reason)"
        case .programRequired(let format):
            "--from \(format) takes the tensors as they are named and needs --program FILE to say what is computed with them"
        case .specialTokenOutOfRange(let name, let id, let vocabulary):
            "--set \(name)=\(id): the model's ids are 0 to \(vocabulary - 1)"
        case .startText(let text):
            "--set start_text=\(text): no character of it is in the vocabulary"
        case .bidirectionalWindow:
            "--set window: what a bidirectional network answers for a window is not told by its tensors; give the program with --program FILE"
        default: ""
        }
    }

    private var failureDescription: String {
        switch self {
        case .selfTest(let origin, let error, let tolerance):
            "nothing was written: the self-test expected by \(origin) failed, a logit is wrong by \(error), more than \(tolerance)"
        case .selfTestGreedy(let origin, let place):
            "nothing was written: the self-test expected by \(origin) failed, greedy id \(place + 1) is another"
        case .roundingTooCoarse(let error, let limit):
            "nothing was written: with quantized weights a program's vectors are rounded to 8 bits, and that alone changes a logit of this "
                + "model by \(error), more than \(limit), a tenth of the largest; --quantize f16 rounds no vectors"
        case .cannotUndo(let source, let problem):
            "the source's tensor “\(source)” cannot be restored: \(problem)"
        case .nothingToWrite(let path):
            "\(path) holds no tensors, so there is nothing to write as safetensors"
        case .writeFailed(let path, let reason):
            "\(path) cannot be written: \(reason)"
        default: ""
        }
    }

    private var dataDescription: String {
        switch self {
        case .inputMissing(let path): "\(path): there is no such file or folder"
        case .inputUnreadable(let path, let reason): "\(path) cannot be opened: \(reason)"
        case .notRegularFile(let path): "\(path) is not a regular file"
        case .fileTooLarge(let path, let size, let limit): "\(path) has \(size) bytes; at most \(limit) are read from such a file"
        case .readFailed(let path, let offset, let reason): "\(path) cannot be read at byte \(offset): \(reason)"
        case .shrankWhileRead(let path, let offset): "\(path) ends at byte \(offset), shorter than it was when it was opened"
        case .unrecognised(let path, let content, let advice, let formats):
            "\(path) is \(content), which no importer recognises\(advice.map { "; \($0)" } ?? ""). Recognised are: "
                + formats.joined(separator: ", ")
        case .formatDoesNotFit(let path, let format, let content): "\(path) is not \(format): it is \(content)"
        case .severalCheckpoints(let path, let names):
            "\(path) holds several safetensors files (\(names.joined(separator: ", "))): name the one that is meant"
        case .noCheckpoint(let path): "\(path) holds neither manifest.json nor a safetensors file"
        case .notText(let path): "\(path) is not UTF-8 text"
        case .notJSON(let path, let problem): "\(path) is not valid JSON: \(problem)"
        case .manifestEntry(let path, let variable, let problem): "\(path): variable “\(variable)”: \(problem)"
        case .manifestFileOutside(let path, let variable, let file):
            "\(path): variable “\(variable)” names the file \(file), which is outside the folder"
        case .blobSize(let path, let variable, let expected, let found):
            "\(path) has \(found) bytes; variable “\(variable)” needs \(expected)"
        case .vocabulary(let path, let problem): "\(path): \(problem)"
        case .vocabularySize(let path, let entries, let rows):
            "\(path): the vocabulary has \(entries) entries, but the model has \(rows) rows"
        case .vocabularyID(let path, let entry, let id, let rows):
            "\(path): the vocabulary gives \(Self.quoted(entry)) the id \(id), but the model has \(rows) rows"
        default: modelDescription ?? safetensorsDescription
        }
    }

    /// Tensors that do not make a model.
    private var modelDescription: String? {
        switch self {
        case .missingTensors(let names): "tensors are missing: \(names.joined(separator: ", "))"
        case .noOutputLayer(let columns):
            "there is no output layer, a matrix [vocabulary, \(columns)] under a name such as fc, decoder, linear, out, head or output: "
                + "name it with --set output=NAME or give the program with --program FILE"
        case .shape(let tensor, let found, let expected): "tensor “\(tensor)” is \(found), but \(expected) is needed"
        case .noRecurrentLayers(let path):
            "\(path) has no recurrent layers (weight_ih_l0 and weight_hh_l0); for another architecture give its program with --program FILE"
        case .ambiguous(let what, let candidates, let setting):
            "\(what) is not clear, it may be \(candidates.joined(separator: " or ")): decide with --set \(setting)"
        case .cellUnknown(let tensor, let rows, let columns):
            "tensor “\(tensor)” is [\(rows), \(columns)]: a hidden state of \(columns) has 1 (RNN), 3 (GRU) or 4 (LSTM) times as many rows"
        case .cellContradiction(let module, let name, let shape):
            "\(module) is named as \(name) but has the shapes of \(shape): decide with --set cell=\(shape)"
        case .layersDiffer(let module, let what):
            "the layers of \(module) differ in their \(what); give the program with --program FILE"
        case .inputSize(let size, let vocabulary, let tensor):
            "there is no embedding, and one-hot input of \(vocabulary) tokens does not meet the \(size) columns of \(tensor); "
                + "name the embedding with --set embedding=NAME or give the program with --program FILE"
        case .outputVocabularyLarger(let input, let output):
            "the output has \(output) rows, but only \(input) tokens can be fed back"
        case .notFinite(let tensors):
            tensors.map {
                "tensor “\($0.tensor)” has \($0.count) NaN or infinite \($0.count == 1 ? "value" : "values"), the first at \($0.first)"
            }
            .joined(separator: "; ") + " (--allow-nan converts it all the same)"
        default: nil
        }
    }

    private var safetensorsDescription: String {
        switch self {
        case .safetensorsTooShort(let path, let size): "\(path) has \(size) bytes, too few for a safetensors file"
        case .safetensorsHeaderLength(let path, let length, let limit):
            "\(path): the safetensors header claims \(length) bytes, at most \(limit) are possible"
        case .safetensorsHeader(let path, let problem): "\(path): the safetensors header is damaged: \(problem)"
        case .safetensorsMetadata(let path, let key): "\(path): the safetensors metadata \(Self.quoted(key)) is not text"
        case .safetensorsEntry(let path, let tensor, let problem): "\(path): tensor “\(tensor)”: \(problem)"
        case .safetensorsUnknownType(let path, let tensor, let type): "\(path): tensor “\(tensor)” has the unknown dtype \(type)"
        case .safetensorsTooManyElements(let path, let tensor, let shape):
            "\(path): tensor “\(tensor)” of shape \(shape) is larger than can be addressed"
        case .safetensorsSize(let path, let tensor, let expected, let found):
            "\(path): tensor “\(tensor)” has \(found) bytes; its shape and dtype need \(expected)"
        case .safetensorsOutOfFile(let path, let tensor, let end, let size):
            "\(path): tensor “\(tensor)” ends at byte \(end), but the file has \(size): it is cut short or damaged"
        case .safetensorsOverlap(let path, let tensor, let other): "\(path): tensors “\(other)” and “\(tensor)” overlap"
        case .safetensorsGap(let path, let tensor, let from, let to):
            "\(path): bytes \(from) to \(to), before tensor “\(tensor)”, belong to nothing"
        case .safetensorsTrailingBytes(let path, let count): "\(path): \(count) bytes follow the last tensor"
        case .elementTypeNotSupported(let path, let tensor, let type):
            "\(path): tensor “\(tensor)” is \(type); weights can be F32, F16, BF16 or F64"
        default: "the input cannot be converted"
        }
    }

    private static func hint(_ nearest: String?) -> String { nearest.map { " (did you mean \($0)?)" } ?? "" }

    /// A vocabulary entry as it can be shown: blanks and control characters are visible.
    static func quoted(_ text: String) -> String { "\"" + text.unicodeScalars.map { $0.escaped(asASCII: false) }.joined() + "\"" }
}
