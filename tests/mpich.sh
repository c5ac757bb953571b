#!/usr/bin/env bash
# The ranks' communication under MPICH, next to a build for Open MPI: builds what depends on MPI alone, in build/mpich,
# and runs its tests under MPICH's own mpiexec. Needs Debian's mpich (launch/setup.sh --tests).
set -euo pipefail
cd "$(dirname "$0")/.."

targets=(comm_mpi_test failing_rank_program)
cmake -S . -B build/mpich -G Ninja -DCMAKE_BUILD_TYPE=Release -DROPEWAY_MPI=mpich -DROPEWAY_CUDA=OFF >build/mpich.log ||
  { tail -20 build/mpich.log; exit 1; }
cmake --build build/mpich --target "${targets[@]}"
ctest --test-dir build/mpich --output-on-failure -R '^(comm_mpi_[124]|failing_rank_mpi_.*|exiting_rank_mpi)$'
