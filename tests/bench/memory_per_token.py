"""Reads JSON lines of bench_engine and prints peak and activation bytes, and their growth per local token."""
import json
import sys

previous = None
for line in sys.stdin:
    run = json.loads(line)
    local = run["length"] // run["ranks"]
    row = (f"  {run['length']:>6} tokens on {run['ranks']} ranks: process peak {run['peak_memory_bytes'] / 2**20:7.0f} MiB, "
           f"activations {run['activation_bytes'] / local:7.0f} bytes a local token")
    if previous and local != previous[0] and run["ranks"] == 1:
        row += f", peak grows by {(run['peak_memory_bytes'] - previous[1]) / (local - previous[0]):7.0f} bytes per token"
    print(row)
    previous = (local, run["peak_memory_bytes"])
