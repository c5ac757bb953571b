#!/usr/bin/env bash
# The report of a recorded run, opened in Chromium: run.sh ROOT PROGRAM
set -euo pipefail
root=$1 program=$2
if [ ! -x "$root/.venv/bin/python" ]; then
  echo "skipped: $root/.venv is not there: launch/setup.sh --tests makes it"
  exit 77
fi
if ! command -v chromium >/dev/null; then
  echo "skipped: there is no chromium: launch/setup.sh --tests installs it"
  exit 77
fi
exec "$root/.venv/bin/python" -B "$(dirname "$0")/page_in_browser.py" "$root" "$program"
