"""Starts recipes under mpirun, interrupts them, and compares what they leave. Python standard library only."""
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(os.environ["ROPEWAY_SOURCE_DIR"])
BINARY = Path(os.environ["ROPEWAY_BINARY"])
RECIPE = ROOT / "tests/e2e/tiny.yaml"
TIME_LIMIT = 120  # seconds for one run; a hang is a failure


class Run:
    """One run directory, worked on by as many invocations as a test wants."""

    def __init__(self, name, ranks=2, recipe=RECIPE, sets=(), arguments=(), options=(), environment=None):
        self.folder = Path(tempfile.mkdtemp(prefix=f"ropeway-{name}-"))
        self.run_dir = self.folder / "run"
        self.ranks = ranks
        self.recipe = recipe
        self.arguments = arguments  # of ropeway run
        self.options = options  # of mpirun
        self.environment = environment or {}
        self.sets = [f"run_dir={self.run_dir}", f"data.cache={self.folder / 'cache'}", *sets]

    def command(self, ranks=None):
        arguments = [str(BINARY), "run", str(self.recipe), *self.arguments]
        for setting in self.sets:
            arguments += ["--set", setting]
        return ["timeout", "-k", "5", str(TIME_LIMIT), "mpirun", *self.options, "-n",
                str(ranks or self.ranks), *arguments]

    def start(self, ranks=None):
        self.log = open(self.folder / "log.txt", "ab")
        return subprocess.Popen(self.command(ranks), cwd=ROOT, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=self.log,
                                stderr=subprocess.STDOUT)

    def finish(self, ranks=None):
        code = self.start(ranks).wait()
        assert code == 0, f"exit code {code}\n{self.output()}"

    def output(self):
        return (self.folder / "log.txt").read_text(errors="replace")[-4000:]

    def weights_sha256(self):
        return hashlib.sha256((self.run_dir / "model/model.safetensors").read_bytes()).hexdigest()

    def factors(self):
        sets = json.loads((self.run_dir / "model/rope_factors.json").read_text())["sets"]
        return {entry["name"]: (entry["factors"], entry["attention_temperature"]) for entry in sets}

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def rank_pids(process):
    """Process ids of the ranks: descendants of mpirun that run our binary."""
    found, frontier = [], [process.pid]
    children = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append((int(entry.name), os.readlink(entry / "exe")))
        except (OSError, IndexError, ValueError):
            continue
    while frontier:
        for pid, executable in children.get(frontier.pop(), []):
            frontier.append(pid)
            if executable == str(BINARY):
                found.append(pid)
    return sorted(found)


def mpirun_pid(process):
    """`timeout` starts mpirun as its child."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def kill_a_rank(process, after, choice):
    """SIGKILL to one rank `after` seconds from now; False when the run was over before."""
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    pids = rank_pids(process)
    if not pids:
        return False
    os.kill(pids[choice % len(pids)], signal.SIGKILL)
    code = process.wait()
    assert code != 0, "a run with a killed rank must not end with 0"
    return True


def largest_difference(a, b):
    """Largest difference of two F32 safetensors files, relative to the norm of each tensor."""
    import array
    def read(path):
        data = Path(path).read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + length])
        header.pop("__metadata__", None)
        return {name: array.array("f", data[8 + length + info["data_offsets"][0]:8 + length + info["data_offsets"][1]])
                for name, info in header.items()}
    first, second = read(a), read(b)
    assert first.keys() == second.keys()
    worst = 0.0
    for name in first:
        norm = sum(x * x for x in first[name]) ** 0.5
        difference = sum((x - y) ** 2 for x, y in zip(first[name], second[name])) ** 0.5
        worst = max(worst, difference / norm)
    return worst


def seeded(name):
    return random.Random(name)
