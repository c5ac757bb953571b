"""The job scripts of launch/slurm under a real Slurm: munged, slurmctld and slurmd of this machine, started for the test
in a folder of its own. A job that gets the signal of a time that runs out saves, goes back into the queue and ends with
the weights of a run that nothing interrupted, bit for bit; one that is told to stop ends with 75, and the same line goes
on. With --time-limit the signal comes from Slurm itself: minutes, as its shortest limit is one.

Needs root and Debian's slurm-wlm and munge; skipped (77) without."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import BINARY, ROOT, Run

DAEMONS = ("munged", "slurmctld", "slurmd")
LONG = ["--set", "stages.base.steps=3000", "--set", "stages.base.checkpoint_every=500"]
# Slurm looks for jobs out of time every 30 s: a signal 30 s before the end of a minute comes after 30 to 60 s.
LONGER = ["--set", "stages.base.steps=30000", "--set", "stages.base.checkpoint_every=500"]
DEADLINE = 600  # seconds for a job with all its restarts

CONFIGURATION = """
ClusterName=ropeway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
CryptoType=crypto/munge
# A requeued job waits until its credential has expired: two minutes unless told otherwise.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName={host} NodeAddr=127.0.0.1 CPUs=2
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slurm:
    """A cluster of one node that lives as long as the object's `with`."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ropeway-slurm-"))
        self.processes = []

    def __enter__(self):
        self.folder.chmod(0o755)
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir()
        munge = self.folder / "munge"
        (munge / "key").write_bytes(os.urandom(1024))
        (munge / "key").chmod(0o400)
        for path in (munge, munge / "key"):
            shutil.chown(path, "munge", "munge")
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=socket.gethostname(), port=free_port(), node_port=free_port(), folder=self.folder).replace(
                f"{self.folder}/munge.socket", f"{munge}/socket"))
        self.start(["runuser", "-u", "munge", "--", "munged", "--foreground", "--force", f"--socket={munge}/socket",
                    f"--key-file={munge}/key", f"--pid-file={munge}/pid", f"--log-file={munge}/log",
                    f"--seed-file={munge}/seed"])
        self.wait_for(lambda: (munge / "socket").exists(), "munged")
        self.start(["slurmctld", "-D", "-i"])
        self.start(["slurmd", "-D"])
        self.wait_for(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), "slurmd")
        return self

    def __exit__(self, *_):
        self.ask("scancel", "--state=RUNNING", "--signal=KILL", "--full")
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, command):
        with open(self.folder / "daemons.log", "ab") as log:
            self.processes.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL,
                                                   stdout=log, stderr=log))

    def wait_for(self, there, what):
        deadline = time.monotonic() + 30
        while not there():
            assert time.monotonic() < deadline, f"{what} does not start:\n{self.daemons_log()}"
            time.sleep(0.1)

    def daemons_log(self):
        return (self.folder / "daemons.log").read_text(errors="replace")[-3000:]

    def ask(self, *command):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def submit(self, script, run, *arguments, options=()):
        """Submits a script of launch/slurm with the options a machine of two cores and no GPU needs."""
        settings = [word for setting in run.sets for word in ("--set", setting)]
        answer = subprocess.run(
            ["sbatch", "--parsable", "--nodes=1", "--gpus-per-node=0", "--ntasks-per-node=2", "--cpus-per-task=1",
             f"--output={run.folder}/log.txt", *options, str(ROOT / "launch/slurm" / script), str(run.recipe),
             *settings, *arguments],
            cwd=ROOT, env={**self.environment, "ROPEWAY": str(BINARY)}, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, f"{script}: {answer.stderr}"
        return answer.stdout.strip()

    def state(self, job):
        """State, exit code and number of restarts of a job."""
        shown = self.ask("scontrol", "show", "job", job)
        fields = dict(re.findall(r"(\w+)=(\S*)", shown))
        return fields["JobState"], fields["ExitCode"], int(fields["Restarts"])

    def end(self, job, run):
        """Waits for a job that has left the queue for good."""
        deadline = time.monotonic() + DEADLINE
        while True:
            state, code, restarts = self.state(job)
            if state in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY"):
                return state, code, restarts
            assert time.monotonic() < deadline, f"job {job} is still {state}\n{run.output()}"
            time.sleep(0.2)


def weights_sha256(run):
    return hashlib.sha256((run.run_dir / "model/model.safetensors").read_bytes()).hexdigest()


def steps_done(run):
    """Numbers of the training steps on record."""
    metrics = run.run_dir / "metrics.jsonl"
    lines = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    return [record["step"] for record in records if record["kind"] == "step"]


def requeued(slurm, settings, options, interrupt):
    """interrupt: called with the run and its job, once it is submitted."""
    run = Run("slurm-requeue")
    job = slurm.submit("requeue.sbatch", run, *settings, options=options)
    interrupt(run, job)
    state, code, restarts = slurm.end(job, run)
    assert (state, code) == ("COMPLETED", "0:0"), f"{state} {code}\n{run.output()}"
    assert restarts >= 1, f"the job was over before its signal\n{run.output()}"
    whole = Run("slurm-whole")
    job = slurm.submit("one_node.sbatch", whole, *settings)
    state, code, _ = slurm.end(job, whole)
    assert (state, code) == ("COMPLETED", "0:0"), f"{state} {code}\n{whole.output()}"
    assert weights_sha256(run) == weights_sha256(whole), "the requeued run has other weights than the whole one"
    print(f"requeue.sbatch: {restarts} restart(s), weights bit-equal to the uninterrupted run")
    run.remove()
    whole.remove()


def after_some_steps(slurm, run, job):
    deadline = time.monotonic() + 120
    while len(steps_done(run)) < 5:
        assert time.monotonic() < deadline, run.output()
        time.sleep(0.1)
    slurm.ask("scancel", "--batch", "--signal=USR1", job)


def stopped_and_started_again(slurm, script):
    run = Run(f"slurm-{script}")
    job = slurm.submit(script, run, *LONG)
    after_some_steps(slurm, run, job)
    state, code, _ = slurm.end(job, run)
    assert (state, code) == ("FAILED", "75:0"), f"{state} {code}, wanted exit code 75\n{run.output()}"
    before = steps_done(run)[-1]
    job = slurm.submit(script, run, *LONG)
    deadline = time.monotonic() + 120
    while steps_done(run)[-1] <= before:
        assert time.monotonic() < deadline, run.output()
        time.sleep(0.1)
    steps = steps_done(run)
    assert steps == list(range(1, steps[-1] + 1)), (before, steps[-10:])  # none is lost, none taken twice
    slurm.ask("scancel", "--batch", "--signal=USR1", job)
    state, code, _ = slurm.end(job, run)
    assert (state, code) == ("FAILED", "75:0"), f"{state} {code}, wanted exit code 75\n{run.output()}"
    print(f"{script}: stopped with 75 after step {before}, the same line goes on with step {before + 1}")
    run.remove()


if os.geteuid() != 0 or not all(shutil.which(name) for name in DAEMONS):
    print("skipped: needs root and the packages slurm-wlm and munge")
    sys.exit(77)
with Slurm() as cluster:
    stopped_and_started_again(cluster, "one_node.sbatch")
    stopped_and_started_again(cluster, "several_nodes.sbatch")
    if "--time-limit" in sys.argv:
        requeued(cluster, LONGER, ["--time=1", "--signal=B:USR1@30"], lambda run, job: None)
    else:
        requeued(cluster, LONG, [], lambda run, job: after_some_steps(cluster, run, job))
