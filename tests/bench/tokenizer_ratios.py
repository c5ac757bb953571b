"""Reads JSON lines of alternating runs (A, B, A, B, ...) and prints one row: both medians and the median of A/B."""
import json
import statistics
import sys

rates = [json.loads(line)["megabytes_per_second"] for line in sys.stdin]
ratios = [a / b for a, b in zip(rates[0::2], rates[1::2])]
print(f"{sys.argv[1]:<18} {statistics.median(rates[0::2]):8.2f} MB/s  against {statistics.median(rates[1::2]):6.2f}   "
      f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f}, {len(ratios)} pairs)", flush=True)
