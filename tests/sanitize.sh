#!/usr/bin/env bash
# Builds tests under a sanitizer and runs them: memory and undefined behaviour, or data races.
#   tests/sanitize.sh address|thread [-j N] [target ...]
# Without targets: all that are listed below. The build lies in build/asan or build/tsan (presets asan, tsan); a first
# one takes about an hour of CPU time. The last line says how many programs passed; the exit code is 0 if all did.
#
# What is not listed, because it would say nothing of this code or cannot run there:
#   *_mpi_test, faults, verbs    Open MPI is not instrumented: its own leaks and races would be all there is to see
#   cuda_*, ring_links, pretend_gpu_*    these builds are without CUDA: no GPU code runs under a sanitizer of the host
#   export_parity, tokenizer_equality, smollm2_parity, gguf    compare with Python programs; the C++ half is in the other
#                                tests, and a run under a sanitizer takes an hour
#   large_arrays, large_offsets  hold maps of tens of gigabytes, for which the sanitizers have no shadow memory
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-}
case $kind in
  address) preset=asan ;;
  thread) preset=tsan ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
shift
jobs=2
if [ "${1:-}" = -j ]; then jobs=$2; shift 2; fi

# Single-threaded arithmetic: memory and undefined behaviour.
arithmetic="random_test bfloat16_test float16_test fast_exp_test team_test rope_test rope_team_test rms_norm_test
  rms_norm_team_test head_norm_test swiglu_test swiglu_team_test attention_reference_test attention_merge_test
  attention_merge_team_test block_attention_test linear_cross_entropy_test cross_entropy_team_test adamw_test
  adamw_team_test matmul_test embedding_test placement_test sequence_layout_test flat_ranges_test"
# Readers of files that others wrote.
readers="files_test config_test family_test safetensors_test hf_test tokenizer_test data_test rope_factors_test"
# Ranks as threads, watchers, progress threads.
threads="comm_test stop_agreement_test board_test collectives_test ring_test sharded_adamw_test checkpoint_test
  report_test plan_test pure_search_test search_units_test search_test model_objective_test model_sharded_test model_sequence_attention_test evaluate_test
  finetune_test"
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  # shellcheck disable=SC2206  # words
  if [ "$kind" = address ]; then targets=($arithmetic $readers $threads); else targets=($threads data_test tokenizer_test); fi
fi

[ -f build/$preset/build.ninja ] || cmake --preset $preset >/dev/null
if ! cmake --build build/$preset --target "${targets[@]}" -- -j "$jobs" >build/$preset/build.log 2>&1; then
  grep -E 'error|FAILED' build/$preset/build.log | head -20
  echo "build/$preset/build.log: the build failed"
  exit 1
fi

here=$PWD/tests/sanitizers
export OMP_NUM_THREADS=1  # libgomp's barriers are unknown to the thread sanitizer
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_init_order=1:alloc_dealloc_mismatch=0
export LSAN_OPTIONS=suppressions=$here/leaks.txt:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=suppressions=$here/races.txt:halt_on_error=0:second_deadlock_stack=1
passed=0 failed=()
for target in "${targets[@]}"; do
  log=build/$preset/$target.log
  # Without address randomisation: the thread sanitizer of GCC 12 does not start where it takes 32 bits.
  if setarch -R timeout -k 5 3600 "build/$preset/bin/$target" --gtest_brief=1 >"$log" 2>&1; then
    passed=$((passed + 1))
  else
    failed+=("$target")
    echo "$target: see $log"
    grep -m 3 -E 'ERROR: |WARNING: ThreadSanitizer|runtime error|FAILED' "$log" | sed 's/^/  /' || true
  fi
done
echo "$passed of ${#targets[@]} programs passed under the $kind sanitizer"
[ ${#failed[@]} -eq 0 ]
