#include "trainer/score/evaluation_cell.h"

#include "kernels/base/error.h"

namespace ropeway {

std::string length_warning(const EvaluationCell& cell) {
  const FactorSet& set = cell.factors;
  if (cell.length > set.max_length && set.name != kOriginalRope) {
    return fmt::format("{} is for {} tokens at most and evaluated at {}", cell.name, set.max_length,
                       cell.length);
  }
  if (cell.length < set.original_length) {
    return fmt::format("{} tokens are fewer than the {} that the model was trained at", cell.length,
                       set.original_length);
  }
  return "";
}

}  // namespace ropeway
