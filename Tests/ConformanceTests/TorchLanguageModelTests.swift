import Foundation
import Kernels
import Testing

@testable import Network

/// Small language models in PyTorch: embedding, two recurrent layers, linear. The logits of the first window.
@Suite struct TorchLanguageModelTests {
    static let models = [
        "charlm_lstm_sgd", "charlm_lstm_adamw", "charlm_gru_adam", "charlm_gru_sgd_momentum", "charlm_rnn_rmsprop",
    ]

    @Test(arguments: models) func firstLogits(_ model: String) throws {
        let golden = try Fixtures.json("torch_golden/\(model).json")
        let expected = matrix(golden["first_logits"])
        let vocabulary = try #require(golden["vocab"] as? [String])
        let text = try #require(golden["text"] as? String)
        let ids = text.prefix(expected.count).map { vocabulary.firstIndex(of: String($0)) ?? -1 }
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in try Fixtures.tensors("torch_golden/\(model)_init.safetensors") {
            let parts = name.components(separatedBy: "_l")
            tensors[parts.count == 2 ? parts[0].replacingOccurrences(of: "rnn.", with: "rnn.\(parts[1]).") : name] = tensor
        }
        let network = try Network(program: Self.program(of: model), tensors: tensors)
        let interpreted = try network.interpret(ids)
        #expect(largestError(interpreted.flatMap { $0 }, expected.flatMap { $0 }) <= 1e-9)
        var planned: [Double] = []
        try LanguageRunner(network).feed(ids) { _, logits in planned += logits.map(Double.init) }
        #expect(largestError(planned, expected.flatMap { $0 }) <= 2e-6)
    }

    private static func program(of model: String) throws -> String {
        let cell =
            model.contains("lstm")
            ? """
            cell layer(x, p) {
              i, f, g, o = split(p.weight_ih @ x + p.bias_ih + p.weight_hh @ prev(h) + p.bias_hh)
              c = sigmoid(f) * prev(c) + sigmoid(i) * tanh(g)
              h = sigmoid(o) * tanh(c)
              return h
            }
            """
            : model.contains("gru")
                ? """
                cell layer(x, p) {
                  xr, xz, xn = split(p.weight_ih @ x + p.bias_ih)
                  hr, hz, hn = split(p.weight_hh @ prev(h) + p.bias_hh)
                  z = sigmoid(xz + hz)
                  h = (1 - z) * tanh(xn + sigmoid(xr + hr) * hn) + z * prev(h)
                  return h
                }
                """
                : """
                cell layer(x, p) {
                  h = tanh(p.weight_ih @ x + p.bias_ih + p.weight_hh @ prev(h) + p.bias_hh)
                  return h
                }
                """
        return cell + """

            step(token) {
              x = emb.weight[token]
              repeat l in rnn { x = layer(x, l) }
              return out.weight @ x + out.bias
            }
            """
    }
}
