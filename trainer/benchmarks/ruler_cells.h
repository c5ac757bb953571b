// RULER's tasks as benchmark cells: each task at each length under its factor set.
#pragma once

#include <vector>

#include "trainer/benchmarks/benchmark_inputs.h"
#include "trainer/score/evaluation_cell.h"

namespace ropeway {

struct RulerSettings {
  std::vector<RulerTask> tasks;
  int64_t samples = 0;
  RulerPrompt prompt = RulerPrompt::kAuto;
};

// The words of the documents' first tokens, as many as inputs of `length` tokens can need.
std::vector<std::string> prose_of(const Documents& documents, const Tokenizer& tokenizer, int64_t length);

// Cells refer to `inputs` and `sources`, which must outlive them. Throws what RulerMaker throws, and kConfig
// for a task that needs generation where there is none.
std::vector<BenchmarkCell> ruler_cells(const BenchmarkInputs& inputs, const RulerSources& sources,
                                       const RulerSettings& settings, const std::vector<EvaluationCell>& at);

}  // namespace ropeway
