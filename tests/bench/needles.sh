#!/usr/bin/env bash
# What a trial of retrieval costs with one needle per pass and with twenty, on the tiny base model under YaRN's
# factors: 200 trials of each at every length.
#   tests/bench/needles.sh [--lengths 2K,8K] [--ranks P]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
lengths=2K,8K
ranks=1
while [ $# -gt 0 ]; do
  case "$1" in
    --lengths) lengths=$2; shift ;;
    --ranks) ranks=$2; shift ;;
    *) echo "needles.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
  shift
done
seconds_of() {
  local begin
  begin=$(date +%s.%N)
  timeout -k 10 3600 mpirun -n "$ranks" build/release/bin/ropeway evaluate tests/data/tiny_base \
    --text tests/data/prose.txt --factors yarn "$@" >&2
  echo "$begin $(date +%s.%N)" | awk '{printf "%.1f", $2 - $1}'
}
printf '%8s  %22s  %22s\n' length '200 passes of 1 (s)' '10 passes of 20 (s)'
for length in ${lengths//,/ }; do
  single=$(seconds_of --lengths "$length" --tasks passkey --passkey-samples 20)
  many=$(seconds_of --lengths "$length" --tasks needles --needle-passes 10)
  printf '%8s  %22s  %22s\n' "$length" "$single" "$many"
done
