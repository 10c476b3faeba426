import Foundation
import Kernels
import Testing

@testable import Network

/// One of the programs in `zoo/programs`, with tensors of random numbers in the shapes that its heading names.
struct ProgramCase: Sendable, CustomTestStringConvertible {
    var name: String
    var hyperparameters: [String: Double] = [:]
    var tensors: [String: [Int]]
    var window: Int?
    /// Ids that tokens are drawn from; 0 when the program reads vectors.
    var vocabulary = 11
    var targetVocabulary = 11

    var testDescription: String { name }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    var program: String {
        get throws { try String(contentsOf: Self.root.appending(path: "zoo/programs/\(name).rnn"), encoding: .utf8) }
    }

    func network(threads: Int = 1, checks: Bool = false) throws -> Network {
        try Network(
            program: program, hyperparameters: hyperparameters, tensors: randomTensors(),
            options: NetworkOptions(window: window, threads: threads, checks: checks))
    }

    func randomTensors() -> [String: Tensor] {
        var random = SplitMix(seed: 17)
        var result: [String: Tensor] = [:]
        for (name, shape) in tensors.sorted(by: { $0.key < $1.key }) {
            let fan = Float(shape.last ?? 1).squareRoot()
            // Scales of normalisations near 1; matrices small enough that nothing saturates.
            let isScale = shape.count == 1 && (name.hasSuffix("weight") || name.contains("norm"))
            result[name] = Tensor(
                shape: shape,
                values: (0..<shape.reduce(1, *)).map { _ in
                    isScale ? 1 + 0.2 * random.unit() : 1.2 * random.unit() / max(1, fan / 2)
                })
        }
        return result
    }

    /// Sequences of the given lengths; target sequences are one shorter than sources.
    func inputs(_ lengths: [Int]) throws -> [SequenceRunner.Input] {
        var random = SplitMix(seed: 5)
        let network = try network()
        return lengths.map { length in
            var input = SequenceRunner.Input()
            if network.kind == .vectors {
                for vector in network.plan.vectorInputs {
                    input.vectors[vector.name] = (0..<length).map { _ in (0..<vector.size).map { _ in 2 * random.unit() } }
                }
            } else if network.kind == .languageModel {
                input.tokens = (0..<length).map { _ in Int(random.next() % UInt64(vocabulary)) }
            } else {
                input.source = (0..<length).map { _ in Int(random.next() % UInt64(vocabulary)) }
                if network.kind == .translation {
                    input.tokens = (0..<max(1, length - 1)).map { _ in Int(random.next() % UInt64(targetVocabulary)) }
                }
            }
            return input
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// From -1 to 1.
    mutating func unit() -> Float { Float(Int32(truncatingIfNeeded: next() >> 32)) / Float(1 << 31) }
}

extension ProgramCase {
    /// Names of the form `a.{b,c}` spelled out.
    private static func expand(_ tensors: [String: [Int]]) -> [String: [Int]] {
        var result: [String: [Int]] = [:]
        for (pattern, shape) in tensors {
            var names = [pattern]
            while let index = names.firstIndex(where: { $0.contains("{") }) {
                let name = names.remove(at: index)
                let before = name.prefix { $0 != "{" }
                let choices = name.dropFirst(before.count + 1).prefix { $0 != "}" }
                let after = name.dropFirst(before.count + choices.count + 2)
                for choice in choices.split(separator: ",") { names.append(String(before) + choice + after) }
            }
            for name in names { result[name] = shape }
        }
        return result
    }

    private init(
        _ name: String, _ hyperparameters: [String: Double] = [:], window: Int? = nil, targetVocabulary: Int = 11,
        tensors: [String: [Int]]
    ) {
        self.init(
            name: name, hyperparameters: hyperparameters, tensors: Self.expand(tensors), window: window,
            targetVocabulary: targetVocabulary)
    }

    private static let rwkv: [String: [Int]] = [
        "emb": [11, 24], "head": [11, 24], "ln_out.{weight,bias}": [24], "blocks.0.ln0.{weight,bias}": [24],
        "blocks.{0,1}.{ln1,ln2}.{weight,bias}": [24],
    ]
    private static let rwkvFeedForward: [String: [Int]] = [
        "blocks.{0,1}.ffn.{mix_k,mix_r}": [24], "blocks.{0,1}.ffn.key": [40, 24], "blocks.{0,1}.ffn.receptance": [24, 24],
        "blocks.{0,1}.ffn.value": [24, 40],
    ]

    static let all: [ProgramCase] = [
        .init(
            "bidirectional_tagger",
            tensors: [
                "emb": [11, 5], "{forward,reverse}.W": [24, 5], "{forward,reverse}.R": [24, 6], "{forward,reverse}.{Wb,Rb}": [24],
                "{forward,reverse}.{start_h,start_c}": [6], "Wo": [12, 11], "bo": [11],
            ]),
        .init(
            "elman", ["inputs": 5],
            tensors: [
                "layers.0.weight_ih": [20, 5], "layers.1.weight_ih": [20, 20], "layers.{0,1}.weight_hh": [20, 20],
                "layers.{0,1}.{bias_ih,bias_hh,start}": [20],
            ]),
        .init(
            "elman_relu", ["inputs": 5],
            tensors: [
                "layers.0.weight_ih": [7, 5], "layers.1.weight_ih": [7, 7], "layers.{0,1}.weight_hh": [7, 7],
                "layers.{0,1}.{bias_ih,bias_hh,start}": [7],
            ]),
        .init(
            "gru", ["inputs": 5],
            tensors: [
                "layers.0.weight_ih": [27, 5], "layers.1.weight_ih": [27, 9], "layers.{0,1}.weight_hh": [27, 9],
                "layers.{0,1}.{bias_ih,bias_hh}": [27], "layers.{0,1}.start": [9],
            ]),
        .init(
            "gru_bidirectional", ["inputs": 5],
            tensors: [
                "layers.0.{forward,reverse}.weight_ih": [27, 5], "layers.1.{forward,reverse}.weight_ih": [27, 18],
                "layers.{0,1}.{forward,reverse}.weight_hh": [27, 9], "layers.{0,1}.{forward,reverse}.{bias_ih,bias_hh}": [27],
                "layers.{0,1}.{forward,reverse}.start": [9],
            ]),
        .init(
            "gru_reset_before",
            tensors: [
                "emb": [11, 5], "gru.W": [27, 5], "gru.Wb": [27], "gru.R_gates": [18, 9], "gru.Rb_gates": [18],
                "gru.R_new": [9, 9],
                "gru.{Rb_new,start}": [9], "Wo": [9, 11], "bo": [11],
            ]),
        .init(
            "lstm", ["inputs": 5],
            tensors: [
                "layers.0.weight_ih": [80, 5], "layers.1.weight_ih": [80, 20], "layers.{0,1}.weight_hh": [80, 20],
                "layers.{0,1}.{bias_ih,bias_hh}": [80], "layers.{0,1}.{start_h,start_c}": [20],
            ]),
        .init(
            "lstm_bidirectional", ["inputs": 5],
            tensors: [
                "layers.0.{forward,reverse}.weight_ih": [28, 5], "layers.1.{forward,reverse}.weight_ih": [28, 14],
                "layers.{0,1}.{forward,reverse}.weight_hh": [28, 7], "layers.{0,1}.{forward,reverse}.{bias_ih,bias_hh}": [28],
                "layers.{0,1}.{forward,reverse}.{start_h,start_c}": [7],
            ]),
        .init(
            "lstm_coupled",
            tensors: ["embedding": [11, 5], "lstm.W": [27, 14], "lstm.b": [27], "out.weight": [11, 9], "out.bias": [11]]),
        .init(
            "lstm_nobias", ["inputs": 5],
            tensors: [
                "layers.0.weight_ih": [28, 5], "layers.1.weight_ih": [28, 7], "layers.{0,1}.weight_hh": [28, 7],
                "layers.{0,1}.{start_h,start_c}": [7],
            ]),
        .init(
            "lstm_peephole", ["inputs": 5],
            tensors: [
                "lstm.W": [28, 5], "lstm.R": [28, 7], "lstm.{Wb,Rb}": [28], "lstm.{peep_i,peep_o,peep_f,start_h,start_c}": [7],
            ]),
        .init(
            "lstm_projected", ["inputs": 5],
            tensors: [
                "layers.0.weight_ih": [28, 5], "layers.1.weight_ih": [28, 3], "layers.{0,1}.weight_hh": [28, 3],
                "layers.{0,1}.weight_hr": [3, 7], "layers.{0,1}.{bias_ih,bias_hh}": [28], "layers.{0,1}.start_h": [3],
                "layers.{0,1}.start_c": [7],
            ]),
        .init(
            "mamba", ["eps": 1e-5, "rank": 3, "states": 4],
            tensors: [
                "embeddings": [11, 10], "layers.{0,1}.norm": [10], "norm_f": [10], "layers.{0,1}.mixer.in_proj": [40, 10],
                "layers.{0,1}.mixer.conv": [4, 20], "layers.{0,1}.mixer.{conv_bias,dt_bias,D}": [20],
                "layers.{0,1}.mixer.x_proj": [11, 20], "layers.{0,1}.mixer.dt_proj": [20, 3],
                "layers.{0,1}.mixer.A_log": [20, 4],
                "layers.{0,1}.mixer.out_proj": [10, 20],
            ]),
        .init(
            "mamba2", ["eps": 1e-5, "inner": 24, "head_count": 4, "groups": 2, "states": 5, "norm_groups": 1],
            tensors: [
                "embeddings": [11, 10], "lm_head": [11, 10], "layers.{0,1}.norm": [10], "norm_f": [10],
                "layers.{0,1}.mixer.in_proj": [72, 10], "layers.{0,1}.mixer.conv": [4, 44], "layers.{0,1}.mixer.conv_bias": [44],
                "layers.{0,1}.mixer.{dt_bias,A_log,D}": [4], "layers.{0,1}.mixer.norm": [24],
                "layers.{0,1}.mixer.out_proj": [10, 24],
            ]),
        .init(
            "mingru",
            tensors: [
                "embedding": [11, 5], "layers.0.W": [18, 5], "layers.1.W": [18, 9], "layers.{0,1}.b": [18],
                "out.weight": [11, 9],
                "out.bias": [11],
            ]),
        .init(
            "ml5_charrnn",
            tensors: [
                "embedding": [11, 6], "cells.0.kernel": [15, 36], "cells.1.kernel": [18, 36], "cells.{0,1}.bias": [36],
                "softmax_w": [9, 11], "softmax_b": [11],
            ]),
        .init(
            "mlstm",
            tensors: [
                "embedding": [11, 5], "rnn.wmx": [7, 5], "rnn.wmh": [7, 7], "rnn.wx": [28, 5], "rnn.wh": [28, 7], "rnn.b": [28],
                "out.weight": [11, 7], "out.bias": [11],
            ]),
        .init(
            "pytorch_charrnn",
            tensors: [
                "encoder.weight": [11, 5], "rnn.0.weight_ih": [27, 5], "rnn.1.weight_ih": [27, 9],
                "rnn.{0,1}.weight_hh": [27, 9],
                "rnn.{0,1}.{bias_ih,bias_hh}": [27], "decoder.weight": [11, 9], "decoder.bias": [11],
            ]),
        .init(
            "recurrentgemma",
            ["eps": 1e-6, "head_count": 3, "head": 6, "rotated": 4, "window_size": 5, "cap": 30, "scale": 3.4],
            tensors: [
                "embed": [11, 12], "layers.{0,1,2}.{norm1,norm2}": [12], "final_norm": [12], "frequencies": [2],
                "layers.{0,1,2}.mlp.{gate,up}.weight": [20, 12], "layers.{0,1,2}.mlp.{gate,up}.bias": [20],
                "layers.{0,1,2}.mlp.down.weight": [12, 20], "layers.{0,1,2}.mlp.down.bias": [12],
                "layers.{0,1}.block.{linear_x,linear_y}.weight": [18, 12], "layers.{0,1}.block.{linear_x,linear_y}.bias": [18],
                "layers.{0,1}.block.linear_out.weight": [12, 18], "layers.{0,1}.block.linear_out.bias": [12],
                "layers.{0,1}.block.conv": [4, 18], "layers.{0,1}.block.{conv_bias,decay}": [18],
                "layers.{0,1}.block.{input_gate,recurrent_gate}.weight": [3, 6, 6],
                "layers.{0,1}.block.{input_gate,recurrent_gate}.bias": [3, 6], "layers.2.block.q": [18, 12],
                "layers.2.block.{k,v}": [6, 12], "layers.2.block.o.weight": [12, 18], "layers.2.block.o.bias": [12],
            ]),
        .init(
            "rwkv4", ["eps": 1e-5],
            tensors: rwkv.merging(rwkvFeedForward) { a, _ in a }.merging([
                "blocks.{0,1}.att.{mix_k,mix_v,mix_r,decay,first}": [24],
                "blocks.{0,1}.att.{key,value,receptance,output}": [24, 24],
            ]) { a, _ in a }),
        .init(
            "rwkv51", ["eps": 1e-5, "head_count": 3],
            tensors: rwkv.merging(rwkvFeedForward) { a, _ in a }.merging([
                "blocks.{0,1}.att.{mix_k,mix_v,mix_r}": [24], "blocks.{0,1}.att.{key,value,receptance,output}": [24, 24],
                "blocks.{0,1}.att.{decay,first}": [3, 1], "blocks.{0,1}.att.ln_x.{weight,bias}": [24],
            ]) { a, _ in a }),
        .init(
            "rwkv52", ["eps": 1e-5, "head_count": 3],
            tensors: rwkv.merging(rwkvFeedForward) { a, _ in a }.merging([
                "blocks.{0,1}.att.{mix_k,mix_v,mix_r,mix_g}": [24],
                "blocks.{0,1}.att.{key,value,receptance,output,gate}": [24, 24], "blocks.{0,1}.att.{decay,first}": [3, 8],
                "blocks.{0,1}.att.ln_x.{weight,bias}": [24],
            ]) { a, _ in a }),
        .init(
            "rwkv6", ["eps": 1e-5, "group_eps": 6.4e-4, "head_count": 3],
            tensors: rwkv.merging([
                "blocks.{0,1}.att.maa_x": [24], "blocks.{0,1}.att.maa_wkvrg": [5, 24], "blocks.{0,1}.att.maa_w1": [20, 24],
                "blocks.{0,1}.att.maa_w2": [5, 24, 4], "blocks.{0,1}.att.{key,value,receptance,output,gate}": [24, 24],
                "blocks.{0,1}.att.decay": [24], "blocks.{0,1}.att.decay_w1": [6, 24], "blocks.{0,1}.att.decay_w2": [24, 6],
                "blocks.{0,1}.att.first": [3, 8], "blocks.{0,1}.att.ln_x.{weight,bias}": [24],
                "blocks.{0,1}.ffn.{maa_k,maa_r}": [24], "blocks.{0,1}.ffn.key": [40, 24],
                "blocks.{0,1}.ffn.receptance": [24, 24],
                "blocks.{0,1}.ffn.value": [24, 40],
            ]) { a, _ in a }),
        .init(
            "rwkv7", ["eps": 1e-5, "group_eps": 6.4e-4, "head_count": 3],
            tensors: rwkv.merging([
                "blocks.{0,1}.att.x_rwkvag": [6, 24], "blocks.{0,1}.att.{key,value,receptance,output}": [24, 24],
                "blocks.{0,1}.att.{w0,a0,k_k,k_a}": [24], "blocks.1.att.v0": [24], "blocks.{0,1}.att.{w1,a1,g1}": [6, 24],
                "blocks.1.att.v1": [6, 24], "blocks.{0,1}.att.{w2,a2,g2}": [24, 6], "blocks.1.att.v2": [24, 6],
                "blocks.{0,1}.att.r_k": [3, 8], "blocks.{0,1}.att.ln_x.{weight,bias}": [24], "blocks.{0,1}.ffn.x_k": [24],
                "blocks.{0,1}.ffn.key": [40, 24], "blocks.{0,1}.ffn.value": [24, 40],
            ]) { a, _ in a }),
        .init(
            "seq2seq_additive", targetVocabulary: 13,
            tensors: [
                "enc.emb.weight": [11, 5], "enc.rnn.{forward,reverse}.weight_ih": [27, 5],
                "enc.rnn.{forward,reverse}.weight_hh": [27, 9], "enc.rnn.{forward,reverse}.{bias_ih,bias_hh}": [27],
                "enc.bridge.weight": [9, 18], "enc.bridge.bias": [9], "dec.emb.weight": [13, 6], "dec.wq.weight": [8, 9],
                "dec.wk.weight": [8, 18], "dec.wk.bias": [8], "dec.v": [8], "dec.rnn.weight_ih": [27, 24],
                "dec.rnn.weight_hh": [27, 9], "dec.rnn.{bias_ih,bias_hh}": [27], "dec.comb.weight": [10, 33],
                "dec.comb.bias": [10],
                "dec.out.weight": [13, 10], "dec.out.bias": [13],
            ]),
        .init(
            "seq2seq_luong", targetVocabulary: 13,
            tensors: [
                "enc.emb": [11, 5], "enc.rnn.weight_ih": [28, 5], "{enc,dec}.rnn.weight_hh": [28, 7], "{enc,dec}.rnn.bias": [28],
                "dec.rnn.weight_ih": [28, 13], "dec.emb": [13, 6], "attention": [7, 7], "combine": [7, 14], "out": [13, 7],
            ]),
        .init(
            "sru",
            tensors: [
                "embedding": [11, 7], "layers.{0,1}.W": [21, 7], "layers.{0,1}.{v_f,v_r,b_f,b_r}": [7], "out.weight": [11, 7],
                "out.bias": [11],
            ]),
        .init(
            "textgenrnn", window: 6,
            tensors: [
                "embedding": [11, 5], "rnn.0.kernel": [5, 28], "rnn.1.kernel": [7, 28], "rnn.{0,1}.recurrent": [7, 28],
                "rnn.{0,1}.bias": [28], "attention": [19], "output.kernel": [19, 11], "output.bias": [11],
            ]),
        .init(
            "tfjs_window", window: 6,
            tensors: [
                "lstm.kernel": [11, 28], "lstm.recurrent": [7, 28], "lstm.bias": [28], "dense.kernel": [7, 10],
                "dense.bias": [10],
            ]),
        .init(
            "xlstm_matrix", ["head_count": 3, "head": 4],
            tensors: [
                "embedding": [11, 12], "layers.{0,1}.{q,k,v,o}": [12, 12], "layers.{0,1}.{w_i,w_f}": [3, 12],
                "layers.{0,1}.{b_i,b_f}": [3], "layers.{0,1}.b_o": [12], "out": [11, 12],
            ]),
    ]
}
