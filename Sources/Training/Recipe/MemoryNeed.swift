import Archive
import Network

/// What a training takes of memory, about, known before any of it is asked for.
struct MemoryNeed {
    let header: ArchiveHeader
    let shapes: [String: [Int]]
    let options: TrainerOptions
    let size: TrainingRunner.Size

    private var parameterBytes: Double { shapes.values.reduce(0) { $0 + 4 * $1.reduce(1) { $0 * Double($1) } } }

    /// The optimizer's memory, and what is copied of it and of the parameters when a checkpoint is written.
    private var overhead: Double { parameterBytes * Double(2 * options.optimizer.slotNames.count + 1) }

    /// - Throws: `TrainingError.notEnoughMemory`; `NotationErrors` and `NetworkError` of the program.
    func check(available: Int?) throws {
        // Larger than any address there is.
        let available = available ?? 1 << 56
        // A network that is too large by its parameters alone is not looked at closer: a plan of it may be too large itself.
        let least = overhead + 2 * parameterBytes
        guard least <= Double(available) else { throw TrainingError.notEnoughMemory(needed: least, available: available) }
        let runner = try TrainingRunner.memoryNeed(
            program: header.program ?? "", hyperparameters: header.hyperparameters, shapes: shapes, size: size)
        let needed = overhead + runner
        guard needed <= Double(available) else { throw TrainingError.notEnoughMemory(needed: needed, available: available) }
    }
}

extension Corpus {
    /// What a text may begin with: what a document does; else a new line, or the first character of the corpus.
    func startText(separator: String) -> String? {
        if let last = separator.unicodeScalars.last { return String(Character(last)) }
        let newLine = tokenizer.encode("\n")
        if newLine.unknown.isEmpty, !newLine.ids.isEmpty { return "\n" }
        return training.ids.first.map { String(decoding: tokenizer.bytes(of: Int($0)), as: UTF8.self) }
    }
}
