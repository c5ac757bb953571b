#!/usr/bin/env python3
"""Bits per byte of several runs on the same windows, and by how much each differs from the first: rivals_table.py RUN RUN ...

The difference is the mean over windows of the paired differences, with twice its standard error.
"""
import json
import math
import pathlib
import sys

LENGTHS = {256: "scores", 2048: "scores", 16384: "scores_64x"}


def evaluation(run, length):
    """(nats, bytes) of each window, and the share of passkeys found."""
    kept = json.loads((run / "stages" / LENGTHS[length] / "figures.json").read_text())
    for cell in kept["evaluations"]:
        if cell["of"]["length"] == length:
            windows = [(nats, size) for nats, _, size in cell["figures"]["perplexity"]["runs"]]
            return windows, cell["figures"]["passkey"]["accuracy"]
    raise SystemExit(f"{run}: no evaluation at {length}")


def bits(windows):
    return sum(nats for nats, _ in windows) / sum(size for _, size in windows) / math.log(2)


def difference(windows, others):
    if [size for _, size in windows] != [size for _, size in others]:
        raise SystemExit("the runs were not evaluated on the same windows")
    each = [(a - b) / size / math.log(2) for (a, size), (b, _) in zip(windows, others, strict=True)]
    mean = sum(each) / len(each)
    variance = sum((one - mean) ** 2 for one in each) / (len(each) - 1)
    return mean, 2 * math.sqrt(variance / len(each))


runs = [pathlib.Path(argument) for argument in sys.argv[1:]]
if len(runs) < 2:
    raise SystemExit("usage: rivals_table.py RUN RUN ...")
print("| run | bits at 256 | at 2K | at 16K | at 16K, less " + runs[0].name + " | passkey at 16K |\n|---|---|---|---|---|---|")
for run in runs:
    cells = [f"{bits(evaluation(run, length)[0]):.3f}" for length in LENGTHS]
    windows, found = evaluation(run, 16384)
    mean, reach = difference(windows, evaluation(runs[0], 16384)[0])
    gap = "" if run == runs[0] else f"{mean:+.3f} ± {reach:.3f}"
    print(f"| {run.name} | " + " | ".join(cells) + f" | {gap} | {100 * found:.0f}% |")
