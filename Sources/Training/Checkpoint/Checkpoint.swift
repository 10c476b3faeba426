import Archive
import Kernels

/// A training that can go on: the model as it is, what the optimizer remembers, what sequences carry, and where everything is.
///
/// On disk it is an archive of the model, so that it can be tried while it is trained, with the record under the header's key
/// `training` and the tensors that are no part of the model under names that begin with `training/`.
public struct Checkpoint: Sendable {
    /// The model's, without the training's.
    public var header: ArchiveHeader
    public var record: TrainingRecord
    /// All of the model's tensors by their names.
    public var tensors: [String: Tensor]
    /// `Optimizer.state`.
    public var optimizerState: [String: Tensor]
    /// `Learner.carriedState`.
    public var carriedState: [[Float]]

    private static let optimizerPrefix = ArchiveHeader.trainingPrefix + "optimizer/"
    private static let statePrefix = ArchiveHeader.trainingPrefix + "state/"

    public init(
        header: ArchiveHeader, record: TrainingRecord, tensors: [String: Tensor], optimizerState: [String: Tensor],
        carriedState: [[Float]]
    ) {
        self.header = header
        self.record = record
        self.tensors = tensors
        self.optimizerState = optimizerState
        self.carriedState = carriedState
    }

    /// Writes it in place of what is at `path`, whole or not at all.
    /// - Throws: `TrainingError.checkpoint`; what was there before is unchanged then.
    public func write(to path: String, team: ThreadTeam = .shared) throws(TrainingError) {
        var header = header
        var all = tensors
        guard case .object(var record) = record.json else { return }
        record["carried"] = JSONValue(carriedState.map(\.count))
        header.training = .object(record)
        for (name, tensor) in optimizerState { all[Self.optimizerPrefix + name] = tensor }
        // A tensor without elements is an error in some readers; the record has the lengths.
        for (i, values) in carriedState.enumerated() where !values.isEmpty {
            all["\(Self.statePrefix)\(i)"] = Tensor(shape: [values.count], values: values)
        }
        var writer = ArchiveWriter()
        writer.team = team
        do throws(ArchiveError) {
            try writer.write(header, tensors: all, to: path)
        } catch {
            throw .checkpoint(path: path, error)
        }
    }

    /// Reads one.
    /// - Throws: `TrainingError.checkpoint` for a file that is no archive or a damaged one, `.notACheckpoint`, `.checkpointVersion`,
    ///   `.checkpointDamaged`.
    public init(path: String, team: ThreadTeam = .shared) throws(TrainingError) {
        let reader: ArchiveReader
        let all: [String: Tensor]
        do throws(ArchiveError) { reader = try ArchiveReader(path: path) } catch { throw .checkpoint(path: path, error) }
        guard let json = reader.header.training else { throw .notACheckpoint(path: path) }
        do throws(ArchiveError) { all = try reader.tensors(team: team) } catch { throw .checkpoint(path: path, error) }
        header = reader.header.withoutTraining
        record = try TrainingRecord(json: json, path: path)
        (tensors, optimizerState, carriedState) = ([:], [:], [])
        for (name, tensor) in all {
            if name.hasPrefix(Self.optimizerPrefix) {
                optimizerState[String(name.dropFirst(Self.optimizerPrefix.count))] = tensor
            } else if !name.hasPrefix(ArchiveHeader.trainingPrefix) {
                tensors[name] = tensor
            }
        }
        for (i, length) in (json["carried"]?.array ?? []).enumerated() {
            let tensor = all["\(Self.statePrefix)\(i)"]
            guard let count = length.integer, count == tensor?.count ?? 0 else {
                throw .checkpointDamaged(path: path, problem: "the state that sequence \(i) carries is not all there")
            }
            carriedState.append(tensor?.floats() ?? [])
        }
    }
}
