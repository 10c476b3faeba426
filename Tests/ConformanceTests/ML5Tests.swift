import Archive
import Conversion
import Foundation
import Generation
import Network
import Testing
import Tokenization
import Zoo

/// The two character models that ml5 publishes, from their folders to their publisher's numbers: logits, states, greedy text, bits
/// per character. They may not be copied, so the tests read them where they are.
@Suite struct ML5Tests {
    static let folder: URL? = {
        let named = ProcessInfo.processInfo.environment["RNNZ_REFERENCE"].map { URL(fileURLWithPath: $0) }
        let folder = (named ?? Fixtures.root.appending(path: "../shared/reference")).appending(path: "ml5_charrnn")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    @Test(
        .enabled(if: folder != nil, "RNNZ_REFERENCE has no ml5_charrnn"), arguments: ["shakespeare", "charlotte_bronte"])
    func numbers(_ name: String) throws {
        let folder = try #require(Self.folder)
        let data = try Data(contentsOf: folder.appending(path: "expected.json"))
        let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [String: Any]])
        let expected = try #require(all[name])
        let tolerance = try #require(expected["tolerance"] as? [String: Any])
        let allowed = try #require(tolerance["logits_abs"] as? Double)

        let archive = FileManager.default.temporaryDirectory.appending(path: "ml5-\(name)-\(UUID().uuidString).rnnz")
        defer { try? FileManager.default.removeItem(at: archive) }
        var options = ConversionOptions()
        let corrected = folder.appending(path: "\(name)/vocab.corrected.json").path
        if FileManager.default.fileExists(atPath: corrected) { options.vocabularyPath = corrected }
        _ = try convert(from: folder.appending(path: name).path, to: archive.path, options: options)
        let model = try Model.load(path: archive.path)
        let network = try #require(model.network)

        // Logits and states after the prompt, by the largest absolute error.
        let prompt = try #require(expected["prompt"] as? String)
        let runner = try LanguageRunner(network)
        let ids = try #require(model.tokenizer).encode(prompt).ids
        #expect(ids == expected["prompt_ids"] as? [Int])
        #expect(largestError(try runner.feed(ids).map(Double.init), vector(expected["logits"])) <= allowed / 10)
        for (key, value) in [("state_h", ".h"), ("state_c", ".c")] {
            let states = runner.state().slots.filter { $0.name.hasSuffix(value) }
            let layers = matrix(expected[key])
            #expect(states.count == layers.count && layers.count == expected["layers"] as? Int)
            for (state, layer) in zip(states, layers) {
                #expect(largestError(state.values.prefix(layer.count).map(Double.init), layer) <= allowed / 10)
            }
        }

        // Greedy text.
        let greedy = try #require(expected["greedy"] as? [String: Any])
        let session = try Session(model, seed: 1)
        _ = try session.feed(prompt)
        var generation = GenerationOptions()
        generation.limit = (greedy["ids"] as? [Int])?.count
        generation.sampling.temperature = 0
        let result = try session.generate(generation) { _ in }
        #expect(result.ids == greedy["ids"] as? [Int])
        #expect(result.text == greedy["text"] as? String)

        // Bits per character of a text that the publisher's model has seen.
        let forced = try #require(expected["teacher_forced"] as? [String: Any])
        let textData = try Data(contentsOf: folder.appending(path: "\(name)/eval_text.json"))
        let text = try #require((try JSONSerialization.jsonObject(with: textData) as? [String: Any])?["text"] as? String)
        let score = try score(model, text: text)
        let bits = score.nats / Double(score.tokens) / log(2)
        #expect(abs(bits - (try #require(forced["bits_per_char"] as? Double))) <= allowed)
    }
}
