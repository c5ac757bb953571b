"""Prints, for each search of a report.json, its cost and its held-out loss."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
stages = {stage["name"]: stage for stage in report["stages"]}
print(f"{'search':<22}{'forward equivalents':>20}{'seconds':>10}{'search loss':>13}{'held-out bits/byte':>20}"
      f"{'last 256':>10}{'passkey':>9}")
for row in sorted(report["evaluations"], key=lambda evaluation: evaluation["bits_per_byte"]):
    stage = stages.get(row["factors"], {})
    cost = f"{stage['forward_equivalents']:.0f}" if stage else "-"
    seconds = f"{stage['seconds']:.0f}" if stage else "-"
    fitness = f"{stage['fitness']:.4f}" if stage else "-"
    print(f"{row['factors']:<22}{cost:>20}{seconds:>10}{fitness:>13}{row['bits_per_byte']:>20.4f}"
          f"{row['tail_bits_per_byte']:>10.4f}{row['passkey']:>8.0%}")
