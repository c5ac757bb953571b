#!/usr/bin/env bash
# Every shell script of ours passes shellcheck.
set -euo pipefail
cd "$1"
command -v shellcheck >/dev/null || { echo "skipped: shellcheck is not installed"; exit 77; }
find launch tests -name '*.sh' -print0 | xargs -0 shellcheck -x
shellcheck -x .ci/run
