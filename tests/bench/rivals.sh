#!/usr/bin/env bash
# The demo's searched factors against formulas with the same tuning budget, on the same windows.
#   tests/bench/rivals.sh [FORMULA ...]     # pi ntk yarn cope where none is named
# Wants runs/tiny_cpu (launch/demo.sh). A formula's run goes on where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
demo=${ROPEWAY_DEMO_RUN:-runs/tiny_cpu}
if [ ! -f "$demo/stages/scores_64x/figures.json" ]; then
  echo "rivals.sh: no finished demo in $demo: run launch/demo.sh first" >&2
  exit 66
fi
rivals=("$@")
if [ ${#rivals[@]} -eq 0 ]; then rivals=(pi ntk yarn cope); fi
runs=()
for rival in "${rivals[@]}"; do
  run=runs/tiny_rival_$rival
  RIVAL=$rival timeout -k 10 7200 mpirun -n 2 build/release/bin/ropeway run configs/tiny_rival.yaml >&2
  runs+=("$run")
done
python3 tests/bench/rivals_table.py "$demo" "${runs[@]}"
