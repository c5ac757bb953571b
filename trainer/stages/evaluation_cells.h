// The cells of an evaluation from names of factor sets and lengths, for the stage and the command line alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"
#include "trainer/score/evaluation_cell.h"

namespace ropeway {

// Whose cells they are.
struct CellModel {
  const ModelConfig& config;
  const std::vector<FactorSet>& sets;
  std::string weights;  // the name of those that are evaluated
};

// Within the original window most computed schedules are the original RoPE, which "none" stands for: whether
// such cells are made.
enum class SameAsNone { kEvaluate, kSkip };

// Every name at every length, lengths first. Throws what resolve_factors throws.
std::vector<EvaluationCell> evaluation_cells(const CellModel& model, const std::vector<std::string>& names,
                                             const std::vector<int64_t>& lengths, SameAsNone same_as_none);
// The same at the original window, for questions. Where each name would be skipped: the original RoPE once.
std::vector<EvaluationCell> window_cells(const CellModel& model, const std::vector<std::string>& names,
                                         SameAsNone same_as_none);

// What is skipped: "yarn at 32", in the order of the cells.
std::vector<std::string> skipped_cells(const ModelConfig& config, const std::vector<std::string>& names,
                                       const std::vector<int64_t>& lengths);

// How many cells an evaluation has at a length, where SameAsNone::kSkip.
int64_t cells_at(const ModelConfig& config, const std::vector<std::string>& names, int64_t length);

// Warns of each cell whose length its factors are not for. who: the stage or the model, for the message.
void tell_of_lengths(const std::vector<std::string>& names, const std::vector<EvaluationCell>& cells,
                     const std::string& who);

}  // namespace ropeway
