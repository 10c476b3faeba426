#!/usr/bin/env python3
"""An independent reader of .rnnz archives (zoo/FORMAT.md) in the Python standard library and NumPy.

    read_rnnz.py FILE OUT    writes every tensor as OUT/<its place in the header>.npy (float32) and the header as OUT/header.json
"""
import hashlib, json, math, os, struct, sys, zlib
import numpy as np

SIZES = {"f32": 4, "f16": 2, "bf16": 2}


def read_header(file):
    magic, version, stored, size, crc, data, sum_ = struct.unpack("<8sIIIIQI", prefix := file[:36])
    assert magic == b"\x89RNNZ\r\n\x1a" and version == 1, "not a version 1 archive"
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
    raw = b"".join(parts)
    assert len(raw) == element * math.prod(entry["shape"]) and hashlib.sha256(raw).hexdigest() == entry["sha256"]
    if entry["dtype"] == "bf16":  # the upper half of a float32
        values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(raw, {"f32": "<f4", "f16": "<f2"}[entry["dtype"]]).astype("<f4")
    return values.reshape(entry["shape"])


if __name__ == "__main__":
    header, data = read_header(open(sys.argv[1], "rb").read())
    for i, entry in enumerate(header.get("tensors", [])):
        np.save(os.path.join(sys.argv[2], f"{i}.npy"), read_tensor(entry, data))
    json.dump(header, open(os.path.join(sys.argv[2], "header.json"), "w"))
