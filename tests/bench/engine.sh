#!/usr/bin/env bash
# Training steps and forward evaluation against Hugging Face transformers + torch, same shape, one thread each, in turn
# (A B A B A B): prints each pair's tokens/s and the median ratio. Needs build/release and launch/setup.sh --tests.
#   tests/bench/engine.sh [--quick]
set -euo pipefail
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1
rounds=3
[ "${1:-}" = --quick ] && rounds=1
llama135m="layers=30 hidden=576 heads=9 kv_heads=3 head_dim=64 intermediate=1536 vocab=49152 steps=1"

compare() { # name, settings...
  local name=$1
  shift
  for _ in $(seq "$rounds"); do
    build/release/bin/bench_engine "$@"
    .venv/bin/python tests/bench/transformers_engine.py "$@"
  done | python3 tests/bench/ratios.py "$name"
}

compare "tiny, train, 2K" length=2048 batch=4 what=train
compare "tiny, evaluate, 2K" length=2048 batch=4 what=evaluate
compare "tiny, train, 16K" length=16384 steps=1 what=train
compare "tiny, evaluate, 16K" length=16384 steps=1 what=evaluate
# shellcheck disable=SC2086
compare "135M, train, 2K" $llama135m length=2048 what=train
# shellcheck disable=SC2086
compare "135M, evaluate, 2K" $llama135m length=2048 what=evaluate
