#!/usr/bin/env bash
# What spreading a sequence costs: the same training step by several ranks and by one rank on the same cores.
# Row 1: 4 thread-ranks and 1 rank, both bound to one core. Row 2: 2 MPI ranks, and 1 rank with 2 threads, on two cores.
# A ratio of 1 means that the ring is free. Then peak memory against length, and against the number of hops.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
bench=build/release/bin/bench_engine
for length in 2048 16384; do
  for _ in 1 2 3; do
    taskset -c 0 $bench threads=4 length=$length steps=2
    taskset -c 0 $bench threads=1 length=$length steps=2
  done | python3 tests/bench/ratios.py "4 thread-ranks, $length"
  for _ in 1 2 3; do
    timeout -k 5 600 mpirun -n 2 $bench length=$length steps=2
    OMP_NUM_THREADS=2 $bench length=$length steps=2
  done | python3 tests/bench/ratios.py "2 MPI ranks, $length"
done
echo "peak memory of a training step, one rank:"
for length in 4096 8192 16384 32768; do $bench length=$length steps=1; done | python3 tests/bench/memory_per_token.py
echo "activations kept by each rank of a step at 16384 tokens, by number of ranks:"
for threads in 2 4 8; do $bench length=16384 threads=$threads steps=1; done | python3 tests/bench/memory_per_token.py
