#!/usr/bin/env bash
# Every combination of seeds and refinement at 8x on the tiny model: held-out loss against forward equivalents.
#   tests/bench/search.sh [--full] [--ranks P]
# --full: the published evolution at its published size (1344 candidates x 5 documents, about 25 minutes on two cores);
# without it, evolution gets 12 candidates and 3 generations of 8, which says nothing about its quality.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
ranks=2
run_dir=runs/bench_search
settings=(--set stages.families_evolution.iterations=3 --set stages.paper_evolution.iterations=3
          --set stages.families_evolution.population=12 --set stages.paper_evolution.population=12
          --set stages.families_evolution.parents=4 --set stages.paper_evolution.parents=4
          --set stages.families_evolution.mutations=4 --set stages.paper_evolution.mutations=4
          --set stages.families_evolution.crossovers=4 --set stages.paper_evolution.crossovers=4)
while [ $# -gt 0 ]; do
  case "$1" in
    --full) settings=(); run_dir=runs/bench_search_full ;;
    --ranks) ranks=$2; shift ;;
    *) echo "search.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
  shift
done
timeout -k 10 7200 mpirun -n "$ranks" build/release/bin/ropeway run tests/bench/search.yaml \
  --set "run_dir=$run_dir" "${settings[@]}" >&2
python3 tests/bench/search_table.py "$run_dir/report.json"
