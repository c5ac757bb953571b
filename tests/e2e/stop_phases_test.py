"""A request to stop in every phase of a run, by SIGUSR1, SIGTERM and SIGINT, to mpirun and to one rank: exit 75, and what
was done is kept. A second one ends at once. A time limit ends a run before it. A save that is longer than mpirun's
patience is named with what helps."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from harness import Run, mpirun_pid, rank_pids

STEPS = "stages.base.steps=100000"
# 60 s and more of one step: many sequences of a model that takes a millisecond for each.
LONG_STEP = ("stages.base.batch_sequences=60000", "stages.base.steps=4", "stages.base.checkpoint_every=0")


def wait_for(run, process, text, seconds=60):
    deadline = time.monotonic() + seconds
    while text not in run.output():
        assert time.monotonic() < deadline and process.poll() is None, f"no '{text}':\n{run.output()}"
        time.sleep(0.005)


def started(run, process):
    """Once every rank has come to look at signals: before that they kill it, as they would any program."""
    def blocks(pid):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return False
        blocked = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
        return blocked >> (signal.SIGUSR1 - 1) & 1

    deadline = time.monotonic() + 60
    while not (len(rank_pids(process)) == run.ranks and all(map(blocks, rank_pids(process)))):
        assert time.monotonic() < deadline and process.poll() is None, run.output()
        time.sleep(0.002)


def encoding_begun(run, process):
    deadline = time.monotonic() + 60
    while not any((run.folder / "cache").glob("*")):
        assert time.monotonic() < deadline and process.poll() is None, run.output()
        time.sleep(0.002)


def checkpoints(run, stage="base"):
    folder = run.run_dir / f"stages/{stage}/checkpoints"
    return sorted(path.name for path in folder.glob("step-*")) if folder.exists() else []


def stopped(name, sets, marker, number, rank=None, wait=0.0, code=75, environment=(), options=()):
    """Starts a run, sends the signal to mpirun or a rank once the marker is in its output; returns it with the
    seconds from the signal to its end."""
    run = Run(name, sets=sets, environment=dict(environment), options=options)
    process = run.start()
    if callable(marker):
        marker(run, process)
    else:
        wait_for(run, process, marker)
    time.sleep(wait)
    target = mpirun_pid(process) if rank is None else rank_pids(process)[rank]
    begin = time.monotonic()
    os.kill(target, number)
    found = process.wait()
    seconds = time.monotonic() - begin
    assert found == code, f"{name}: exit code {found}, wanted {code}\n{run.output()}"
    print(f"{name}: exit {found}, {seconds:.2f} s after the signal")
    return run, seconds


# Loading, and encoding a text of 60 MB that no cache has.
text = Run("text")
big = text.folder / "big.txt"
words = "the quick brown fox jumps over the lazy dog, and the dog does not mind; "
big.write_text("".join(f"{i} {words}" for i in range(800_000)))
encoding = (f"data.train=[{big}]", STEPS)
run, _ = stopped("loading", encoding, started, signal.SIGINT, rank=1)
run.remove()
run, _ = stopped("encoding", encoding, encoding_begun, signal.SIGUSR1)
run.remove()
text.remove()

run, seconds = stopped("training", (STEPS,), "stage base", signal.SIGTERM, rank=1, wait=1.0)
assert seconds < 4, seconds
assert checkpoints(run), run.output()
assert "stopped on request after step" in run.output() and "saved" in run.output(), run.output()
run.remove()

# Seconds of passes over 4K, on a fast machine too.
run, _ = stopped("search", ("stages.base.steps=3", "stages.search.length=4096", "stages.search.documents=8",
                            "stages.tune.length=4096", "stages.research.length=8192"),
                 "stage search", signal.SIGINT, rank=0, wait=0.5)
assert (run.run_dir / "stages/search/search.jsonl").stat().st_size > 0
run.remove()

short = ("stages.base.steps=3", "stages.search.gradient_steps=2", "stages.tune.steps=3", "stages.research.gradient_steps=2")
run, _ = stopped("evaluation", (*short, "stages.scores.windows=100000", "stages.scores.lengths=[64, 128, 256]"),
                 "stage scores", signal.SIGUSR1, wait=0.5)
assert (run.run_dir / "stages/tune/done.json").exists()
run.remove()

# In the middle of a long step: nothing of it is applied, and what was there before it is saved.
run, seconds = stopped("step of a minute", LONG_STEP, "stage base", signal.SIGUSR1, wait=4.0)
assert "within the next, which is given up" in run.output(), run.output()
run.remove()

# mpirun passes SIGTERM on and, given the time, waits; its own code is 1 then, whatever its ranks return.
run, _ = stopped("mpirun's SIGTERM", (STEPS,), "stage base", signal.SIGTERM, wait=1.0, code=1,
                 options=("--mca", "odls_base_sigkill_timeout", "5"))
assert checkpoints(run), run.output()
run.remove()

# A rank that does not answer keeps the others from agreeing; the second signal asks nobody.
run = Run("second")
run.sets.append(STEPS)
process = run.start()
wait_for(run, process, "stage base")
time.sleep(0.5)
ranks = rank_pids(process)
os.kill(ranks[1], signal.SIGSTOP)
os.kill(ranks[0], signal.SIGUSR1)
time.sleep(0.5)
begin = time.monotonic()
os.kill(ranks[0], signal.SIGTERM)
code = process.wait()
assert code == 143, f"exit code {code}, wanted 143\n{run.output()}"
assert time.monotonic() - begin < 10
print(f"second signal: exit {code}, {time.monotonic() - begin:.1f} s after it")
run.remove()

def end_in(seconds):
    return {"SLURM_JOB_END_TIME": str(int(time.time()) + seconds)}


for name, arguments, seconds in (("time limit", ("--time-limit", "6s"), 0), ("Slurm's time limit", (), 7)):
    run = Run("limit", sets=(STEPS,), arguments=arguments, environment=end_in(seconds) if seconds else {})
    begin = time.monotonic()
    code = run.start().wait()
    assert code == 75, f"{name}: exit code {code}, wanted 75\n{run.output()}"
    assert checkpoints(run) and "stopped before its time limit" in run.output(), run.output()
    print(f"{name}: exit {code} after {time.monotonic() - begin:.1f} s")
    run.remove()

report = Run("cost", sets=("stages.base.steps=40", "stages.base.checkpoint_every=10", "stages.base.keep_every=20"),
             arguments=("--stage", "base"))
report.finish()
assert checkpoints(report) == ["step-000020", "step-000030", "step-000040"], checkpoints(report)
stage = json.loads((report.run_dir / "stages/base/done.json").read_text())
assert stage["checkpoints"] == 4 and stage["checkpoint_write_seconds"] > 0, stage
assert "checkpoints took" in report.output(), report.output()
report.remove()
