#!/usr/bin/env bash
# Every combination of seeds and refinement on the tiny model: held-out loss against forward equivalents.
#   tests/bench/search.sh [--64x] [--full] [--ranks P]
# At 8x on the model as it is; --64x: at 64x on the model that launch/demo.sh fine-tuned at 8x (run that first).
# --full: evolution at its published size (8x: 1344 candidates x 5 documents, about 25 minutes on two idle cores; 64x:
# 272 x 3, about as long); without it, evolution gets 12 candidates and 3 generations of 8, which says nothing about its
# quality.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
ranks=2
scale=8x
full=0
while [ $# -gt 0 ]; do
  case "$1" in
    --64x) scale=64x ;;
    --full) full=1 ;;
    --ranks) ranks=$2; shift ;;
    *) echo "search.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
  shift
done
if [ "$scale" = 64x ] && [ ! -f runs/tiny_cpu/stages/tune_8x/model/rope_factors.json ]; then
  echo "search.sh: no model tuned at 8x in runs/tiny_cpu: run launch/demo.sh first" >&2
  exit 66
fi
recipe=tests/bench/search.yaml
run_dir=runs/bench_search
if [ "$scale" = 64x ]; then recipe=tests/bench/search_64x.yaml run_dir=runs/bench_search_64x; fi
settings=()
if [ "$full" = 1 ]; then
  run_dir+=_full
else
  for search in families_evolution paper_evolution; do
    for size in population=12 parents=4 mutations=4 crossovers=4 iterations=3; do
      settings+=(--set "stages.$search.$size")
    done
  done
fi
timeout -k 10 7200 mpirun -n "$ranks" build/release/bin/ropeway run "$recipe" --set "run_dir=$run_dir" "${settings[@]}" >&2
python3 tests/bench/search_table.py "$run_dir/report.json"
