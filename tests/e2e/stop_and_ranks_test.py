"""SIGUSR1 to mpirun saves and ends with 75, and the same command goes on to the same bits; a run interrupted on two
ranks and resumed on one or four, with gradients and weights shared out or not, ends within fp32 rounding of the
uninterrupted one; another recipe is refused."""
import os
import signal
import subprocess
import time

from harness import BINARY, ROOT, Run, largest_difference, mpirun_pid

reference = Run("reference")
begin = time.monotonic()
reference.finish()
duration = time.monotonic() - begin
expected = reference.run_dir / "model/model.safetensors"


def stop_in_training(run):
    """SIGUSR1 as soon as the first step of the fine-tune is on record."""
    process = run.start()
    metrics = run.run_dir / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.exists() and '"kind":"step","stage":"tune"' in metrics.read_text()):
        assert time.monotonic() < deadline and process.poll() is None, run.output()
        time.sleep(0.005)
    os.kill(mpirun_pid(process), signal.SIGUSR1)
    return process.wait()


run = Run("usr1")
code = stop_in_training(run)
assert code == 75, f"exit code {code}, wanted 75\n{run.output()}"
run.finish()
assert run.weights_sha256() == reference.weights_sha256(), "not bit-equal after SIGUSR1"
print("SIGUSR1: exit 75, resumed, bit-equal")
run.remove()

# Ranks, and what they share out before the stop and after it.
for ranks, before, after in ((1, 1, 1), (4, 1, 1), (4, 2, 3)):
    run = Run(f"ranks-{ranks}", sets=[f"engine.zero={before}"])
    code = stop_in_training(run)
    assert code == 75, f"exit code {code}, wanted 75\n{run.output()}"
    run.sets[-1] = f"engine.zero={after}"
    run.finish(ranks=ranks)
    difference = largest_difference(expected, run.run_dir / "model/model.safetensors")
    # fp32 rounding of gradients, about 1e-6 of their norm, grown by Adam's division over the few steps that remain.
    assert 0 <= difference < 1e-3, f"{difference} after resuming on {ranks} ranks"
    print(f"stopped on 2 ranks with zero {before}, resumed on {ranks} with {after}: weights differ by {difference:.1e} of their norm")
    run.remove()

other = subprocess.run([str(BINARY), "run", "tests/e2e/tiny.yaml", "--set", f"run_dir={reference.run_dir}",
                        "--set", "seed=8"], cwd=ROOT, capture_output=True, text=True)
assert other.returncode == 73, f"exit code {other.returncode}, wanted 73: {other.stderr}"
assert "seed" in other.stderr and "7" in other.stderr and "8" in other.stderr, other.stderr
print("another recipe in the same run directory: refused with the difference")
reference.remove()
