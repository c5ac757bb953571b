#!/usr/bin/env bash
# The whole schedule on two MPI ranks: installs what is missing, builds, runs configs/tiny_cpu.yaml, prints the table.
#   launch/demo.sh [--quick]   --quick: to 8 times the window only, no second search
set -euo pipefail
cd "$(dirname "$0")/.."

quick=0
case "${1:-}" in
  "") ;;
  --quick) quick=1 ;;
  *) echo "demo.sh: unknown argument '$1'; usage: launch/demo.sh [--quick]" >&2; exit 2 ;;
esac

start=$SECONDS
step() { printf 'demo: [%3d s] %s\n' $((SECONDS - start)) "$*" >&2; }

step "checking packages"
launch/setup.sh
step "building"
launch/build.sh ropeway >&2
step "fetching the text"
launch/fetch_corpus.sh >&2

# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
recipe=(configs/tiny_cpu.yaml)
run_dir=runs/tiny_cpu
if [ "$quick" = 1 ]; then
  run_dir=runs/tiny_cpu_quick
  recipe+=(--set "run_dir=$run_dir" --stage base --stage search_8x --stage untuned_8x --stage tune_8x --stage tuned_8x)
fi
step "running ${recipe[0]} on 2 ranks"
timeout -k 10 3600 mpirun -n 2 build/release/bin/ropeway run "${recipe[@]}"
step "done; everything is in $run_dir, the numbers in $run_dir/report.json"
