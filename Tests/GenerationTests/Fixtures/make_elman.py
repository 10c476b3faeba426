#!/usr/bin/env python3
"""Writes elman.json: a small character network with random weights, and what plain float64 arithmetic makes of a text with it:
the logits after the text, the surprisal of each token, and greedy decoding. Standard library only."""
import json, math, os, random, struct

random.seed(20)
alphabet = "\n abcdefghé"
V, M = len(alphabet), 12


def matrix(rows, columns, scale):
    f32 = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
    return [[f32(random.gauss(0, scale)) for _ in range(columns)] for _ in range(rows)]


E, U, W = matrix(V, M, 1.0), matrix(M, M, 0.5), matrix(V, M, 1.5)
b, c = matrix(1, M, 0.3)[0], matrix(1, V, 0.3)[0]


def step(h, token):
    h = [math.tanh(E[token][i] + sum(U[i][j] * h[j] for j in range(M)) + b[i]) for i in range(M)]
    return h, [sum(W[v][j] * h[j] for j in range(M)) + c[v] for v in range(V)]


text = "".join(random.choice(alphabet) for _ in range(300))
ids = [alphabet.index(x) for x in text]
h, nats, logits = [0.0] * M, [], None
for token in ids:
    if logits is not None:
        top = max(logits)
        nats.append(math.log(sum(math.exp(x - top) for x in logits)) + top - logits[token])
    h, logits = step(h, token)
final, greedy, margin = logits, [], 9.0
for _ in range(40):
    order = sorted(range(V), key=lambda v: -logits[v])
    margin = min(margin, logits[order[0]] - logits[order[1]])
    greedy.append(order[0])
    h, logits = step(h, order[0])
assert margin > 1e-3, margin
total = sum(nats)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "elman.json"), "w") as file:
    json.dump(
        {
            "alphabet": list(alphabet), "width": M, "text": text, "ids": ids,
            "tensors": {"embedding": sum(E, []), "rnn.U": sum(U, []), "rnn.b": b, "out.weight": sum(W, []), "out.bias": c},
            "logits": final, "greedy": greedy, "nats": nats, "bitsPerCharacter": total / math.log(2) / len(text),
            "bitsPerByte": total / math.log(2) / len(text.encode()), "perplexity": math.exp(total / len(nats)),
        },
        file, ensure_ascii=False)
