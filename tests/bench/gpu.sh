#!/usr/bin/env bash
# Every figure that needs a GPU, in one call, each with its goal next to it: block attention, a step of a 1B shape, the
# emulated ring, our kernels, the step against transformers', and how many tokens fit into a step. The most telling come
# first; each has a time limit of its own and is printed at once (a row on stderr, a JSON object per line on stdout), so that
# a call that is cut short keeps what it has. All of it takes about ten minutes on an H100.
#   tests/bench/gpu.sh [MINUTES]      default 12; in a bundle: run-on-gpu.sh tests/bench/gpu.sh
#                                     PYTHON: one with torch and transformers, for the comparison
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
bin=build/release/bin
if [ -d bin ]; then bin=bin; fi # a bundle
python=${PYTHON:-.venv/bin/python}
command -v "$python" >/dev/null || python=python3
end=$((SECONDS + ${1:-12} * 60))
failed=0

within() { # seconds, command...
  local limit=$1 left=$((end - SECONDS))
  shift
  if [ "$left" -lt 15 ]; then
    echo "no time left for: $*" >&2
    return
  fi
  [ "$left" -lt "$limit" ] && limit=$left
  timeout -k 5 "$limit" "$@"
  local code=$?
  if [ "$code" -eq 71 ]; then exit 71; fi # no GPU
  if [ "$code" -ne 0 ]; then
    echo "ended with $code (124: not done within $limit s): $*" >&2
    failed=1
  fi
}
steps() { # seconds, what...
  local limit=$1
  shift
  within "$limit" "$python" tests/bench/gpu_steps.py --bin "$bin" --seconds "$((limit - 5))" "$@"
}

within 90 "$bin/gpu_attention"
steps 180 step 262144
within 120 "$bin/gpu_ring"
within 90 "$bin/gpu_kernels"
steps 360 against
steps 240 longest
exit "$failed"
