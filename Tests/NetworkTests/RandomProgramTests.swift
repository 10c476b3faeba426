import Foundation
import Kernels
import Testing

@testable import Network

/// Random programs, planned against the interpreter, and every way of running them against every other.
///
/// `RNNZ_RANDOM_PROGRAMS=first:count` tries other programs than the committed few hundred.
@Suite struct RandomProgramTests {
    static let seeds: Range<UInt64> = {
        let given = ProcessInfo.processInfo.environment["RNNZ_RANDOM_PROGRAMS"]?.split(separator: ":").compactMap { UInt64($0) }
        if let given, given.count == 2 { return given[0]..<given[0] + given[1] }
        return 0..<400
    }()

    /// What only the whole graph shows, and the generator does not know.
    private static let excused = [
        "depends on both its past", "before the sequence is known", "cannot be found: it depends only on itself",
    ]

    @Test func planMeetsInterpreterAndItself() throws {
        try check { $0.tensors }
    }

    /// The same with tensors of every stored type.
    @Test func storedTypesMeetInterpreterAndThemselves() throws {
        try check { program in
            var random = SplitMix(seed: UInt64(program.text.utf8.count))
            var tensors = program.tensors
            let uses = try? TensorUses(
                program: program.text, hyperparameters: program.hyperparameters, shapes: tensors.mapValues(\.shape))
            for (name, tensor) in program.tensors.sorted(by: { $0.key < $1.key }) where !tensor.shape.isEmpty {
                // Matrices of products mostly as products take them, the others anyhow.
                let product = uses?.blockAxes[name]
                let types = product == nil ? ElementType.allCases : [.f16, .bf16, .q8, .q8, .q4, .q4]
                let type = types[Int(random.next() % UInt64(types.count))]
                let turned = random.next() % 6 == 0
                let axis = turned ? max(0, tensor.shape.count - 2) : product ?? tensor.shape.count - 1
                tensors[name] = try tensor.converted(to: type, blockAxis: type.isQuantized ? axis : nil)
            }
            return tensors
        }
    }

    private func check(_ tensors: (RandomProgram) throws -> [String: Tensor]) throws {
        var run = 0
        for seed in Self.seeds {
            let program = RandomProgram(seed: seed)
            do {
                try Agreement(
                    label: "seed \(seed)", program: program.text, hyperparameters: program.hyperparameters,
                    tensors: tensors(program)
                ).check()
                run += 1
            } catch let errors as NotationErrors {
                let others = errors.errors.filter { error in !Self.excused.contains { error.message.contains($0) } }
                #expect(others.isEmpty, "seed \(seed): \(errors)\n\(program.text)")
            }
        }
        #expect(run * 4 >= Self.seeds.count * 3, "\(run) of \(Self.seeds.count) programs ran")
    }
}
