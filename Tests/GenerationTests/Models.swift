import Archive
import Foundation
import Kernels
import Testing
import Tokenization
import Zoo

@testable import Generation

/// Files beside the tests.
func fixture(_ name: String) throws -> Data {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/" + name, withExtension: nil))
    return try Data(contentsOf: url)
}

/// Small models made in memory: an Elman network with one layer.
enum TestModel {
    static let program = """
        cell elman(x, p) {
          h = tanh(x + p.U @ prev(h) + p.b)
          return h
        }
        step(token) {
          return out.weight @ elman(embedding[token], rnn) + out.bias
        }
        """

    static func make(
        name: String = "test", tokenizer: (any Tokenizer)?, width: Int, tensors: [String: [Float]],
        change: (inout ArchiveHeader) -> Void = { _ in }
    ) throws -> Model {
        var header = ArchiveHeader(name: name)
        header.program = program
        if let tokenizer {
            header.tokenizers["text"] = try JSONDecoder().decode(JSONValue.self, from: Data(try tokenizer.json()))
        }
        change(&header)
        var made: [String: Tensor] = [:]
        for (name, values) in tensors {
            let isMatrix = !["rnn.b", "out.bias"].contains(name)
            made[name] = Tensor(shape: isMatrix ? [values.count / width, width] : [values.count], values: values)
        }
        return try Model(header: header, tensors: made, path: "")
    }

    /// After each token comes, nearly always, the one that `next` names.
    static func chain(
        _ next: [Int: Int], tokenizer: any Tokenizer, change: (inout ArchiveHeader) -> Void = { _ in }
    ) throws -> Model {
        let count = tokenizer.idLimit
        var embedding = [Float](repeating: 0, count: count * count)
        var output = embedding
        for id in 0..<count {
            embedding[id * count + id] = 20  // tanh(20) is 1
            if let next = next[id] { output[next * count + id] = 40 }
        }
        return try make(
            tokenizer: tokenizer, width: count,
            tensors: [
                "embedding": embedding, "rnn.U": [Float](repeating: 0, count: count * count),
                "rnn.b": [Float](repeating: 0, count: count), "out.weight": output,
                "out.bias": [Float](repeating: 0, count: count),
            ], change: change)
    }

    /// Repeats one text for ever. Each token of the cycle is a character of its own, however often a character occurs.
    static func reciting(_ text: String, change: (inout ArchiveHeader) -> Void = { _ in }) throws -> Model {
        let bytes = Array(text.utf8)
        precondition(Set(bytes).count == bytes.count, "every byte once")
        var next: [Int: Int] = [:]
        for (index, byte) in bytes.enumerated() { next[Int(byte)] = Int(bytes[(index + 1) % bytes.count]) }
        return try chain(next, tokenizer: ByteTokenizer(), change: change)
    }

    struct Elman: Decodable {
        var alphabet: [String]
        var width: Int
        var text: String
        var ids: [Int]
        var tensors: [String: [Float]]
        var logits: [Double]
        var greedy: [Int]
        var nats: [Double]
        var bitsPerCharacter: Double
        var bitsPerByte: Double
        var perplexity: Double

        func model(change: (inout ArchiveHeader) -> Void = { _ in }) throws -> Model {
            let vocabulary = Dictionary(uniqueKeysWithValues: alphabet.enumerated().map { ($0.offset, $0.element) })
            return try TestModel.make(
                name: "elman", tokenizer: CharacterTokenizer(vocabulary: vocabulary), width: width, tensors: tensors,
                change: change)
        }
    }

    static func elman() throws -> Elman { try JSONDecoder().decode(Elman.self, from: fixture("elman.json")) }
}
