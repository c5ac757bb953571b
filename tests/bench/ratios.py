"""Reads JSON lines of alternating runs (A, B, A, B, ...) and prints one row: both medians and the median of A/B, by the
wall clock and by processor time. On a busy machine only the latter compares what was worked, not what was granted.
usage: ratios.py NAME [UNIT], UNIT tokens (the default) or megabytes"""
import json
import statistics
import sys

unit = sys.argv[2] if len(sys.argv) > 2 else "tokens"
lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
pairs = list(zip(lines[0::2], lines[1::2]))
ratios = [a[unit + "_per_second"] / b[unit + "_per_second"] for a, b in pairs]
cpu_ratios = [a[unit + "_per_cpu_second"] / b[unit + "_per_cpu_second"] for a, b in pairs]
first = statistics.median(a[unit + "_per_second"] for a, _ in pairs)
second = statistics.median(b[unit + "_per_second"] for _, b in pairs)
digits = 2 if unit == "megabytes" else 0
memory = [max(run["peak_memory_bytes"] for run in runs) / 2**20 for runs in (lines[0::2], lines[1::2])]
print(f"{sys.argv[1]:<28} {first:10.{digits}f} {unit}/s  against {second:10.{digits}f}   ratio {statistics.median(ratios):.2f} "
      f"({min(ratios):.2f}-{max(ratios):.2f}, {len(ratios)} pairs)   by cpu time {statistics.median(cpu_ratios):.2f} "
      f"({min(cpu_ratios):.2f}-{max(cpu_ratios):.2f})   peak {memory[0]:.0f} / {memory[1]:.0f} MiB", flush=True)
