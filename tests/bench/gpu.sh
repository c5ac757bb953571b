#!/usr/bin/env bash
# Every figure that needs a GPU, in one run: kernels against the memory's peak and ATen, attention against cuDNN, the
# emulated ring against the plain kernel, fine-tune steps of a 1B shape, the same in transformers at the longest length
# that it reaches, and the longest step that fits. Tables on stderr; one JSON object a line on stdout.
#   tests/bench/gpu.sh [--quick]      in a bundle: run-on-gpu.sh tests/bench/gpu.sh; PYTHON: one with torch and transformers
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=build/release/bin
if [ -d bin ]; then bin=bin; fi # a bundle
python=${PYTHON:-.venv/bin/python}
command -v "$python" >/dev/null || python=python3
lengths=(65536 262144)
longest=(524288 1048576 2097152)
[ "${1:-}" = --quick ] && lengths=(65536) longest=()

"$bin/gpu_kernels"
"$bin/gpu_attention"
"$bin/gpu_ring"

# The 1B shape: 16 layers, hidden 2048, 16 heads of 128, BF16.
shape="layers=16 hidden=2048 heads=16 kv_heads=16 head_dim=128 intermediate=8192 vocab=32000 dtype=bf16 device=cuda steps=2"
for length in "${lengths[@]}"; do
  # shellcheck disable=SC2086
  {
    "$bin/bench_engine" $shape length="$length"
    "$python" tests/bench/transformers_engine.py $shape length="$length" || echo "transformers: no step of $length tokens" >&2
  } | tee /dev/stderr
done
# Doubling until it no longer fits.
for length in "${longest[@]}"; do
  # shellcheck disable=SC2086
  "$bin/bench_engine" $shape length="$length" steps=1 | tee /dev/stderr || {
    echo "no step of $length tokens fits" >&2
    break
  }
done
