"""SIGKILL of a random rank at a random moment, again and again, over a schedule of every kind of stage and the export of
its model, on 1, 2 and 4 ranks in turn. The same command goes on each time, nobody repairs anything, and what comes of it
is compared bit by bit with a run on as many ranks that was left alone.

    random_kills.py [--kills N] [--seed S] [--log FILE]

A killed run is started again until it comes to its end, so most runs are killed several times. The log has a JSON line for
every reference, kill and finished run; with the log of an earlier, stopped campaign of the same seed it goes on there.
The last line counts kills by phase. Exit code 0: every run ended bit-equal. Python standard library only."""
import argparse
import collections
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

from harness import BINARY, ROOT, TIME_LIMIT, Run, rank_pids

RANKS = (1, 2, 4)
# tests/e2e/tiny.yaml with more of everything, so that starting is a small part of a run.
SETS = ("stages.base.steps=40", "stages.base.checkpoint_every=4", "stages.tune.steps=40",
        "stages.tune.checkpoint_every=4", "stages.search.gradient_steps=12", "stages.research.gradient_steps=12",
        "stages.short.gradient_steps=8", "stages.scores.lengths=[256, 512]", "stages.scores.windows=24", "stages.scores.tasks=[perplexity, passkey]")
RUN, EXPORT = "run", "export"
KILLS_OF_A_RUN = 8  # at most, so that a few kills are on every number of ranks


class KilledRun(Run):
    """The schedule and the export that follows it; `killed` is how often either was killed."""

    def __init__(self, ranks):
        super().__init__(f"kills-{ranks}", ranks=ranks, sets=SETS)
        self.exported = self.folder / "exported"
        self.killed = 0

    def begin(self, command):
        """Starts it; returns the process once all its ranks are there, and their ids ([]: it has ended before)."""
        log = self.folder / "log.txt"
        self.said_before = log.stat().st_size if log.exists() else 0
        if command == RUN:
            process, ranks = self.start(), self.ranks
        else:
            self.log = open(log, "ab")
            arguments = ["timeout", "-k", "5", str(TIME_LIMIT), "mpirun", "-n", "1", str(BINARY), "export",
                         str(self.run_dir), str(self.exported), "--format", "hf"]
            process, ranks = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self.log,
                                              stderr=subprocess.STDOUT), 1
        while process.poll() is None:
            pids = rank_pids(process)
            if len(pids) == ranks:
                return process, pids
            time.sleep(0.005)
        return process, []

    def stage(self):
        """Name and kind of the stage that this command has come to; "" before the first."""
        with open(self.folder / "log.txt", errors="replace") as log:
            log.seek(self.said_before)
            found = re.findall(r"^ropeway: stage (\S+) \((\w+)\) on ", log.read(), re.MULTILINE)
        return " ".join(found[-1]) if found else ""

    def wait_for_stage(self, process):
        while process.poll() is None and not self.stage():
            time.sleep(0.005)

    def fingerprint(self):
        """SHA-256 of all weights, moments and factors, of the figures of the evaluation, and of the export."""
        files = [*self.run_dir.glob("model/*"), *self.run_dir.glob("stages/*/model/*"),
                 *self.run_dir.glob("stages/*/factors.json"), *(f for f in self.exported.rglob("*") if f.is_file())]
        for checkpoints in self.run_dir.glob("stages/*/checkpoints"):
            files += max(checkpoints.glob("step-*")).glob("*.safetensors")
        # recipe.yaml and README.md name the run's folder.
        sums = {str(file.relative_to(self.folder)): sha256(file) for file in files
                if file.name not in ("recipe.yaml", "README.md")}
        done = json.loads((self.run_dir / "stages/scores/done.json").read_text())
        sums["evaluations"] = hashlib.sha256(json.dumps(done["report"]["evaluations"]).encode()).hexdigest()
        return sums


def sha256(file):
    """Of a safetensors file without its __metadata__: a checkpoint's has an id of its own."""
    content = file.read_bytes()
    if file.suffix == ".safetensors":
        begin = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:begin])
        header.pop("__metadata__", None)
        content = json.dumps(header, sort_keys=True).encode() + content[begin:]
    return hashlib.sha256(content).hexdigest()


def time_command(run, command):
    """Does it undisturbed; returns seconds from when its ranks are there to the first stage, and from there to the
    end."""
    process, _ = run.begin(command)
    begin = time.monotonic()
    if command == RUN:
        run.wait_for_stage(process)
    work = time.monotonic()
    assert process.wait() == 0, f"{command}: exit code {process.returncode}\n{run.output()}"
    return round(work - begin, 3), round(time.monotonic() - work, 3)


def kill_or_finish(run, command, seconds, chance):
    """Kills a rank some time after the command has begun. Returns what happened as a dictionary; None when the command
    ended well before that."""
    choice, early = chance.randrange(run.ranks), chance.random() < 0.15
    start, work = seconds
    after = chance.uniform(0, start) if early and command == RUN else chance.uniform(0, 0.6 * work)
    process, pids = run.begin(command)
    if command == RUN and not early:
        run.wait_for_stage(process)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        where = EXPORT if command == EXPORT else run.stage() or "starting"
        rank = choice % len(pids)
        try:
            os.kill(pids[rank], signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        if process.returncode != 0:
            return {"command": command, "rank": rank, "seconds": round(after, 3), "where": where,
                    "exit": process.returncode}
    assert process.returncode == 0, f"{command}: exit code {process.returncode}, nobody killed it\n{run.output()}"
    return None


def reference(ranks):
    run = KilledRun(ranks)
    seconds = {command: time_command(run, command) for command in (RUN, EXPORT)}
    sums = run.fingerprint()
    run.remove()
    return {"event": "reference", "ranks": ranks, "seconds": seconds, "files": sums}


def killed_run(number, seed, references, left, record):
    """One run killed up to `left` times, and compared; returns how often it was."""
    chance = random.Random(f"{seed}/{number}")
    ranks = RANKS[number % len(RANKS)]
    run = KilledRun(ranks)
    for command, most in ((RUN, left), (EXPORT, 1)):
        finished = False
        for _ in range(min(most, left - run.killed)):
            kill = kill_or_finish(run, command, references[ranks]["seconds"][command], chance)
            if kill is None:
                finished = True
                break
            run.killed += 1
            record({"event": "kill", "run": number, "ranks": ranks, **kill})
            finished = command == EXPORT and run.exported.exists()  # it had appeared, whole, before its program ended
        if not finished:
            time_command(run, command)
    found, wanted = run.fingerprint(), references[ranks]["files"]
    different = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    record({"event": "end", "run": number, "ranks": ranks, "kills": run.killed, "equal": not different,
            **({"different": different, "kept": str(run.folder)} if different else {})})
    if not different:
        run.remove()
    return run.killed, not different


def read_log(path, seed, program):
    """References, finished runs and kills of an earlier campaign. The kills of a run that never ended do not count."""
    if not path or not os.path.exists(path):
        return []
    with open(path) as file:
        lines = [json.loads(line) for line in file if line.endswith("\n")]
    if lines and (lines[0]["seed"], lines[0]["program"]) != (seed, program):
        sys.exit(f"{path}: of seed {lines[0]['seed']} and program {lines[0]['program']}, not {seed} and {program}")
    ended = {line["run"] for line in lines if line["event"] == "end"}
    return [line for line in lines if line["event"] in ("begin", "reference") or line["run"] in ended]


def summary(lines):
    kills = [line for line in lines if line["event"] == "kill"]
    ends = [line for line in lines if line["event"] == "end"]
    places = collections.Counter(kill["where"] for kill in kills)
    by_ranks = collections.Counter(kill["ranks"] for kill in kills)
    equal = sum(end["equal"] for end in ends)
    return (f"{len(kills)} kills, {len(ends)} runs, {equal} bit-equal; on "
            + ", ".join(f"{ranks} rank(s) {count}" for ranks, count in sorted(by_ranks.items())) + "; in "
            + ", ".join(f"{place} {count}" for place, count in places.most_common()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log")
    arguments = parser.parse_args()

    program = hashlib.sha256(BINARY.read_bytes()).hexdigest()[:16]
    lines = read_log(arguments.log, arguments.seed, program)
    if lines:
        kept = arguments.log + ".kept"
        with open(kept, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        os.replace(kept, arguments.log)

    def record(line):
        lines.append(line)
        if arguments.log:
            with open(arguments.log, "a") as file:
                file.write(json.dumps(line) + "\n")

    if not lines:
        record({"event": "begin", "seed": arguments.seed, "program": program})
    references = {line["ranks"]: line for line in lines if line["event"] == "reference"}
    kills = sum(line["event"] == "kill" for line in lines)
    number = 1 + max((line["run"] for line in lines if line["event"] == "end"), default=-1)
    equal = all(line["equal"] for line in lines if line["event"] == "end")
    while kills < arguments.kills:
        ranks = RANKS[number % len(RANKS)]
        if ranks not in references:
            references[ranks] = reference(ranks)
            record(references[ranks])
        killed, same = killed_run(number, arguments.seed, references,
                                   min(KILLS_OF_A_RUN, arguments.kills - kills), record)
        kills += killed
        equal = equal and same
        print(f"run {number} on {ranks} rank(s): {killed} kills, {'bit-equal' if same else 'DIFFERENT'}; {kills} in all",
              flush=True)
        number += 1
    print(summary(lines))
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
