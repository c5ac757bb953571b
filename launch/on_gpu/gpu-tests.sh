#!/usr/bin/env bash
# Every test for GPUs in this bundle, one program after the other; prints what failed and ends with 1 if any did.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failed=()
while read -r name; do
  echo "== $name"
  "$here/run-on-gpu.sh" "bin/$name" --gtest_brief=1 || failed+=("$name")
done <"$here/gpu_tests.txt"
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
echo "all passed"
