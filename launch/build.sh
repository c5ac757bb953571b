#!/usr/bin/env bash
# Configures and builds the release preset; a second run rebuilds only what changed.
#   launch/build.sh [TARGET ...]   default: everything, tests included
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -f build/release/build.ninja ]; then cmake --preset release >/dev/null; fi
cmake --build build/release --target "${@:-all}"
