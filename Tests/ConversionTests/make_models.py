#!/usr/bin/env python3
"""Makes Fixtures/: small recurrent language models with random weights, as PyTorch names and stores their tensors, and the logits
that PyTorch computes with them in float64 (expected.json).

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python Tests/ConversionTests/make_models.py
"""
import json, os
import numpy as np, torch
from safetensors.torch import save_file, save_model
from torch import nn

torch.manual_seed(7)
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Fixtures")
os.makedirs(here, exist_ok=True)
alphabet = list("\n abcdefgh")  # in id order; "b" follows "a"
alphabet.append("é")
V = len(alphabet)
ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 10, 8]
expected = {"ids": ids, "models": {}}


class LanguageModel(nn.Module):
    """Embedding (or one-hot), a recurrent module, a linear layer: under the names given."""

    def __init__(self, recurrent, names, embedding=None, bias=True, tied=False):
        super().__init__()
        self.names = names
        if embedding:
            setattr(self, names[0], nn.Embedding(V, embedding))
        setattr(self, names[1], recurrent)
        width = (recurrent.proj_size or recurrent.hidden_size) * (2 if recurrent.bidirectional else 1)
        setattr(self, names[2], nn.Linear(width, V, bias=bias))
        if tied:
            getattr(self, names[2]).weight = getattr(self, names[0]).weight
        self.one_hot = not embedding

    def forward(self, tokens):
        x = nn.functional.one_hot(tokens, V).to(torch.float64) if self.one_hot else getattr(self, self.names[0])(tokens)
        y, _ = getattr(self, self.names[1])(x)
        return getattr(self, self.names[2])(y)


def wide(model):
    """Weights large enough that a wrong gate or a missing bias shows."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p * 2)
    return model


def logits(model):
    with torch.no_grad():
        return model.double()(torch.tensor(ids))


def numbers(rows):
    return [[float(f"{x:.12g}") for x in row] for row in rows.tolist()]


def keep(name, model, tensors=None, metadata=None, prefix=""):
    """Stores the tensors and what the model computes with exactly those."""
    tensors = tensors or {prefix + k: v.contiguous() for k, v in model.float().state_dict().items()}
    save_file(tensors, os.path.join(here, f"{name}.safetensors"), metadata=metadata)
    expected["models"][name] = {"logits": numbers(logits(model)), "parameters": sum(p.numel() for p in model.parameters())}


n, m = 5, 4
keep("lstm2", wide(LanguageModel(nn.LSTM(m, n, 2), ("embedding", "lstm", "fc"), m)), metadata={"format": "pt", "corpus": "none"})
gru = wide(LanguageModel(nn.GRU(m, n), ("encoder", "gru", "decoder"), m))
keep("gru1_prefix", gru, prefix="module.model.")
# The same model on windows of four tokens, each from the zero state, padded on the left with token 0.
with torch.no_grad():
    padded = [0, 0, 0] + ids
    windows = torch.stack([gru.double()(torch.tensor(padded[i : i + 4]))[-1] for i in range(len(ids))])
expected["window"] = {"model": "gru1_prefix", "window": 4, "padding": 0, "logits": numbers(windows)}
keep("rnn2", wide(LanguageModel(nn.RNN(m, n, 2), ("emb", "rnn", "out"), m)))
keep("rnn_relu", wide(LanguageModel(nn.RNN(m, n, nonlinearity="relu"), ("embed", "rnn", "head"), m)))
keep("onehot_lstm2", wide(LanguageModel(nn.LSTM(V, n, 2), ("", "lstm", "linear"))))
keep("onehot_gru1", wide(LanguageModel(nn.GRU(V, n), ("", "rnn", "output"))))
keep("nobias", wide(LanguageModel(nn.LSTM(m, n, 2, bias=False), ("embedding", "lstm", "fc"), m, bias=False)))
keep("projected", wide(LanguageModel(nn.LSTM(m, 6, 2, proj_size=3), ("embedding", "lstm", "fc"), m)))
keep("bidirectional", wide(LanguageModel(nn.LSTM(m, n, 2, bidirectional=True), ("embedding", "lstm", "fc"), m)))
keep("onehot_bigru2", wide(LanguageModel(nn.GRU(V, n, 2, bidirectional=True), ("", "gru", "fc"))))

# Tied: one tensor is stored, once under each of the names; save_model notes the other in the metadata.
tied = wide(LanguageModel(nn.LSTM(n, n), ("encoder", "rnn", "decoder"), n, tied=True)).float()
state = tied.state_dict()
keep("tied", tied, {k: v.contiguous() for k, v in state.items() if k != "decoder.weight"})
save_model(tied.float(), os.path.join(here, "tied_noted.safetensors"))
expected["models"]["tied_noted"] = expected["models"]["tied"]

# Other widths: the model's numbers are those of the narrow weights.
for name, dtype in [("half", torch.float16), ("bfloat16", torch.bfloat16)]:
    model = wide(LanguageModel(nn.GRU(m, n), ("embedding", "gru", "fc"), m)).to(dtype)
    keep(name, model, {k: v.clone().contiguous() for k, v in model.state_dict().items()})
model = wide(LanguageModel(nn.GRU(m, n), ("embedding", "gru", "fc"), m)).double()
with torch.no_grad():  # numbers that 32 bits cannot hold
    for p in model.parameters():
        p.copy_(p / 3)
keep("double", model, {k: v.clone().contiguous() for k, v in model.state_dict().items()})


class Stacked(nn.Module):
    """Two modules of one layer each, of different sizes; normalisation and a counter that no importer knows."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(V, m)
        self.lstm1, self.lstm2 = nn.LSTM(m, n), nn.LSTM(n, 6)
        self.fc = nn.Linear(6, V)

    def forward(self, tokens):
        return self.fc(self.lstm2(self.lstm1(self.embedding(tokens))[0])[0])


model = wide(Stacked())
keep("stacked_extra", model, {**{k: v.clone() for k, v in model.float().state_dict().items()}, "norm.weight": torch.ones(3),
                              "norm.num_batches_tracked": torch.tensor(12)})


def ml5(folder):
    """TensorFlow's BasicLSTM, one file for each variable, computed with NumPy."""
    random = np.random.default_rng(3)
    shapes = {"embedding": (V, m), "rnnlm/softmax_b": (V,), "rnnlm/softmax_w": (n, V)}
    for i, width in enumerate([m, n]):
        cell = f"rnnlm/multi_rnn_cell/cell_{i}/basic_lstm_cell/"
        shapes[cell + ("kernel" if i == 0 else "weights")] = (width + n, 4 * n)
        shapes[cell + ("bias" if i == 0 else "biases")] = (4 * n,)
    weights = {k: random.normal(0, 0.8, s).astype("<f4") for k, s in shapes.items()}
    os.makedirs(os.path.join(here, folder), exist_ok=True)
    weights["Variable"] = np.array(1000, "<i4")
    manifest = {}
    for name, value in weights.items():
        file = name.replace("/", "_")
        manifest[name] = {"filename": file, "shape": list(value.shape)}
        value.tofile(os.path.join(here, folder, file))
    json.dump(manifest, open(os.path.join(here, folder, "manifest.json"), "w"), indent=1)
    json.dump({c: i for i, c in enumerate(alphabet)}, open(os.path.join(here, folder, "vocab.json"), "w"))

    w = {k: v.astype(np.float64) for k, v in weights.items()}
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    state, rows = [(np.zeros(n), np.zeros(n)) for _ in range(2)], []
    for token in ids:
        x = w["embedding"][token]
        for i in range(2):
            cell = f"rnnlm/multi_rnn_cell/cell_{i}/basic_lstm_cell/"
            h, c = state[i]
            z = np.concatenate([x, h]) @ w[cell + ("kernel" if i == 0 else "weights")] + w[cell + ("bias" if i == 0 else "biases")]
            a, j, f, o = np.split(z, 4)
            c = sigmoid(f + 1) * c + sigmoid(a) * np.tanh(j)
            x = h = sigmoid(o) * np.tanh(c)
            state[i] = (h, c)
        rows.append(x @ w["rnnlm/softmax_w"] + w["rnnlm/softmax_b"])
    expected["models"][folder] = {"logits": numbers(np.array(rows)), "parameters": sum(v.size for k, v in w.items() if k != "Variable")}


ml5("ml5")
json.dump(alphabet, open(os.path.join(here, "vocab.json"), "w"))
json.dump(expected, open(os.path.join(here, "expected.json"), "w"))
