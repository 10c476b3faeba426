#!/usr/bin/env python3
"""Writes Fixtures/quantized.json: numbers, their q8 and q4 blocks as zoo/FORMAT.md says they are made (NumPy), and what the `gguf`
package, which shares the blocks' layout, reads out of those blocks.

    python3 -m venv venv && venv/bin/pip install numpy gguf
    venv/bin/python Tests/KernelTests/make_quantized.py
"""
import base64, json, pathlib
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize

f32 = np.float32


def half(x):
    return f32(np.float16(x))


def q8(x):
    d = half(f32(np.abs(x).max() / f32(127)))
    q = np.zeros(32) if d == 0 else np.clip(np.rint((x / d).astype(f32)), -127, 127)
    return np.float16(d).tobytes() + q.astype(np.int8).tobytes()


def q4(x):
    steps = lambda d: np.zeros(32, f32) if d == 0 else np.clip(np.rint((x / d).astype(f32)), -8, 7).astype(f32)
    largest, best = x[np.abs(x).argmax()], None
    for c in [-8.0] + [k / 8 for k in range(-72, -55)]:
        d = half(f32(largest / f32(c)))
        if best and (d == 0 or not np.isfinite(d)):
            continue
        errors = (x - d * steps(d)).astype(f32)
        total = 0.0
        for e in errors.tolist():  # in this order
            total += e * e
        if best is None or total < best[0] and np.abs(errors).max() <= np.abs(d):
            best = (total, d)
    d = best[1]
    n = (steps(d) + 8).astype(np.uint8)
    return np.float16(d).tobytes() + (n[:16] | n[16:] << 4).tobytes()


def blocks(encode, a, axis):
    """Zeros fill the last block of each line; lines in row-major order of the other axes."""
    lines = np.moveaxis(a, axis, -1)
    lines = lines.reshape(-1, lines.shape[-1])
    lines = np.pad(lines, ((0, 0), (0, -lines.shape[1] % 32)))
    return lines, b"".join(encode(block) for line in lines for block in line.reshape(-1, 32))


def case(title, a, axis):
    a = a.astype(f32)
    entry = {"title": title, "shape": list(a.shape), "axis": axis, "input": base64.b64encode(a.tobytes()).decode()}
    for name, encode, kind in [("q8", q8, Type.Q8_0), ("q4", q4, Type.Q4_0)]:
        lines, raw = blocks(encode, a, axis)
        moved = list(np.moveaxis(a, axis, -1).shape)
        values = dequantize(np.frombuffer(raw, np.uint8), kind).reshape(lines.shape)[:, : moved[-1]].reshape(moved)
        values = np.ascontiguousarray(np.moveaxis(values, -1, axis), f32)
        entry[name] = {"blocks": base64.b64encode(raw).decode(), "values": base64.b64encode(values.tobytes()).decode()}
    cases.append(entry)


rng, cases = np.random.default_rng(5), []
case("whole blocks", rng.normal(size=(5, 64)), 1)
case("a part of a block", rng.normal(size=(3, 45)), 1)
case("along the first axis", rng.normal(size=(70, 4)), 0)
case("along the middle axis", rng.normal(size=(2, 33, 3)), 1)
case("a vector", rng.normal(size=(7,)) * 1e-3, 0)
case("ties", np.concatenate([[127.0], np.arange(31) / 2 - 8]).reshape(1, 32), 1)
case("as large as a scale allows", np.array([[524000.0, -524100.0, 3.0] + [0.0] * 29]), 1)
case("subnormal scales", rng.normal(size=(6, 32)) * np.array([[1e-3], [1e-4], [1e-5], [1e-6], [1e-7], [1e-8]]), 1)
case("zeros of either sign", np.array([[0.0, -0.0] * 16]), 1)
case("one side", np.abs(rng.normal(size=(4, 32))), 1)
pathlib.Path(__file__).parent.joinpath("Fixtures/quantized.json").write_text(json.dumps(cases, indent=1) + "\n")
