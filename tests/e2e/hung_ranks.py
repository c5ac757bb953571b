"""Stops a rank with SIGSTOP in the middle of searches, training, evaluations and saves, again and again: the job must end
with 76 within 1.2 times its limit, and name the rank.

    hung_ranks.py [--limit SECONDS] [--injections N] [--ranks N]

takes turns through phases and ranks; prints a line per injection, and what came of all. Python standard library only."""
import argparse
import os
import random
import signal
import sys
import time

from harness import ROOT, Run

MODEL = f"model: {{path: {ROOT}/tests/data/tiny_base}}\n"
TEXT = f"{ROOT}/tests/data/prose.txt"
STAGES = {
    "search": "{name: long, kind: search, from: none, makes: searched, length: 1K, documents: 4, "
              "finalist_documents: 1, gradient_steps: 500}",
    "training": "{name: long, kind: finetune, from: none, makes: tuned, length: 512, batch_sequences: 2, steps: 100000}",
    "evaluation": "{name: long, kind: evaluate, lengths: [512], factors: [none, pi, ntk, yarn], windows: 4000, "
                  "tasks: [perplexity]}",
    "saving": "{name: long, kind: finetune, from: none, makes: tuned, length: 512, batch_sequences: 2, steps: 100000, "
              "checkpoint_every: 2}",
}


def board(run, rank):
    """What the rank says of itself, as a dictionary; {} before it says anything."""
    try:
        lines = (run.run_dir / f"board/rank-{rank}").read_text().splitlines()
    except OSError:
        return {}
    return {words[0]: words[1:] for words in (line.split() for line in lines) if words}


class LongRun(Run):
    """A run whose one stage goes on and on in `phase`."""

    def __init__(self, phase, limit, ranks=2):
        super().__init__(f"hung-{phase}", ranks=ranks, sets=[f"engine.hang_seconds={limit}"])
        self.phase = phase
        self.recipe = self.folder / "long.yaml"
        text = f"{{train: [{TEXT}], validation: [{TEXT}], test: [{TEXT}]}}"
        self.recipe.write_text(f"name: long\n{MODEL}data: {text}\nstages:\n  - {STAGES[phase]}\n")

    def log_text(self):
        return (self.folder / "log.txt").read_text(errors="replace")

    def wait_for(self, condition, process, seconds=60, what="it"):
        deadline = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, f"the run ended with {process.returncode}\n{self.output()}"
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}\n{self.output()}"
            time.sleep(0.01)

    def wait_for_work(self, rank, process):
        """Until the rank's phase is under way; returns its process id."""
        def at_work():
            entry = board(self, rank)
            return entry.get("phase") == [self.phase] and entry.get("first_step") == ["0"]
        self.wait_for(at_work, process, what=f"rank {rank} in {self.phase}")
        return int(board(self, rank)["process"][0])

    def own_lines(self):
        return [line for line in self.log_text().splitlines() if line.startswith("ropeway: ")]


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def stop_a_rank(phase, rank, limit, ranks, chance):
    """Returns seconds from the stop to the message and to the end of the job."""
    run = LongRun(phase, limit, ranks)
    if phase == "saving":  # of milliseconds: the rank stops itself in the middle of one
        os.environ.update(ROPEWAY_FAULT_POINT="checkpoint.shard_written", ROPEWAY_FAULT_RANK=str(rank),
                          ROPEWAY_FAULT_SIGNAL=str(int(signal.SIGSTOP)),
                          ROPEWAY_FAULT_SKIP=str(chance.randrange(3)))
    process = run.start()
    for name in ("POINT", "RANK", "SIGNAL", "SKIP"):
        os.environ.pop(f"ROPEWAY_FAULT_{name}", None)
    if phase == "saving":
        run.wait_for(lambda: "process" in board(run, rank), process, what="the board")
        pid = int(board(run, rank)["process"][0])
        run.wait_for(lambda: state_of(pid) == "T", process, what="the stop")
    else:
        pid = run.wait_for_work(rank, process)
        time.sleep(chance.random())
        os.kill(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        run.wait_for(lambda: "no sign of life" in run.log_text(), process, limit + 20, "the message")
        found = time.monotonic() - stopped
        code = process.wait(timeout=30)
    finally:
        if process.poll() is None:
            os.kill(pid, signal.SIGCONT)
            process.terminate()
    ended = time.monotonic() - stopped
    message = next(line for line in run.own_lines() if "no sign of life" in line)
    assert code == 76, f"exit code {code}, wanted 76\n{run.output()}"
    assert message.startswith(f"ropeway: rank {rank} on "), run.output()
    # A thread writes checkpoints beside training.
    phases = ("saving", "training") if phase == "saving" else (phase,)
    assert any(f"it was in {name} of long" in message for name in phases), run.output()
    assert sum("no sign of life" in line for line in run.own_lines()) == 1, run.output()
    run.remove()
    return found, ended


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=5)
    parser.add_argument("--injections", type=int, default=4)
    parser.add_argument("--ranks", type=int, default=2)
    arguments = parser.parse_args()
    chance = random.Random(1)
    latest_found = latest_end = 0.0
    right = 0
    phases = list(STAGES)
    for injection in range(arguments.injections):
        phase = phases[injection % len(phases)]
        rank = injection // len(phases) % arguments.ranks
        found, ended = stop_a_rank(phase, rank, arguments.limit, arguments.ranks, chance)
        in_time = found <= 1.2 * arguments.limit
        right += in_time
        latest_found, latest_end = max(latest_found, found), max(latest_end, ended)
        print(f"{injection + 1}: rank {rank} in {phase}: named after {found:.2f} s, job ended after {ended:.2f} s"
              f"{'' if in_time else ': TOO LATE'}", flush=True)
    print(f"{right} of {arguments.injections} in time; the latest was named after {latest_found:.2f} s and ended after "
          f"{latest_end:.2f} s, limit {arguments.limit} s")
    sys.exit(0 if right == arguments.injections else 1)


if __name__ == "__main__":
    main()
