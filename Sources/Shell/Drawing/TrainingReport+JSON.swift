#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension TrainingReport {
    /// Keys sorted, numbers with the fewest digits that read back the same, null for what is not a finite number: equal reports
    /// are equal bytes.
    var json: String { get throws { try canonicalJSON(self) } }

    init(json: [UInt8]) throws(TrainingReportError) {
        // The version first: what another one holds would only be reported as missing.
        guard let version = try? JSONDecoder().decode(Versioned.self, from: Data(json)).version else { throw .notAReport }
        guard version == Self.currentVersion else { throw .unknownVersion(version) }
        do { self = try JSONDecoder().decode(TrainingReport.self, from: Data(json)) } catch let error as DecodingError {
            throw .damaged(place: error.place)
        } catch {
            throw .notAReport
        }
    }

    private struct Versioned: Decodable { var version: Int }

    /// The same with no more points of training than that: of every stretch of steps those with the lowest and the highest
    /// loss.
    func thinned(toPoints limit: Int) -> TrainingReport {
        guard training.count > limit else { return self }
        let stretches = max(1, limit / 2)
        var thinned = self
        thinned.training = (0..<stretches).flatMap { index in
            let stretch = training[training.count * index / stretches..<training.count * (index + 1) / stretches]
            // A loss that overflowed is the highest of all, and the one that must not be lost.
            func loss(_ point: TrainingPoint) -> Double { point.loss ?? .infinity }
            let lowest = stretch.min { loss($0) < loss($1) }
            let highest = stretch.max { loss($0) < loss($1) }
            let kept = [lowest, highest].compactMap { $0 }
            return lowest == highest ? Array(kept.prefix(1)) : kept.sorted { $0.step < $1.step }
        }
        return thinned
    }
}

extension GradientDiagnosis {
    var json: String { get throws { try canonicalJSON(self) } }
}

private func canonicalJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// A text that is not the JSON of a report.
enum TrainingReportError: Error, Sendable, Equatable, CustomStringConvertible {
    case notAReport
    case unknownVersion(Int)
    case damaged(place: String)

    var description: String {
        switch self {
        case .notAReport: "this is not a training report"
        case .unknownVersion(let version):
            "a training report of version \(version); this program knows version \(TrainingReport.currentVersion)"
        case .damaged(let place): "a training report with something missing or wrong at \(place)"
        }
    }
}

extension DecodingError {
    fileprivate var place: String {
        let (path, key): ([any CodingKey], (any CodingKey)?) =
            switch self {
            case .keyNotFound(let key, let context): (context.codingPath, key)
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context.codingPath, nil)
            @unknown default: ([], nil)
            }
        return (path + (key.map { [$0] } ?? [])).map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
