#!/usr/bin/env python3
"""Writes v2.rnnz from zoo/FORMAT.md alone: what version 2 added, quantized tensors, by an independent writer.

    python3 Tests/ArchiveTests/Fixtures/make_v2.py

Block n (counted through the tensor) has the scale (n + 1) / 64. Element k of block n is the integer (37 k + 11 n) mod 255 - 127 in q8
and (5 k + 3 n) mod 16 - 8 in q4, padding included: a reader must not look at it.
"""
import hashlib, json, math, pathlib, struct, zlib
import numpy as np


def blocks(dtype, count):
    raw = b""
    for n in range(count):
        k = np.arange(32)
        if dtype == "q8":
            body = ((37 * k + 11 * n) % 255 - 127).astype(np.int8).tobytes()
        else:
            q = (5 * k + 3 * n) % 16
            body = (q[:16] | q[16:] << 4).astype(np.uint8).tobytes()
        raw += struct.pack("<e", (n + 1) / 64) + body
    return raw


data, tensors = b"", []


def add(name, dtype, shape, axis, blocks_at_once, encoding, say_axis=True):
    global data
    size = {"q8": 34, "q4": 18}[dtype]
    lines = math.prod(shape) // shape[axis] if 0 not in shape else 0
    raw, chunks = blocks(dtype, lines * -(-shape[axis] // 32)), []
    for start in range(0, len(raw), blocks_at_once * size):
        part = raw[start : start + blocks_at_once * size]
        stored = part
        if encoding == "zlib-planes":
            stored = np.frombuffer(part, np.uint8).reshape(-1, size).T.tobytes()
        if encoding != "raw":
            stored = zlib.compress(stored, 9)
        chunks.append(dict(offset=len(data), stored=len(stored), size=len(part), encoding=encoding, crc32=zlib.crc32(stored)))
        data += stored
    entry = dict(name=name, dtype=dtype, shape=list(shape), sha256=hashlib.sha256(raw).hexdigest(), chunks=chunks)
    tensors.append(entry | ({"block_axis": axis} if say_axis else {}))


add("last", "q8", (6, 40), 1, 5, "zlib-planes", say_axis=False)
add("first", "q8", (70, 3), 0, 9, "zlib")
add("middle", "q4", (2, 33, 3), 1, 4, "zlib-planes")
add("vector", "q4", (31,), 0, 1, "raw", say_axis=False)
add("nothing", "q4", (0, 5), 1, 1, "raw")
# A key that says something of blocks alone, where there are none.
one = struct.pack("<f", 1.5)
tensors.append(dict(name="plain", dtype="f32", shape=[], block_axis=7, sha256=hashlib.sha256(one).hexdigest(), chunks=[
    dict(offset=len(data), stored=4, size=4, encoding="raw", crc32=zlib.crc32(one))]))
data += one

text = json.dumps({"name": "version 2", "tensors": tensors}).encode()
stored = zlib.compress(text, 9)
prefix = struct.pack("<8sIIIIQ", b"\x89RNNZ\r\n\x1a", 2, len(stored), len(text), zlib.crc32(stored), len(data))
out = pathlib.Path(__file__).with_name("v2.rnnz")
out.write_bytes(prefix + struct.pack("<I", zlib.crc32(prefix)) + stored + data)
print(out.stat().st_size, "bytes")
