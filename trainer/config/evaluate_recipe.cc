#include "trainer/config/evaluate_recipe.h"

#include <algorithm>

namespace ropeway {

bool EvaluateRecipe::measures(EvaluateTask task) const {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

std::vector<int64_t> EvaluateRecipe::aligned_lengths() const {
  std::vector<int64_t> all = lengths;
  all.insert(all.end(), aligned_with.begin(), aligned_with.end());
  return ropeway::aligned_lengths(align, stride, all);
}

int64_t EvaluateRecipe::longest() const {
  const std::vector<int64_t> aligned = aligned_lengths();
  return aligned.empty() ? *std::max_element(lengths.begin(), lengths.end()) : aligned.back();
}

std::vector<int64_t> aligned_lengths(WindowAlignment align, int64_t stride, std::vector<int64_t> lengths) {
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  const bool ends =
      align == WindowAlignment::kEnds || (align == WindowAlignment::kAuto && lengths.size() > 1);
  return ends && stride == 0 ? lengths : std::vector<int64_t>{};
}

}  // namespace ropeway
