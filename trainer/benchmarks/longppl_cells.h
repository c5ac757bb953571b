// LongPPL as benchmark cells: one per length and factor set.
#pragma once

#include <vector>

#include "trainer/benchmarks/benchmark_inputs.h"
#include "trainer/benchmarks/longppl_eval.h"
#include "trainer/score/evaluation_cell.h"

namespace ropeway {

// settings: length and start are the cells'. Cells of lengths that are not beyond the short context are left
// out. Cells refer to `inputs`, which must outlive them and have documents.
std::vector<BenchmarkCell> longppl_cells(const BenchmarkInputs& inputs, const LongPplOptions& settings,
                                         const std::vector<EvaluationCell>& at);

}  // namespace ropeway
