#include "trainer/config/evaluate_recipe.h"

#include <algorithm>

namespace ropeway {

bool EvaluateRecipe::measures(EvaluateTask task) const {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

}  // namespace ropeway
