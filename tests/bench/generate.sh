#!/usr/bin/env bash
# Tokens that are generated one by one, against Hugging Face transformers' generate() on the same model and prompt, greedy, one
# thread each, in turn (A B A B A B): both medians and the median ratio; the texts are compared. The tiny model of the tests, and
# SmolLM2-135M where launch/fetch_smollm2.sh has fetched it. Needs build/release and launch/setup.sh --tests.
#   tests/bench/generate.sh [--quick]
set -euo pipefail
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1
rounds=3
[ "${1:-}" = --quick ] && rounds=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

compare() { # name, model, prompt tokens, new tokens
  for _ in $(seq "$rounds"); do
    .venv/bin/python tests/bench/generate_once.py ropeway "$2" "$3" "$4" "$folder/ours"
    .venv/bin/python tests/bench/generate_once.py transformers "$2" "$3" "$4" "$folder/theirs"
    cmp "$folder/ours" "$folder/theirs"
  done | python3 tests/bench/ratios.py "$1"
}

compare "tiny, 32 + 128" tests/data/tiny_base 32 128
compare "tiny, 128 + 100" tests/data/tiny_base 128 100
if [ -d models/smollm2_135m ]; then
  compare "135M, 32 + 32" models/smollm2_135m 32 32
  compare "135M, 2K + 32" models/smollm2_135m 2048 32
fi
