#!/usr/bin/env bash
# Installs what is missing, builds, passes every test. Arguments go to ctest: launch/test.sh -R ring
set -euo pipefail
cd "$(dirname "$0")/.."
launch/setup.sh --tests
launch/build.sh
launch/fetch_corpus.sh
launch/fetch_smollm2.sh
launch/fetch_vocabularies.sh
# shellcheck source=launch/mpi_env.sh
. launch/mpi_env.sh
exec ctest --preset release -j 2 --no-tests=error "$@"
