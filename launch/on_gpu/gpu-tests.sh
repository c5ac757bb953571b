#!/usr/bin/env bash
# Every test for GPUs in this bundle, one program after the other; prints what failed and ends with 1 if any did.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failed=()
while read -r name; do
  echo "== $name"
  launcher=()
  if [[ $name == *_mpi_test ]]; then launcher=(mpirun -n 2); fi # NCCL, on one GPU if there is no second one
  "$here/run-on-gpu.sh" "${launcher[@]}" "bin/$name" --gtest_brief=1 </dev/null || failed+=("$name")
done <"$here/gpu_tests.txt"
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
echo "all passed"
