#!/usr/bin/env python3
"""Times rnnz and what one would run instead, in turn, on the same weights.

    .venv/bin/python Tests/Benchmarks/peers.py --hidden 512 --threads 2

A pair of neighbouring measurements gives a ratio, and the order within a pair changes from round to round: a machine that
becomes slower in between hits both. Prints Markdown, then one line of JSON. See README.md beside this file.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

import cells

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
WORKS = ("decode", "batch", "train")
PROBE = [3, 1, 4, 15, 92, 65, 35, 89, 79, 32]  # token ids after which everyone's logits are compared
PAUSE_SECONDS = 0.3  # threads of a runtime go on spinning for a while after their work


class Failure(Exception):
    """A sentence for whoever called."""


class Rnnz:
    """An archive that is timed by `rnnz bench`, a process for each measurement."""

    def __init__(self, executable: Path, archive: Path, cell: str, dtype: str, threads: int):
        self.executable, self.archive, self.threads = executable, archive, threads
        self.name, self.cell, self.dtype = f"rnnz {dtype}", cell, dtype

    def run(self, *words: str) -> dict:
        done = subprocess.run([str(self.executable), *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"rnnz {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def tokens_per_s(self, work: str) -> float:
        result = self.run("bench", str(self.archive), "--work", work, "--threads", str(self.threads), "--repeats", "3", "--json")
        if result["threads"] != self.threads or result["dtype"] != self.dtype:
            raise Failure(f"rnnz timed {result['dtype']} on {result['threads']} threads, not {self.dtype} on {self.threads}")
        return result["tokens_per_s"]

    def logits(self, tokens: list[int]) -> list[float]:
        return self.run("logits", str(self.archive), "--ids", ",".join(map(str, tokens)), "--json")["logits"]


class Peer:
    """Another runtime, in a process that sleeps while it is not asked."""

    def __init__(self, name: str, cell: str, folder: Path, hidden: int, threads: int):
        self.name, self.cell = name, cell
        words = [sys.executable, str(FOLDER / "runtimes.py"), name, cell, str(folder), str(hidden), str(threads)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command: dict) -> dict:
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Failure(f"{self.name} ended with {self.process.wait()}")
        return json.loads(answer)

    def tokens_per_s(self, work: str) -> float:
        return self.ask({"work": work})["tokens_per_s"]

    def logits(self, tokens: list[int]) -> list[float]:
        return self.ask({"tokens": tokens})["logits"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Comparison:
    """One kind of work, by rnnz and by another: for custom cells the other is rnnz with the LSTM."""

    work: str
    ours: Rnnz
    other: "Rnnz | Peer"
    our_rates: list[float] = field(default_factory=list)
    other_rates: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.work}, {self.ours.name} {self.ours.cell} against {self.other.name} {self.other.cell}"

    def measure(self, is_ours_first: bool) -> None:
        order = [(self.ours, self.our_rates), (self.other, self.other_rates)]
        for who, rates in order if is_ours_first else reversed(order):
            time.sleep(PAUSE_SECONDS)
            rates.append(who.tokens_per_s(self.work))

    def result(self, factor: float = 1) -> dict:
        ratios = [factor * ours / other for ours, other in zip(self.our_rates, self.other_rates)]
        return {"work": self.work, "cell": self.ours.cell, "ours": self.ours.name, "other": self.other.name,
                "ours_tokens_per_s": statistics.median(self.our_rates), "other_tokens_per_s": statistics.median(self.other_rates),
                "ratio": statistics.median(ratios), "ratios": ratios}


class Benchmark:
    def __init__(self, arguments: argparse.Namespace, folder: Path):
        self.arguments, self.folder = arguments, folder
        self.weights: dict[str, dict[str, np.ndarray]] = {}
        self.peers: list[Peer] = []

    def convert(self, cell: str) -> list[Rnnz]:
        """f32, and q8 where the build can quantize."""
        weights = self.weights[cell] = cells.make(cell, self.arguments.hidden)
        source = cells.write(weights, self.folder / cell)
        program = ["--program", str(cells.PROGRAM)] if cell == "custom" else []
        archives = []
        for dtype, words in (("f32", []), ("q8", ["--quantize", "q8"])):
            archive = self.folder / f"{cell}-{dtype}.rnnz"
            done = subprocess.run([str(self.arguments.rnnz), "convert", str(source), str(archive), *program, *words],
                                  capture_output=True, text=True)
            if done.returncode == 0:
                archives.append(Rnnz(self.arguments.rnnz, archive, cell, dtype, self.arguments.threads))
            elif dtype == "f32":
                raise Failure(f"rnnz convert ended with {done.returncode}: {done.stderr.strip()}")
            elif cell == "lstm":
                print(f"no {dtype}: {done.stderr.strip()}", file=sys.stderr)
        return archives

    def check(self, who: "Rnnz | Peer", is_exact: bool) -> None:
        """That it computes this model: quantized weights give other logits, but not quite other ones."""
        expected = cells.reference(who.cell, self.weights[who.cell], PROBE)
        error = float(np.abs(np.array(who.logits(PROBE)) - expected).max() / np.abs(expected).max())
        if not error < (1e-4 if is_exact else 0.1):
            raise Failure(f"{who.name} has other logits for {who.cell}: they differ by {error:.2g} of the largest")

    def comparisons(self) -> tuple[list[Comparison], list[Comparison]]:
        """Of rnnz with others, and of cells with the LSTM."""
        chosen, by_peer, by_cell = self.arguments.cells, [], []
        archives = {cell: self.convert(cell) for cell in sorted(set(chosen) | {"lstm"}, key=cells.CELLS.index)}
        for cell, own in archives.items():
            for archive in own:
                self.check(archive, is_exact=archive.dtype == "f32")
            if cell not in chosen:
                continue
            # The int8 of ONNX Runtime knows LSTM alone.
            names = {"lstm": ["onnxruntime-f32", "onnxruntime-int8", "torch"], "gru": ["onnxruntime-f32", "torch"]}.get(cell, [])
            for name in names:
                peer = Peer(name, cell, self.folder / cell, self.arguments.hidden, self.arguments.threads)
                self.peers.append(peer)
                is_quantized = name.endswith("int8")
                self.check(peer, is_exact=not is_quantized)
                by_peer += [Comparison(work, own[-1 if is_quantized else 0], peer) for work in self.arguments.works
                            if work != "train" or name == "torch"]
            if cell != "lstm":
                by_cell += [Comparison(work, *pair) for pair in zip(own, archives["lstm"]) for work in self.arguments.works
                            if work != "train"]
        return by_peer, by_cell

    def run(self) -> dict:
        by_peer, by_cell = self.comparisons()
        for round in range(self.arguments.rounds):
            for comparison in by_peer + by_cell:
                print(f"round {round + 1} of {self.arguments.rounds}: {comparison}", file=sys.stderr, flush=True)
                comparison.measure(is_ours_first=round % 2 == 0)
        sizes = {cell: cells.bytes_per_token(weights) for cell, weights in self.weights.items()}
        return {
            "date": date.today().isoformat(), "processor": processor(), "hidden": self.arguments.hidden,
            "threads": self.arguments.threads, "rounds": self.arguments.rounds,
            "peers": [comparison.result() for comparison in by_peer],
            "cells": [comparison.result(sizes[comparison.ours.cell] / sizes["lstm"])
                      | {"f32_bytes_per_token": sizes[comparison.ours.cell]} for comparison in by_cell],
        }

    def close(self) -> None:
        for peer in self.peers:
            peer.close()


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]}, {os.cpu_count()} processors" if models else platform.machine()


def markdown(result: dict) -> list[str]:
    def spread(row: dict) -> str:
        return f"{row['ratio']:.2f} ({min(row['ratios']):.2f}–{max(row['ratios']):.2f})"

    lines = [f"{result['date']}, {result['processor']}; hidden {result['hidden']}, threads: {result['threads']}, "
             f"rounds: {result['rounds']}"]
    if result["peers"]:
        lines += ["", "| cell | work | rnnz | tokens/s | against | tokens/s | ratio (lowest–highest pair) |",
                  "|---|---|---|--:|---|--:|--:|"]
        lines += [f"| {row['cell']} | {row['work']} | {row['ours'].removeprefix('rnnz ')} | {row['ours_tokens_per_s']:,.0f} "
                  f"| {row['other']} | {row['other_tokens_per_s']:,.0f} | {spread(row)} |" for row in result["peers"]]
    if result["cells"]:
        lines += ["", "| cell | work | rnnz | tokens/s | weights read per token, as f32 | bytes/s, the LSTM's being 1 |",
                  "|---|---|---|--:|--:|--:|"]
        lines += [f"| {row['cell']} | {row['work']} | {row['ours'].removeprefix('rnnz ')} | {row['ours_tokens_per_s']:,.0f} "
                  f"| {row['f32_bytes_per_token'] / 1e6:.2f} MB | {spread(row)} |" for row in result["cells"]]
    return lines


def main() -> None:
    def words(allowed: tuple[str, ...]):
        def parse(text: str) -> list[str]:
            chosen = text.split(",")
            for word in chosen:
                if word not in allowed:
                    raise argparse.ArgumentTypeError(f"“{word}” is none of {', '.join(allowed)}")
            return chosen

        return parse

    def positive(text: str) -> int:
        number = int(text)
        if number < 1:
            raise argparse.ArgumentTypeError(f"{number} is less than 1")
        return number

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hidden", type=positive, default=512, metavar="N", help="units of a layer (512)")
    parser.add_argument("--threads", type=positive, default=2, metavar="N", help="for everyone (2)")
    parser.add_argument("--works", type=words(WORKS), default=list(WORKS), metavar="A,B", help=f"of {', '.join(WORKS)} (all)")
    parser.add_argument("--cells", type=words(cells.CELLS), default=["lstm"], metavar="A,B",
                        help=f"of {', '.join(cells.CELLS)} (lstm)")
    parser.add_argument("--rounds", type=positive, default=7, metavar="N", help="pairs of each comparison (7)")
    parser.add_argument("--rnnz", type=Path, default=ROOT / ".build/release/rnnz", metavar="PATH", help="the release executable")
    arguments = parser.parse_args()
    if not arguments.rnnz.is_file():
        raise Failure(f"{arguments.rnnz} is not there; build it with swift build -c release")
    arguments.rnnz = arguments.rnnz.resolve()
    with tempfile.TemporaryDirectory() as name:
        benchmark = Benchmark(arguments, Path(name))
        try:
            result = benchmark.run()
        finally:
            benchmark.close()
    print("\n".join(markdown(result)) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"peers: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
