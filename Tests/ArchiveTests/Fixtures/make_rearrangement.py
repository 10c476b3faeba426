#!/usr/bin/env python3
"""Writes rearrangement.json: what NumPy makes of the steps of zoo/FORMAT.md.

    python3 Tests/ArchiveTests/Fixtures/make_rearrangement.py
"""
import json, pathlib
import numpy as np

rng = np.random.default_rng(7)
cases = []


def run(steps, a):
    for step, *numbers in steps:
        if step == "transpose":
            a = a.swapaxes(-1, -2)
        elif step == "reshape":
            a = a.reshape(numbers)
        elif step == "squeeze":
            a = a.squeeze(numbers[0])
        elif step == "rows":
            a = a[numbers[0] : numbers[1]]
    return a


def case(title, tensors, entries):
    """tensors: name -> array at the source; entries: archive's name -> [(source, steps), …]"""
    made = {}
    for name, sources in entries.items():
        parts = [run(steps, tensors[source]) for source, steps in sources]
        made[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
    show = lambda a: {"shape": list(a.shape), "values": a.ravel().tolist()}
    cases.append({
        "title": title,
        "source": {k: show(v) for k, v in tensors.items()},
        "entries": {k: [{"name": s, "shape": list(tensors[s].shape), "steps": steps} for s, steps in v] for k, v in entries.items()},
        "archive": {k: show(v) for k, v in made.items()},
    })


def random(*shape):
    return np.round(rng.normal(size=shape), 3).astype(np.float32).astype(np.float64).astype(np.float32)


case("nothing", {"a": random(2, 3)}, {"A": [("a", [])]})
case("transpose", {"kernel": random(3, 5)}, {"W": [("kernel", [["transpose"]])]})
case("transpose of a stack", {"kernel": random(2, 3, 4)}, {"W": [("kernel", [["transpose"]])]})
case("squeeze and reshape", {"mix": random(1, 1, 6)}, {"mix": [("mix", [["squeeze", 0], ["squeeze", 0]])], "m": [("mix", [["reshape", 2, 3]])]})
case("split", {"qkv": random(9, 2)}, {c: [("qkv", [["rows", 3 * i, 3 * i + 3]])] for i, c in enumerate("qkv")})
case("join", {g: random(2, 3) for g in "ifgo"}, {"W": [(g, []) for g in "ifgo"]})
case("gates in another order", {"b": random(8)}, {"b": [("b", [["rows", k, k + 2]]) for k in (2, 0, 6, 4)]})
case("columns of a transposed kernel", {"k": random(4, 6)}, {
    "r": [("k", [["transpose"], ["rows", 0, 2]])], "z": [("k", [["transpose"], ["rows", 2, 6], ["transpose"]])]})
pathlib.Path(__file__).with_name("rearrangement.json").write_text(json.dumps(cases, indent=1) + "\n")
