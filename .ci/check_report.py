"""Checks that a run's report.json is complete: the keys, every stage, and finite numbers in every evaluation."""
import json
import math
import sys

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    report = json.load(file)
problems = []
if report.get("base_window") != 256:
    problems.append(f"base_window: found {report.get('base_window')}, wanted 256")
kinds = [stage["kind"] for stage in report["stages"]]
for kind in ("search", "finetune", "readjust", "evaluate"):
    if kind not in kinds:
        problems.append(f"no stage of kind {kind}: found {kinds}")
models = {evaluation["model"] for evaluation in report["evaluations"]}
if models != {"base", "tuned"}:
    problems.append(f"evaluations of {sorted(models)}, wanted of base and tuned")
for evaluation in report["evaluations"]:
    for key in ("bits_per_byte", "tail_bits_per_byte", "passkey"):
        value = evaluation[key]
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
            problems.append(f"{evaluation['model']} {evaluation['factors']} at {evaluation['length']}: {key} is {value}")
controls = {control for evaluation in report["evaluations"] for control in evaluation.get("controls", {})}
if controls != {"crop", "foreign_prefix", "repetition", "confusable_keys"}:
    problems.append(f"controls: found {sorted(controls)}, wanted all four")
if problems:
    sys.exit(f"{path}:\n  " + "\n  ".join(problems))
print(f"{path}: {len(report['stages'])} stages, {len(report['evaluations'])} evaluations, all finite")
