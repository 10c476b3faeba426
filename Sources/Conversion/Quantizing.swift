import Archive
import Kernels
import Network
import Zoo

/// What `--quantize` can make of matrices.
public let quantizedTypes: [ElementType] = [.f16, .bf16, .q8, .q4]

/// Stores a model's matrices smaller (`--quantize`).
enum Quantizing {
    /// Converts the tensors that `TensorUses` says can be, where they become smaller by it; the others stay as they are. So does, with a
    /// warning, a tensor with numbers that the type cannot hold: the rest of the model is as much smaller, and nothing is wrong.
    ///
    /// - Parameter isInterrupted: asked before each tensor.
    /// - Returns: what was done; nil where nothing was.
    /// - Throws: `NotationErrors` of the program; `ArchiveError.interrupted`.
    static func apply(
        _ type: ElementType, to model: inout ConvertedModel, isInterrupted: () -> Bool
    ) throws -> ConversionReport.Quantization? {
        guard let program = model.header.program else {
            model.warnings.append("there is no program that would multiply a tensor, so none was stored as \(type)")
            return nil
        }
        let shapes = Dictionary(model.parts.map { ($0.name, $0.tensor.shape) }) { $1 }
        let uses = try TensorUses(program: program, hyperparameters: model.header.hyperparameters, shapes: shapes)
        let axes = agreed(uses.blockAxes, among: model.parts)
        var report = ConversionReport.Quantization(type: type.rawValue)
        var (again, refused): ([String], [String]) = ([], [])
        for (i, part) in model.parts.enumerated() {
            report.bytesBefore += part.tensor.byteCount
            report.bytesAfter += part.tensor.byteCount
            guard let axis = axes[part.name], let size = type.byteCount(shape: part.tensor.shape, blockAxis: axis),
                size < part.tensor.byteCount
            else { continue }
            if isInterrupted() { throw ArchiveError.interrupted }
            do throws(QuantizationError) {
                model.parts[i].tensor = try part.tensor.converted(to: type, blockAxis: axis)
            } catch {
                refused.append("\(part.name) (\(error))")
                continue
            }
            if part.tensor.elementType.isQuantized { again.append(part.name) }
            report.tensors.append(part.name)
            report.bytesAfter -= part.tensor.byteCount - size
        }
        if !refused.isEmpty {
            model.warnings.append(
                "these tensors cannot be stored as \(type) and stay as they were: \(refused.joined(separator: "; "))")
        }
        if !again.isEmpty {
            model.warnings.append(
                "these tensors were quantized before, and are now the rounding of something rounded (better is to quantize the model that "
                    + "they came from): \(again.joined(separator: ", "))")
        }
        if report.tensors.isEmpty {
            model.warnings.append(
                "no tensor that the program multiplies or looks up becomes smaller as \(type): all stay as they were")
            return nil
        }
        return report
    }

    /// The axes of tensors that share elements of a source, as tied weights do, made one: the source can be restored only while its
    /// copies are equal. Those that are the source's under another arrangement or for another use are left out.
    private static func agreed(_ axes: [String: Int], among parts: [ConvertedModel.Part]) -> [String: Int] {
        var result = axes
        var excluded: Set<String> = []
        var users: [String: [ConvertedModel.Part]] = [:]
        for part in parts { for name in Set(part.sources.map(\.name)) { users[name, default: []].append(part) } }
        for sharing in users.values where sharing.count > 1 && overlap(sharing) {
            let found = sharing.map { axes[$0.name] }
            if found.contains(nil) || sharing.contains(where: { $0.sources != sharing[0].sources }) {
                excluded.formUnion(sharing.map(\.name))
            } else if Set(found).count > 1 {
                for part in sharing { result[part.name] = part.tensor.shape.count - 1 }
            }
        }
        return result.filter { !excluded.contains($0.key) }
    }

    /// Whether the parts of a source have more elements than it has, that is, some twice.
    private static func overlap(_ parts: [ConvertedModel.Part]) -> Bool {
        var wanted: [String: Int] = [:]
        var given: [String: Int] = [:]
        for part in parts {
            for source in part.sources {
                wanted[source.name] = source.shape.reduce(1, *)
                let shape = (try? Rearrangement.shape(of: source, tensor: part.name)) ?? source.shape
                given[source.name, default: 0] += shape.reduce(1, *)
            }
        }
        return given.contains { $0.value > wanted[$0.key] ?? 0 }
    }
}
