"""The others. Each runs in a process of its own, which waits for a line of JSON, does that work and answers with a line; while
another is timed it sleeps.

    runtimes.py NAME CELL FOLDER HIDDEN THREADS

FOLDER holds model.safetensors as cells.py writes it. Commands: {"work": "decode"}, "batch" and "train" are answered with
{"tokens_per_s": the median of three repeats}; {"tokens": [...]} with {"logits": those after the last}.
"""
import copy
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from cells import LAYERS, VOCABULARY

SEQUENCES, STEPS = 64, 128  # of batch
REPEATS, REPEAT_SECONDS = 3, 0.25


class Torch:
    """Decoding by a cell a step, as one writes it with PyTorch; batches by the whole layers."""

    def __init__(self, cell: str, weights: dict[str, np.ndarray], folder: Path, hidden: int, threads: int):
        import torch

        torch.set_num_threads(threads)
        self.torch, self.hidden, self.is_lstm = torch, hidden, cell == "lstm"
        tensors = {name: torch.from_numpy(values) for name, values in weights.items()}
        self.embedding = torch.nn.Embedding(VOCABULARY, hidden)
        self.linear = torch.nn.Linear(hidden, VOCABULARY)
        self.layers = (torch.nn.LSTM if self.is_lstm else torch.nn.GRU)(hidden, hidden, LAYERS)
        self.embedding.load_state_dict({"weight": tensors["embedding.weight"]})
        self.linear.load_state_dict({"weight": tensors["fc.weight"], "bias": tensors["fc.bias"]})
        self.layers.load_state_dict(
            {name.removeprefix(f"{cell}."): values for name, values in tensors.items() if name.startswith(f"{cell}.")})
        self.cells = [(torch.nn.LSTMCell if self.is_lstm else torch.nn.GRUCell)(hidden, hidden) for _ in range(LAYERS)]
        for layer, module in enumerate(self.cells):
            module.load_state_dict({name.removesuffix(f"_l{layer}"): values for name, values in self.layers.state_dict().items()
                                    if name.endswith(f"_l{layer}")})
        self.batch_tokens = torch.randint(0, VOCABULARY, (STEPS, SEQUENCES))
        self.batch_targets = torch.randint(0, VOCABULARY, (STEPS, SEQUENCES))
        self.learner = None

    def start(self):
        zero = self.torch.zeros(1, self.hidden)
        self.states = [(zero, zero) if self.is_lstm else zero for _ in self.cells]

    def step(self, token):
        x = self.embedding(token)
        for layer, module in enumerate(self.cells):
            self.states[layer] = module(x, self.states[layer])
            x = self.states[layer][0] if self.is_lstm else self.states[layer]
        return self.linear(x)

    def decode(self, steps: int):
        with self.torch.inference_mode():
            self.start()
            token = self.torch.zeros(1, dtype=self.torch.long)
            for _ in range(steps):
                token = self.step(token).argmax(-1)

    def batch(self):
        with self.torch.inference_mode():
            self.linear(self.layers(self.embedding(self.batch_tokens))[0])

    def train(self):
        """A step on a batch: forward, backward, gradients clipped at a norm of 5, Adam. What learns is a copy."""
        torch = self.torch
        if self.learner is None:
            modules = copy.deepcopy(torch.nn.ModuleList([self.embedding, self.layers, self.linear]))
            self.learner = modules, torch.optim.Adam(modules.parameters(), 1e-3)
        (embedding, layers, linear), optimizer = self.learner
        optimizer.zero_grad()
        logits = linear(layers(embedding(self.batch_tokens))[0])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), self.batch_targets.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(self.learner[0].parameters(), 5.0)
        optimizer.step()

    def logits(self, tokens: list[int]) -> list[float]:
        with self.torch.inference_mode():
            self.start()
            for token in tokens:
                logits = self.step(self.torch.tensor([token]))
            whole = self.linear(self.layers(self.embedding(self.torch.tensor(tokens)[:, None]))[0])[-1]
            assert self.torch.allclose(logits, whole, atol=1e-4), "the cells and the layers have the same weights"
            return logits[0].tolist()


class ONNXRuntime:
    """One graph for both kinds of work: token ids and states in, logits and states out."""

    def __init__(self, cell: str, weights: dict[str, np.ndarray], folder: Path, hidden: int, threads: int, quantized: bool):
        import onnx
        import onnxruntime

        self.names = [f"{kind}{layer}" for layer in range(LAYERS) for kind in ("h", "c")[: 2 if cell == "lstm" else 1]]
        path = folder / "f32.onnx"
        onnx.save(self.graph(cell, weights, hidden), path)
        if quantized:
            import logging

            from onnxruntime.quantization import QuantType, quantize_dynamic

            logging.getLogger().setLevel(logging.ERROR)
            quantize_dynamic(path, folder / "int8.onnx", weight_type=QuantType.QInt8)
            path = folder / "int8.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.hidden = hidden
        self.batch_tokens = np.random.default_rng(0).integers(0, VOCABULARY, (STEPS, SEQUENCES))
        self.batch_states = self.zeros(SEQUENCES)

    def graph(self, cell: str, weights: dict[str, np.ndarray], hidden: int):
        from onnx import TensorProto, helper, numpy_helper

        # PyTorch's gates are i f g o and r z n; ONNX's i o f c and z r h.
        order = [0, 3, 1, 2] if cell == "lstm" else [1, 0, 2]

        def reordered(values: np.ndarray) -> np.ndarray:
            parts = np.split(values, len(order))
            return np.concatenate([parts[i] for i in order])

        constants = {"embedding": weights["embedding.weight"], "out": np.ascontiguousarray(weights["fc.weight"].T),
                     "bias": weights["fc.bias"], "directions": np.array([1], np.int64)}
        nodes = [helper.make_node("Gather", ["embedding", "tokens"], ["x0"])]
        for layer in range(LAYERS):
            own = {key: reordered(weights[f"{cell}.{key}_l{layer}"]) for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            constants |= {f"W{layer}": own["weight_ih"][None], f"R{layer}": own["weight_hh"][None],
                          f"B{layer}": np.concatenate([own["bias_ih"], own["bias_hh"]])[None]}
            states = [name for name in self.names if name.endswith(str(layer))]
            # PyTorch's GRU multiplies by the reset gate after the product.
            kind = {"linear_before_reset": 1} if cell == "gru" else {}
            nodes += [
                helper.make_node(cell.upper(), [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}", "", *states],
                                 [f"y{layer}", *(f"{name}_next" for name in states)], hidden_size=hidden, **kind),
                helper.make_node("Squeeze", [f"y{layer}", "directions"], [f"x{layer + 1}"])]
        nodes += [helper.make_node("MatMul", [f"x{LAYERS}", "out"], ["products"]),
                  helper.make_node("Add", ["products", "bias"], ["logits"])]
        value, float32 = helper.make_tensor_value_info, TensorProto.FLOAT
        graph = helper.make_graph(
            nodes, "language model",
            [value("tokens", TensorProto.INT64, ["steps", "sequences"])]
            + [value(name, float32, [1, "sequences", hidden]) for name in self.names],
            [value("logits", float32, ["steps", "sequences", VOCABULARY])]
            + [value(f"{name}_next", float32, [1, "sequences", hidden]) for name in self.names],
            [numpy_helper.from_array(values, name) for name, values in constants.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        return model

    def zeros(self, sequences: int) -> dict[str, np.ndarray]:
        return {name: np.zeros((1, sequences, self.hidden), np.float32) for name in self.names}

    def decode(self, steps: int):
        token, states = np.zeros((1, 1), np.int64), self.zeros(1)
        for _ in range(steps):
            logits, *next_states = self.session.run(None, states | {"tokens": token})
            states = dict(zip(self.names, next_states))
            token = logits[0].argmax(-1)[:, None]

    def batch(self):
        self.session.run(["logits"], self.batch_states | {"tokens": self.batch_tokens})

    def logits(self, tokens: list[int]) -> list[float]:
        inputs = self.zeros(1) | {"tokens": np.array(tokens, np.int64)[:, None]}
        return self.session.run(["logits"], inputs)[0][-1, 0].tolist()


class Timer:
    """As many steps, or forward passes, as last for a quarter of a second; finding that out is the warm-up."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.counts: dict[str, int] = {}

    def seconds(self, work: str, count: int) -> float:
        start = time.perf_counter()
        if work == "decode":
            self.runtime.decode(count)
        else:
            for _ in range(count):
                getattr(self.runtime, work)()
        return time.perf_counter() - start

    def tokens_per_s(self, work: str) -> float:
        if work not in self.counts:
            count, elapsed = 1, self.seconds(work, 1)
            while elapsed < REPEAT_SECONDS / 4:
                count *= 2
                elapsed = self.seconds(work, count)
            self.counts[work] = max(1, round(count * REPEAT_SECONDS / elapsed))
        count = self.counts[work]
        # What slept is woken up first.
        self.seconds(work, max(1, count // 4))
        tokens = count * (1 if work == "decode" else SEQUENCES * STEPS)
        return statistics.median(tokens / self.seconds(work, count) for _ in range(REPEATS))


def main() -> None:
    name, cell, folder, hidden, threads = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer
    folder, hidden, threads = Path(folder), int(hidden), int(threads)
    weights = load_file(folder / "model.safetensors")
    if name == "torch":
        runtime = Torch(cell, weights, folder, hidden, threads)
    else:
        runtime = ONNXRuntime(cell, weights, folder, hidden, threads, quantized=name == "onnxruntime-int8")
    timer = Timer(runtime)
    for line in sys.stdin:
        command = json.loads(line)
        if "tokens" in command:
            answer = {"logits": runtime.logits(command["tokens"])}
        else:
            answer = {"tokens_per_s": timer.tokens_per_s(command["work"])}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
