#!/usr/bin/env bash
# A check of the pages with the Python environment of the tests: run.sh SCRIPT ROOT PROGRAM
set -euo pipefail
script=$1 root=$2 program=$3
if [ ! -x "$root/.venv/bin/python" ]; then
  echo "skipped: $root/.venv is not there: launch/setup.sh --tests makes it"
  exit 77
fi
if ! git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
  echo "skipped: not a git checkout"
  exit 77
fi
exec "$root/.venv/bin/python" -B "$(dirname "$0")/$script" "$root" "$program"
