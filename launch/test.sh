#!/usr/bin/env bash
# Installs what is missing, builds, passes every test and prints the scoreboard of faults. Arguments go to ctest:
#   launch/test.sh -R ring
#   launch/test.sh --faults [FAULT ...]   runs the tests of faults and prints the scoreboard; K: those of checkpoints
set -euo pipefail
cd "$(dirname "$0")/.."
launch/setup.sh --tests
launch/build.sh
launch/fetch_corpus.sh
launch/fetch_smollm2.sh
launch/fetch_vocabularies.sh
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
if [ "${1:-}" = --faults ]; then
  exec .venv/bin/python tests/faults/scoreboard/board.py build/release "${@:2}"
fi
results=$PWD/build/release/results.xml
code=0
ctest --preset release -j 2 --no-tests=error --output-junit "$results" "$@" || code=$?
if [ $# = 0 ]; then .venv/bin/python tests/faults/scoreboard/board.py --results "$results" || true; fi
exit "$code"
