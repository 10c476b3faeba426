"""The models that are timed: an embedding [V, H], two recurrent layers of H units and a linear layer to V = 96, with random
weights. `reference` is their plain arithmetic in double precision, by which everyone's logits are checked before any is timed."""
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

VOCABULARY = 96
LAYERS = 2
CELLS = ("lstm", "gru", "custom")
PROGRAM = Path(__file__).resolve().parent / "coupled.rnn"  # of custom
GATES = {"lstm": 4, "gru": 3, "custom": 3}


def make(cell: str, hidden: int) -> dict[str, np.ndarray]:
    """lstm and gru under PyTorch's names and with its layout; custom under the names of its program."""
    generator = np.random.default_rng(1)
    rows = GATES[cell] * hidden

    def uniform(*shape: int) -> np.ndarray:
        return generator.uniform(-1, 1, shape) / np.sqrt(hidden)

    weights = {}
    for layer in range(LAYERS):
        if cell == "custom":
            weights |= {f"layers.{layer}.W": uniform(rows, hidden), f"layers.{layer}.U": uniform(rows, hidden),
                        f"layers.{layer}.b": uniform(rows), f"layers.{layer}.see_f": uniform(hidden),
                        f"layers.{layer}.see_o": uniform(hidden)}
        else:
            weights |= {f"{cell}.weight_ih_l{layer}": uniform(rows, hidden), f"{cell}.weight_hh_l{layer}": uniform(rows, hidden),
                        f"{cell}.bias_ih_l{layer}": uniform(rows), f"{cell}.bias_hh_l{layer}": uniform(rows)}
    embedding, out = ("embedding", "out") if cell == "custom" else ("embedding.weight", "fc")
    weights |= {embedding: generator.normal(0, 0.3, (VOCABULARY, hidden)),
                # Larger than a fresh layer's, so that a greedy text has no near ties.
                f"{out}.weight": 4 * uniform(VOCABULARY, hidden), f"{out}.bias": uniform(VOCABULARY)}
    return {name: np.ascontiguousarray(values, np.float32) for name, values in weights.items()}


def write(weights: dict[str, np.ndarray], folder: Path) -> Path:
    """As safetensors, with a vocabulary beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    (folder / "vocab.json").write_text(json.dumps([chr(32 + i) for i in range(VOCABULARY - 1)] + ["\n"]))
    return folder / "model.safetensors"


def bytes_per_token(weights: dict[str, np.ndarray]) -> int:
    """Of f32 weights that a step reads: everything but the rows of the embedding that it does not take."""
    total = sum(values.nbytes for values in weights.values())
    embedding = weights.get("embedding", weights.get("embedding.weight"))
    return total - embedding.nbytes * (VOCABULARY - 1) // VOCABULARY


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(x, h, c, w, layer):
    gates = (w[f"lstm.weight_ih_l{layer}"] @ x + w[f"lstm.bias_ih_l{layer}"]
             + w[f"lstm.weight_hh_l{layer}"] @ h + w[f"lstm.bias_hh_l{layer}"])
    i, f, g, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x, h, c, w, layer):
    xr, xz, xn = np.split(w[f"gru.weight_ih_l{layer}"] @ x + w[f"gru.bias_ih_l{layer}"], 3)
    hr, hz, hn = np.split(w[f"gru.weight_hh_l{layer}"] @ h + w[f"gru.bias_hh_l{layer}"], 3)
    z = sigmoid(xz + hz)
    return (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h, c


def custom(x, h, c, w, layer):
    p = {name: w[f"layers.{layer}.{name}"] for name in ("W", "U", "b", "see_f", "see_o")}
    f, o, g = np.split(p["W"] @ x + p["U"] @ h + p["b"], 3)
    keep = sigmoid(f + p["see_f"] * c)
    c = keep * c + (1 - keep) * np.tanh(g)
    return sigmoid(o + p["see_o"] * c) * np.tanh(c), c


def reference(cell: str, weights: dict[str, np.ndarray], tokens: list[int]) -> np.ndarray:
    """The logits after the last token."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}
    step = {"lstm": lstm, "gru": gru, "custom": custom}[cell]
    embedding, out = (w["embedding"], "out") if cell == "custom" else (w["embedding.weight"], "fc")
    states = [(np.zeros(embedding.shape[1]), np.zeros(embedding.shape[1])) for _ in range(LAYERS)]
    for token in tokens:
        x = embedding[token]
        for layer in range(LAYERS):
            states[layer] = step(x, *states[layer], w, layer)
            x = states[layer][0]
    return w[f"{out}.weight"] @ x + w[f"{out}.bias"]
