#!/usr/bin/env python3
"""Writes random.json: SplitMix64 and xoshiro256** as their authors' C code (prng.di.unimi.it, public domain) defines them.

The first values for SplitMix64 with seed 1234567 and for xoshiro256** with state 1, 2, 3, 4 are also what rand_xoshiro (Rust)
tests against."""
import json, os

M = (1 << 64) - 1


def splitmix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & M
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M
        yield z ^ (z >> 31)


def xoshiro(s):
    s = list(s)
    rotl = lambda x, k: ((x << k) | (x >> (64 - k))) & M
    while True:
        yield (rotl((s[1] * 5) & M, 7) * 9) & M
        t = (s[1] << 17) & M
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)


def take(generator, n):
    return [str(next(generator)) for _ in range(n)]


assert take(splitmix(1234567), 2) == ["6457827717110365317", "3203168211198807973"]
assert take(xoshiro([1, 2, 3, 4]), 4) == ["11520", "0", "1509978240", "1215971899390074240"]

cases = []
for seed in [0, 1, 42, 1234567, M]:
    start = splitmix(seed)
    numbers = take(xoshiro([next(start) for _ in range(4)]), 20)
    cases.append({"seed": str(seed), "numbers": numbers, "units": [(int(n) >> 11) / 2.0**53 for n in numbers]})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "random.json"), "w") as file:
    json.dump({"first": take(xoshiro([1, 2, 3, 4]), 10), "cases": cases}, file, indent=1)
