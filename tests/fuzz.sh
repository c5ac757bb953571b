#!/usr/bin/env bash
# Fuzzes the readers of files that others wrote: libFuzzer with the address and undefined-behaviour sanitizers of clang.
#   tests/fuzz.sh [-s SECONDS] [target ...]        60 s each unless told otherwise; targets are the folders of fuzz/seeds
# The build lies in build/fuzz (preset fuzz, Debian's clang), what the fuzzers find in build/fuzz/corpus/TARGET, from where
# the next run goes on. An input that crashes, leaks, takes longer than a second or 512 MB is a fault: its file is named.
# The last lines say how many inputs each target ran; the exit code is 0 if none had a fault.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
if [ "${1:-}" = -s ]; then seconds=$2; shift 2; fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then mapfile -t targets < <(ls tests/fuzz/seeds); fi
command -v clang++ >/dev/null || { echo "fuzz.sh: needs clang++ (apt-get install clang)" >&2; exit 66; }

[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}" -- -j "${JOBS:-2}" >build/fuzz/build.log 2>&1 ||
  { grep -E 'error|FAILED' build/fuzz/build.log | head -20; echo "build/fuzz/build.log: the build failed"; exit 1; }

failed=0
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  log=build/fuzz/$target.log
  mkdir -p "$corpus"
  result=0
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 build/fuzz/bin/fuzz_"$target" -max_total_time="$seconds" -timeout=1 \
    -rss_limit_mb=512 -max_len=65536 -print_final_stats=1 -artifact_prefix="build/fuzz/$target-" "$corpus" \
    "tests/fuzz/seeds/$target" >"$log" 2>&1 || result=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "$target: ${executions:-?} inputs, $(find "$corpus" -type f | wc -l) kept$([ "$result" = 0 ] || echo ", FAULT: see $log")"
  if [ "$result" != 0 ]; then
    grep -m 2 -E 'ERROR: |SUMMARY: |Test unit written' "$log" | sed 's/^/  /' || true
    failed=1
  fi
done
exit $failed
