#!/usr/bin/env bash
# Encoding against PyPI tokenizers, the same file and vocabulary, one thread each, in turn (A B A B ...): MB/s and the
# median ratio; the ids are compared. A line of 10 MB without a space is for ours alone: PyPI tokenizers takes minutes.
# Needs build/release, launch/setup.sh --tests, launch/fetch_corpus.sh and launch/fetch_vocabularies.sh.
#   tests/bench/tokenizer.sh [--quick]
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=5
[ "${1:-}" = --quick ] && rounds=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -B tests/bench/tokenizer_cases.py data/vocabularies data/corpus "$folder"

for vocabulary in smollm2 gpt_neox llama3 llama2; do
  for text in prose code mixed; do
    for _ in $(seq "$rounds"); do
      build/release/bin/bench_tokenizer "$folder/$vocabulary" "$folder/$text" "$folder/ours"
      TOKENIZERS_PARALLELISM=false RAYON_NUM_THREADS=1 .venv/bin/python tests/bench/pypi_tokenizers.py \
        "$folder/$vocabulary" "$folder/$text" "$folder/theirs"
      cmp "$folder/ours" "$folder/theirs"
    done | python3 tests/bench/ratios.py "$vocabulary, $text" megabytes
  done
  echo "$vocabulary, line: $(build/release/bin/bench_tokenizer "$folder/$vocabulary" "$folder/line")"
done
