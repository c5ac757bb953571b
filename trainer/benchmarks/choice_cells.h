// Files of questions as benchmark cells: each file under each factor set.
#pragma once

#include <string>
#include <vector>

#include "trainer/benchmarks/benchmark_inputs.h"
#include "trainer/benchmarks/choice_eval.h"
#include "trainer/score/evaluation_cell.h"

namespace ropeway {

// at: factor sets, each with the length that contexts are cut to. Cells refer to `inputs` and `tasks`, which
// must outlive them.
std::vector<BenchmarkCell> choice_cells(const BenchmarkInputs& inputs, const std::vector<ChoiceTask>& tasks,
                                        const std::vector<EvaluationCell>& at);

}  // namespace ropeway
