"""Training steps of a 1B shape (16 layers, hidden 2048, 16 heads of 128, BF16) on one GPU, in the rows and JSON lines of
gpu_report.h. Every run is a process of its own with a time limit; one that runs out of memory or time costs no other.
usage: gpu_steps.py [--bin DIR] [--seconds N] step LENGTH ...   seconds per step, and its share of the ceiling: what the known
                                                                rates of the GPU allow; 1M takes about ten minutes on an H100
                                              against           our step against transformers' at the longest length it reaches
                                              longest           how many tokens fit: sequences of 64K, more and more of them,
                                                                which take the memory of one long sequence but not its time
"""
import argparse
import json
import subprocess
import sys
import time

SHAPE = ("layers=16 hidden=2048 heads=16 kv_heads=16 head_dim=128 intermediate=8192 vocab=32000 dtype=bf16 device=cuda "
         "what=train").split()
OUT_OF_MEMORY = 80


def figure(what, unit, found, goal=None):
    verdict = "" if goal is None else f"goal {goal:<6g} {'met' if found >= goal else 'MISSED'}"
    print(f"{what:<56} {found:>10.4g} {unit:<10} {verdict}", file=sys.stderr)
    print(json.dumps({"figure": what, "unit": unit, "found": float(f"{found:.6g}"), "goal": goal}), flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


class Steps:
    def __init__(self, options):
        self.bin, self.end = options.bin, time.monotonic() + options.seconds

    def run(self, command, settings, limit):
        """The run's own figures, or None: it did not fit, or there was no time."""
        left = min(limit, self.end - time.monotonic())
        name = f"{'transformers' if command[0] == sys.executable else 'ropeway'}, {' '.join(settings)}"
        if left < 10:
            note(f"{name}: no time left")
            return None
        try:
            done = subprocess.run([*command, *SHAPE, *settings], stdout=subprocess.PIPE, text=True, timeout=left)
        except subprocess.TimeoutExpired:
            note(f"{name}: not done within {left:.0f} s")
            return None
        if done.returncode != 0:
            note(f"{name}: " + ("does not fit" if done.returncode == OUT_OF_MEMORY else f"ended with {done.returncode}"))
            return None
        print(done.stdout, end="", flush=True)
        return json.loads(done.stdout.splitlines()[-1])

    def ours(self, limit=600, **settings):
        return self.run([f"{self.bin}/bench_engine"], [f"{key}={value}" for key, value in settings.items()], limit)

    def theirs(self, length, limit):
        return self.run([sys.executable, "tests/bench/transformers_engine.py"], [f"length={length}", "steps=1"], limit)

    def step(self, length):
        found = self.ours(length=length, steps=1)
        if found is None:
            return
        what = f"step of the 1B shape, {length} tokens"
        figure(what, "s", found["seconds"])
        figure(what + ": peak memory", "GiB", found["peak_memory_bytes"] / 2**30)
        if found["ceiling_seconds"]:
            goal = 0.87 if length == 262144 else None
            figure(what, "of ceiling", found["ceiling_seconds"] / found["seconds"], goal)

    def against(self):
        longest = None
        for length, limit in ((131072, 120), (65536, 90), (32768, 60)):
            longest = self.theirs(length, limit)
            if longest:
                break
        if longest is None:
            return note("no step of transformers to compare with")
        if longest["length"] == 131072:
            longest = self.theirs(262144, 180) or longest
        ours = self.ours(length=longest["length"], steps=1)
        if ours:
            figure(f"step, {longest['length']} tokens, transformers' longest", "x as fast", longest["seconds"] / ours["seconds"], 1.5)

    def longest(self):
        fits = 0
        for sequences in (8, 16, 32):
            for save_attention in (1, 0):
                found = self.ours(length=65536, batch=sequences, steps=1, warm_up=0, save_attention=save_attention)
                if found:
                    break
            if not found:
                break
            fits = 65536 * sequences
            note(f"{fits} tokens fit, checkpoints in {found['activations']} memory, attention's results "
                 f"{'kept' if found['save_attention'] else 'computed again'}: {found['peak_memory_bytes'] / 2**30:.1f} GiB")
        figure("most tokens of a step that fit", "tokens", fits, 1048576)


parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("--bin", default="build/release/bin")
parser.add_argument("--seconds", type=float, default=3600)
parser.add_argument("what", choices=("step", "against", "longest"))
parser.add_argument("lengths", type=int, nargs="*")
options = parser.parse_args()
steps = Steps(options)
if options.what == "step":
    for one in options.lengths or [262144]:
        steps.step(one)
else:
    getattr(steps, options.what)()
