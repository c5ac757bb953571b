"""Ranks that crash, are killed, lag, are stopped for a while, or read something else than the others."""
import os
import shutil
import signal
import subprocess
import threading
import time

from harness import BINARY, ROOT
from hung_ranks import LongRun


def signal_a_rank(which, rank=1, ranks=2):
    """Sends the signal to a rank in training; returns the run's own lines, and its exit code."""
    run = LongRun("training", 60, ranks)
    process = run.start()
    os.kill(run.wait_for_work(rank, process), which)
    sent = time.monotonic()
    code = process.wait(timeout=60)
    assert time.monotonic() - sent <= 10, f"the others were gone after {time.monotonic() - sent:.1f} s only"
    lines, text = run.own_lines(), run.log_text()
    run.remove()
    return lines, text, code


for which, name in ((signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT")):
    lines, text, code = signal_a_rank(which)
    assert code != 0, text
    assert f"died of signal {int(which)} ({name})" in text, text
    assert "ropeway::" in text, f"no function of ours in the stack\n{text}"
    last = lines[-1]
    assert last.startswith("ropeway: rank 1 on "), last
    assert "in training of long, step " in last and f"signal {int(which)}" in last, last
    print(f"{name}: {last}")

lines, text, code = signal_a_rank(signal.SIGKILL)
assert code != 0, text
assert lines[-1].startswith("ropeway: rank 1 on ") and "in training of long, step " in lines[-1], text
assert "SIGKILL" in lines[-1], text
print(f"SIGKILL: {lines[-1]}")

# A rank that is stopped and continued within the limit goes on and says so.
run = LongRun("training", 60)
process = run.start()
pid = run.wait_for_work(1, process)
os.kill(pid, signal.SIGSTOP)
time.sleep(7)
os.kill(pid, signal.SIGCONT)
run.wait_for(lambda: "stood still for 7 s" in run.log_text(), process, 20, "the line about the stop")
records = len((run.run_dir / "metrics.jsonl").read_text().splitlines())
run.wait_for(lambda: len((run.run_dir / "metrics.jsonl").read_text().splitlines()) > records + 3, process, 60,
             "further steps")
line = next(line for line in run.own_lines() if "stood still" in line)
assert "rank 1" in line, line
print(f"a stop of 7 s: {line}")

# The same run: a rank at half the others' speed is named within 20 steps.
before = len((run.run_dir / "metrics.jsonl").read_text().splitlines())
done = threading.Event()


def slow_down():
    while not done.is_set():
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.06)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.03)


thread = threading.Thread(target=slow_down)
thread.start()
try:
    run.wait_for(lambda: "of the others' speed" in run.log_text(), process, 120, "the line about the straggler")
finally:
    done.set()
    thread.join()
steps = len((run.run_dir / "metrics.jsonl").read_text().splitlines()) - before
line = next(line for line in run.own_lines() if "of the others' speed" in line)
assert "rank 1 on " in line and "long: step " in line, line
assert steps <= 21, f"named after {steps} steps"
print(f"a slow rank, named after {steps} steps: {line}")
os.kill(int(open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()[0]), signal.SIGUSR1)
assert process.wait(timeout=60) == 75, run.output()
run.remove()


def two_views(change, environment="", options=""):
    """Rank 1 works in a folder of its own, a copy of rank 0's that `change` has been at. Returns stderr, code, and
    whether a run directory was made."""
    run = LongRun("training", 60)
    recipe = run.folder / "recipe.yaml"
    recipe.write_text(f"name: views\nmodel: {{path: model}}\ndata: {{train: [text.txt], cache: cache}}\n"
                      f"run_dir: {run.run_dir}\nstages:\n  - {{name: t, kind: finetune, from: none, makes: t, "
                      "length: 512, batch_sequences: 2, steps: 2}\n")
    first, second = run.folder / "first", run.folder / "second"
    shutil.copytree(f"{ROOT}/tests/data/tiny_base", first / "model")
    shutil.copy(f"{ROOT}/tests/data/prose.txt", first / "text.txt")
    one = f"cd {first} && exec {BINARY} run {recipe} {options}"
    assert subprocess.run(["mpirun", "-n", "1", "sh", "-c", one], capture_output=True).returncode == 0
    shutil.rmtree(run.run_dir)
    shutil.copytree(first, second)
    change(second)
    other = f"cd {second} && {environment} exec {BINARY} run {recipe} {options}"
    ended = subprocess.run(["timeout", "60", "mpirun", "-n", "1", "sh", "-c", one, ":", "-n", "1", "sh", "-c", other],
                           capture_output=True, text=True)
    made = run.run_dir.exists()
    run.remove()
    return ended.stderr, ended.returncode, made


def flip_a_byte(file, at=0.5):
    content = bytearray(file.read_bytes())
    content[int(len(content) * at)] ^= 1
    file.write_bytes(content)


def other_tokens(folder):
    flip_a_byte(max((folder / "cache").rglob("*"), key=lambda file: file.stat().st_size))


def flip_a_weight(folder):
    flip_a_byte(folder / "model/model.safetensors", 0.99)


# One bit of 7 MB is in no sample; the comparison of what was loaded finds it, and that of all bytes before.
said, code, _ = two_views(flip_a_weight)
assert code == 65, f"exit code {code}, wanted 65\n{said}"
assert "the ranks hold different weights: weights: rank 0: fingerprint " in said, said
print("one bit of a weight on rank 1: 65 when it is loaded")

for what, change, name, options in (
        ("weights", flip_a_weight, "model/model.safetensors", "--verify-inputs"),
        ("config.json", lambda folder: (folder / "model/config.json").open("a").write("\n"), "model/config.json", ""),
        ("tokens", other_tokens, "tokens of text.txt", "")):
    said, code, made = two_views(change, options=options)
    assert code == 65, f"{what}: exit code {code}, wanted 65\n{said}"
    line = next((line for line in said.splitlines() if line.startswith(f"{name}: ")), "")
    assert "rank 0: " in line and "; rank 1: " in line, f"{what}: {said}"
    assert not made, "nothing is written before inputs are found good"
    print(f"other {what} on rank 1: {line}")

said, code, made = two_views(lambda folder: None, "NCCL_ALGO=Ring")
assert code == 71 and not made, f"exit code {code}, wanted 71\n{said}"
assert "environment NCCL_ALGO: rank 0: nothing; rank 1: Ring" in said, said
print("another environment on rank 1: 71")

said, code, _ = two_views(lambda folder: None)
assert code == 0, said
assert "rank  host" in said, said
print("the same on both: runs, with a table of ranks")
