#!/usr/bin/env python3
"""How good the estimates of a run's time were: what metrics.jsonl said was left, against what it then took.

  tests/bench/time_left.py RUN/metrics.jsonl ...

A run has to be over, and to have gone in one process without a pause. Points are the 20th step of its first
training stage, the beginning of each stage, and every tenth of the time.
"""

import json
import sys


def points(records):
    """(what, record) of the records that are shown, in order."""
    told = [record for record in records if record.get("seconds_left") is not None]
    if not told:
        return []
    begin, end = records[0]["time"], records[-1]["time"]
    shown = {}
    steps = [record for record in told if record["kind"] == "step"]
    first = [record for record in steps if record["stage"] == steps[0]["stage"]]
    if len(first) >= 20:
        shown[id(first[19])] = f"{first[19]['stage']}, step 20"
    for before, after in zip(told, told[1:]):
        if before["kind"] == "stage":
            shown[id(before)] = f"{before['stage']} is over"
    for tenth in range(1, 10):
        at = begin + (end - begin) * tenth / 10
        record = max((one for one in told if one["time"] <= at), key=lambda one: one["time"], default=None)
        if record is not None:
            shown.setdefault(id(record), f"{10 * tenth} % of the time, in {record['stage']}")
    return [(shown[id(record)], record) for record in told if id(record) in shown]


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        starts = [i for i, record in enumerate(records) if record["kind"] == "start"]
        records = records[starts[-1]:]
        end = records[-1]["time"]
        print(f"{path}: {end - records[0]['time']:.0f} s")
        print(f"  {'at':>7}  {'':<40} {'said':>7} {'came':>7} {'error':>7}")
        for what, record in points(records):
            said, came = record["seconds_left"], end - record["time"]
            error = f"{100 * (said / came - 1):+.0f} %" if came > 1 else ""
            print(f"  {record['time'] - records[0]['time']:7.1f}  {what:<40} {said:7.1f} {came:7.1f} {error:>7}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
