// The benchmarks of an evaluate stage: done, kept cell by cell, and reported.
#pragma once

#include <string>
#include <vector>

#include "trainer/benchmarks/benchmark_set.h"
#include "trainer/stages/run_state.h"

namespace ropeway {

struct StageBenchmarks {
  CausalLM& model;
  std::vector<int32_t> start;                 // in front of every input, such as a BOS
  std::string model_name;                     // in the report: "base" or "tuned"
  WalkControl walk;                           // of the stage
  std::vector<EvaluationCell> at_window, at;  // BenchmarkSet::cells
};
// Collective. Throws kStopped when a stop was requested: what is done is kept.
void run_benchmarks(RunState& state, const StageRecipe& stage, BenchmarkSet& set,
                    const StageBenchmarks& benchmarks);

}  // namespace ropeway
