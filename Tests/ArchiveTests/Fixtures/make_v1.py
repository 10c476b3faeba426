#!/usr/bin/env python3
"""Writes v1.rnnz from zoo/FORMAT.md alone: an independent writer, so that the fixture is not our own output.

    python3 Tests/ArchiveTests/Fixtures/make_v1.py

Element i of every tensor is (37 i mod 101 - 50) / 16, which every dtype holds exactly.
"""
import hashlib, json, pathlib, struct, zlib
import numpy as np


def values(count):
    return ((37 * np.arange(count) % 101 - 50) / 16).astype("<f4")


def raw_bytes(dtype, floats):
    if dtype == "bf16":
        return (floats.view("<u4") >> 16).astype("<u2").tobytes()
    return floats.astype({"f32": "<f4", "f16": "<f2"}[dtype]).tobytes()


data, tensors = b"", []


def add(name, dtype, shape, chunk_bytes, encoding, sources=None):
    global data
    raw, chunks = raw_bytes(dtype, values(int(np.prod(shape)))), []
    size = 4 if dtype == "f32" else 2
    for start in range(0, len(raw), chunk_bytes):
        part = raw[start : start + chunk_bytes]
        stored = part
        if encoding == "zlib-planes":
            stored = np.frombuffer(part, np.uint8).reshape(-1, size).T.tobytes()
        if encoding != "raw":
            stored = zlib.compress(stored, 9)
        chunks.append(dict(offset=len(data), stored=len(stored), size=len(part), encoding=encoding, crc32=zlib.crc32(stored)))
        data += stored
    entry = dict(name=name, dtype=dtype, shape=list(shape), sha256=hashlib.sha256(raw).hexdigest(), chunks=chunks)
    tensors.append(entry | ({"sources": sources} if sources else {}))


add("embedding", "f32", (20, 16), 512, "zlib-planes")
add("layers.0.W", "f16", (24, 16), 256, "zlib-planes", [
    {"name": "lstm/kernel", "shape": [1, 16, 24], "steps": [["squeeze", 0], ["transpose"]]}])
add("layers.0.b", "bf16", (24,), 4096, "zlib", [
    {"name": "lstm/bias_a", "shape": [8, 2], "steps": [["reshape", 16]]},
    {"name": "lstm/bias_b", "shape": [9], "steps": [["rows", 1, 9]]}])
add("out.weight", "f32", (20, 6), 200, "raw")
add("scale", "f32", (), 4096, "raw")
add("nothing", "f32", (0, 3), 4096, "raw")

header = {
    "name": "version 1",
    "architecture": "lstm",
    "description": "Every element type, encoding and step; text beyond ASCII: ä€😀",
    "license": "CC0-1.0",
    "provenance": {
        "format": "fixture",
        "files": [{"name": "make_v1.py", "sha256": "0" * 64}],
        "converter": "make_v1.py",
        "note": "Made by an independent writer.",
    },
    "program": "step(token) {\n  return out.weight @ embedding[token]\n}\n",
    "hyperparameters": {"eps": 1e-05, "heads": 2},
    "tokenizers": {"text": {"kind": "anything", "list": [1, 2.5, True, None, "x\u0000y"]}},
    "special": {"start": 1, "end": 2, "unknown": 0, "padding": 3, "start_text": "\n"},
    "unused_ids": 4,
    "window": 12,
    "source_limit": 100,
    "target_limit": 200,
    "generation": {"temperature": 0.5, "top-k": 0},
    "tensors": tensors,
    "self_tests": [{"origin": "NumPy", "ids": [1, 2], "logits": [0.1, -2.5e-07, 3], "greedy": [2], "tolerance": 1e-05}],
    "a_key_of_a_later_version": {"is": "skipped"},
}
text = json.dumps(header, ensure_ascii=True).encode()
stored = zlib.compress(text, 9)
prefix = struct.pack("<8sIIIIQ", b"\x89RNNZ\r\n\x1a", 1, len(stored), len(text), zlib.crc32(stored), len(data))
out = pathlib.Path(__file__).with_name("v1.rnnz")
out.write_bytes(prefix + struct.pack("<I", zlib.crc32(prefix)) + stored + data)
print(out.stat().st_size, "bytes")
