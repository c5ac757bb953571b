"""Reads JSON lines of alternating runs (A, B, A, B, ...) and prints one row: both medians and the median of A/B, by the
wall clock and by processor time. On a busy machine only the latter compares what was worked, not what was granted."""
import json
import statistics
import sys

lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
pairs = list(zip(lines[0::2], lines[1::2]))
ratios = [a["tokens_per_second"] / b["tokens_per_second"] for a, b in pairs]
cpu_ratios = [a["tokens_per_cpu_second"] / b["tokens_per_cpu_second"] for a, b in pairs]
first = statistics.median(a["tokens_per_second"] for a, _ in pairs)
second = statistics.median(b["tokens_per_second"] for _, b in pairs)
memory = [max(run["peak_memory_bytes"] for run in runs) / 2**20 for runs in (lines[0::2], lines[1::2])]
print(f"{sys.argv[1]:<28} {first:10.0f} tok/s  against {second:10.0f}   ratio {statistics.median(ratios):.2f} "
      f"({min(ratios):.2f}-{max(ratios):.2f}, {len(ratios)} pairs)   by cpu time {statistics.median(cpu_ratios):.2f} "
      f"({min(cpu_ratios):.2f}-{max(cpu_ratios):.2f})   peak {memory[0]:.0f} / {memory[1]:.0f} MiB", flush=True)
