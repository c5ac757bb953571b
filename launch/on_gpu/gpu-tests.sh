#!/usr/bin/env bash
# Every test for GPUs in this bundle, one program after the other; prints what failed and ends with 1 if any did.
#   gpu-tests.sh --sanitize    instead: the tests of our own kernels under compute-sanitizer, for accesses outside of arrays
#                              (memcheck) and for races in shared memory (racecheck); 77 where that tool is not found
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failed=()

finish() {
  if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}"
    exit 1
  fi
  echo "all passed"
  exit 0
}

if [ "${1:-}" = --sanitize ]; then
  sanitizer=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin command -v compute-sanitizer) || {
    echo "skipped: no compute-sanitizer in PATH, CUDA_HOME or /usr/local/cuda"
    exit 77
  }
  # Without libtorch's cache of memory every tensor is an allocation of its own, whose end is seen. Arrays of gigabytes
  # would take hours.
  export PYTORCH_NO_CUDA_MEMORY_CACHING=1
  for tool in memcheck racecheck; do
    echo "== $tool cuda_ops_test"
    "$here/run-on-gpu.sh" "$sanitizer" --tool "$tool" --kernel-name kns=ropeway --error-exitcode 1 \
      bin/cuda_ops_test --gtest_brief=1 --gtest_filter='-*PastTwoToThe31*' </dev/null || failed+=("$tool")
  done
  finish
fi

while read -r name; do
  echo "== $name"
  launcher=()
  if [[ $name == *_mpi_test ]]; then launcher=(mpirun -n 2); fi # NCCL, on one GPU if there is no second one
  "$here/run-on-gpu.sh" "${launcher[@]}" "bin/$name" --gtest_brief=1 </dev/null || failed+=("$name")
done <"$here/gpu_tests.txt"
finish
