#!/usr/bin/env python3
"""An independent reader of .rnnz archives (zoo/FORMAT.md) in the Python standard library and NumPy.

    read_rnnz.py FILE OUT    writes every tensor as OUT/<its place in the header>.npy (float32) and the header as OUT/header.json
"""
import hashlib, json, math, os, struct, sys, zlib
import numpy as np

SIZES = {"f32": 4, "f16": 2, "bf16": 2, "q8": 34, "q4": 18}  # bytes of an element, or of a block of 32


def read_header(file):
    magic, version, stored, size, crc, data, sum_ = struct.unpack("<8sIIIIQI", prefix := file[:36])
    assert magic == b"\x89RNNZ\r\n\x1a" and version in (1, 2), "not a version 1 or 2 archive"
    assert zlib.crc32(prefix[:32]) == sum_ and len(file) == 36 + stored + data, "damaged prefix or wrong length"
    assert zlib.crc32(file[36 : 36 + stored]) == crc, "damaged header"
    text = zlib.decompress(file[36 : 36 + stored])
    assert len(text) == size
    return json.loads(text), file[36 + stored :]


def read_tensor(entry, data):
    element, parts = SIZES[entry["dtype"]], []
    for chunk in entry["chunks"]:
        part = data[chunk["offset"] : chunk["offset"] + chunk["stored"]]
        assert len(part) == chunk["stored"] and zlib.crc32(part) == chunk["crc32"], "damaged chunk"
        if chunk["encoding"] != "raw":
            part = zlib.decompress(part)
        assert len(part) == chunk["size"]
        if chunk["encoding"] == "zlib-planes":
            part = np.frombuffer(part, np.uint8).reshape(element, -1).T.tobytes()
        parts.append(part)
    raw, shape = b"".join(parts), list(entry["shape"])
    axis = (entry.get("block_axis", len(shape) - 1)) if entry["dtype"] in ("q8", "q4") else None
    if axis is not None:  # stored as if it were the last one, and of whole blocks
        length = shape.pop(axis)
        shape.append(-(-length // 32))
    assert len(raw) == element * math.prod(shape) and hashlib.sha256(raw).hexdigest() == entry["sha256"]
    if entry["dtype"] == "bf16":  # the upper half of a float32
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    if axis is None:
        return np.frombuffer(raw, {"f32": "<f4", "f16": "<f2"}[entry["dtype"]]).astype("<f4").reshape(shape)
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, element)
    scales, q = blocks[:, :2].copy().view("<f2").astype("<f4"), blocks[:, 2:]
    q = q.view(np.int8) if entry["dtype"] == "q8" else np.concatenate([q & 15, q >> 4], 1).astype(np.int8) - 8
    lines = (scales * q).reshape(shape[:-1] + [32 * shape[-1]])[..., :length]
    return np.ascontiguousarray(np.moveaxis(lines, -1, axis))


if __name__ == "__main__":
    header, data = read_header(open(sys.argv[1], "rb").read())
    for i, entry in enumerate(header.get("tensors", [])):
        np.save(os.path.join(sys.argv[2], f"{i}.npy"), read_tensor(entry, data))
    json.dump(header, open(os.path.join(sys.argv[2], "header.json"), "w"))
