import Foundation
import Kernels
import Testing

@testable import Network

/// Four modern recurrent families with random weights, all logits, as `transformers` computes them. The importers come later;
/// here the tests rename the tensors.
@Suite struct HuggingFaceTests {
    struct Model {
        var program: String
        var hyperparameters: [String: Double]
        var tensors: [String: Tensor]
    }

    @Test(arguments: ["rwkv4", "mamba", "mamba2", "recurrentgemma"]) func allLogits(_ name: String) throws {
        let config = try Fixtures.json("hf_tiny/\(name)/config.json")
        let expected = try Fixtures.json("hf_tiny/\(name)/expected.json")
        let tokens = try #require(expected["tokens"] as? [Int])
        let logits = matrix(expected["logits"])
        let tolerance = try #require((expected["tolerance"] as? [String: Double])?["logits_abs"])
        let source = try Fixtures.tensors("hf_tiny/\(name)/model.safetensors")
        let model =
            switch name {
            case "rwkv4": rwkv4(source, config)
            case "mamba": mamba(source, config)
            case "mamba2": mamba2(source, config)
            default: recurrentGemma(source, config)
            }
        let network = try Network(
            program: Fixtures.program(model.program), hyperparameters: model.hyperparameters, tensors: model.tensors)
        #expect(network.unusedTensors == [])
        let flat = logits.flatMap { $0 }
        let interpreted = try network.interpret(tokens).flatMap { $0 }
        #expect(largestError(interpreted, flat) <= tolerance / 100)
        var planned: [Double] = []
        try LanguageRunner(network).feed(tokens) { _, logits in planned += logits.map(Double.init) }
        #expect(largestError(planned, flat) <= tolerance / 50)
    }

    private func rename(_ name: String, _ pairs: [(String, String)]) -> String {
        pairs.reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    private func number(_ config: [String: Any], _ key: String) -> Double { (config[key] as? NSNumber)?.doubleValue ?? 0 }

    private func rwkv4(_ source: [String: Tensor], _ config: [String: Any]) -> Model {
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in source {
            let new = rename(
                name,
                [
                    ("rwkv.", ""), ("embeddings.weight", "emb"), ("head.weight", "head"), ("pre_ln", "ln0"), ("attention", "att"),
                    ("feed_forward", "ffn"), ("key.weight", "key"), ("value.weight", "value"),
                    ("receptance.weight", "receptance"), ("output.weight", "output"), ("time_mix_key", "mix_k"),
                    ("time_mix_value", "mix_v"), ("time_mix_receptance", "mix_r"), ("time_decay", "decay"),
                    ("time_first", "first"),
                ])
            var values = tensor.floats()
            if new.hasSuffix("decay") { values = values.map { Float(-exp(Double($0))) } }
            tensors[new] = Tensor(shape: tensor.shape.count == 3 ? [tensor.shape[2]] : tensor.shape, values: values)
        }
        return Model(program: "rwkv4", hyperparameters: ["eps": number(config, "layer_norm_epsilon")], tensors: tensors)
    }

    private func stateSpace(_ source: [String: Tensor]) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in source {
            let new = rename(
                name,
                [
                    ("backbone.", ""), ("embeddings.weight", "embeddings"), ("lm_head.weight", "lm_head"),
                    ("conv1d.weight", "conv"),
                    ("conv1d.bias", "conv_bias"), ("dt_proj.bias", "dt_bias"), ("proj.weight", "proj"), ("norm.weight", "norm"),
                    ("norm_f.weight", "norm_f"),
                ])
            // A depthwise filter [channels, 1, taps] is kept as [taps, channels].
            tensors[new] = new.hasSuffix(".conv") ? tensor.reshaped([tensor.shape[0], tensor.shape[2]]).transposed() : tensor
        }
        return tensors
    }

    private func mamba(_ source: [String: Tensor], _ config: [String: Any]) -> Model {
        Model(
            program: "mamba",
            hyperparameters: [
                "eps": number(config, "layer_norm_epsilon"), "rank": number(config, "time_step_rank"),
                "states": number(config, "state_size"),
            ], tensors: stateSpace(source))
    }

    private func mamba2(_ source: [String: Tensor], _ config: [String: Any]) -> Model {
        let heads = number(config, "num_heads")
        return Model(
            program: "mamba2",
            hyperparameters: [
                "eps": number(config, "layer_norm_epsilon"), "inner": heads * number(config, "head_dim"), "head_count": heads,
                "groups": number(config, "n_groups"), "states": number(config, "state_size"),
                "norm_groups": number(config, "n_groups"),
            ], tensors: stateSpace(source))
    }

    private func recurrentGemma(_ source: [String: Tensor], _ config: [String: Any]) -> Model {
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in source {
            let new = rename(
                name,
                [
                    ("model.", ""), ("embed_tokens.weight", "embed"), ("final_norm.weight", "final_norm"),
                    ("temporal_pre_norm.weight", "norm1"), ("channel_pre_norm.weight", "norm2"), ("mlp_block", "mlp"),
                    ("temporal_block", "block"), ("gate_proj", "gate"), ("up_proj", "up"), ("down_proj", "down"),
                    ("conv_1d.weight", "conv"), ("conv_1d.bias", "conv_bias"), ("rg_lru.input_gate_", "input_gate."),
                    ("rg_lru.recurrent_gate_", "recurrent_gate."), ("rg_lru.recurrent_param", "decay"), ("q_proj.weight", "q"),
                    ("k_proj.weight", "k"), ("v_proj.weight", "v"), ("o_proj", "o"),
                ])
            tensors[new] = new.hasSuffix(".conv") ? tensor.reshaped([tensor.shape[0], tensor.shape[2]]).transposed() : tensor
        }
        let head = number(config, "head_dim")
        let rotary = config["rope_parameters"] as? [String: Any] ?? [:]
        let rotated = head * number(rotary, "partial_rotary_factor")
        let base = number(rotary, "rope_theta")
        let frequencies = (0..<Int(rotated) / 2).map { Float(pow(base, -2 * Double($0) / rotated)) }
        tensors["frequencies"] = Tensor(shape: [frequencies.count], values: frequencies)
        // The framework rounds this factor to bfloat16, to the nearest even.
        let scale = Float(number(config, "hidden_size").squareRoot()).bitPattern
        let rounded = Float(bitPattern: (scale + 0x7fff + (scale >> 16 & 1)) & 0xffff_0000)
        return Model(
            program: "recurrentgemma",
            hyperparameters: [
                "eps": number(config, "rms_norm_eps"), "head_count": number(config, "num_attention_heads"), "head": head,
                "rotated": rotated, "window_size": number(config, "attention_window_size"),
                "cap": number(config, "logits_soft_cap"), "scale": Double(rounded),
            ], tensors: tensors)
    }
}
