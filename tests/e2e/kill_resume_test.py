"""SIGKILL of one rank at a random moment, then the same command: the final weights and factors are bit-equal to those
of a run that was left alone. At least ten moments, spread over pretrain, search, fine-tune, re-search, readjust and
saving."""
import time

from harness import Run, kill_a_rank, seeded

reference = Run("reference")
begin = time.monotonic()
reference.finish()
duration = time.monotonic() - begin
weights, factors = reference.weights_sha256(), reference.factors()
print(f"uninterrupted: {duration:.1f} s, {len(factors)} factor sets, weights {weights[:12]}")
assert {"searched", "tuned", "searched_512", "short_64"} <= factors.keys(), factors.keys()

random = seeded("kill")
kills = attempts = 0
while kills < 10:
    attempts += 1
    assert attempts <= 10, f"only {kills} of {2 * attempts} kills hit a live run"
    run = Run(f"kill-{attempts}")
    moments = []
    # Two interruptions a run, the second wherever the resumed run has come to.
    for moment in (random.uniform(0.15, 0.9), random.uniform(0.1, 0.6)):
        if kill_a_rank(run.start(), moment * duration, random.randrange(2)):
            kills += 1
            moments.append(f"{moment * duration:.2f} s")
    run.finish()
    assert run.weights_sha256() == weights, f"weights differ after kills at {moments}\n{run.output()}"
    assert run.factors() == factors, f"factors differ after kills at {moments}\n{run.output()}"
    print(f"killed at {', '.join(moments)}: resumed, bit-equal")
    run.remove()
reference.remove()
print(f"{kills} kills")
