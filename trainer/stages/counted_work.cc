#include "trainer/stages/counted_work.h"

#include <algorithm>
#include <set>

#include "kernels/base/error.h"
#include "trainer/search/cost.h"
#include "trainer/stages/evaluation_cells.h"

namespace ropeway {
namespace {

const char* name_of(Pass pass) {
  switch (pass) {
    case Pass::kEvaluate:
      return "forward";
    case Pass::kFactorGradient:
      return "factor gradient";
    case Pass::kTrain:
      return "train";
  }
  fail(ErrorKind::kInternal, "a pass without a name");
}

double cost_of(const PlannedPass& pass) {
  constexpr double kAttention = 0.4;
  if (pass.seconds > 0) return pass.seconds;
  return pass.work.dense + kAttention * (pass.work.attention_forward + pass.work.attention_backward);
}

// The cells of an evaluation at that length; 0: passes that belong to none, such as crops to the original window.
int64_t cells_of(const StageRecipe& stage, const ModelConfig& config, int64_t length) {
  if (stage.kind() != StageKind::kEvaluate) return 0;
  const EvaluateRecipe& evaluate = stage.evaluate();
  if (std::ranges::find(evaluate.lengths, length) == evaluate.lengths.end()) return 0;
  return cells_at(config, evaluate.factors, length);
}

}  // namespace

std::vector<StageWork> counted_work(const Recipe& recipe, const ModelConfig& config,
                                    const std::vector<StagePlan>& plans) {
  ROPEWAY_CHECK(plans.size() == recipe.stages.size(), "{} plans of {} stages", plans.size(),
                recipe.stages.size());
  std::vector<StageWork> all;
  for (size_t i = 0; i < plans.size(); ++i) {
    StageWork stage{.stage = plans[i].name};
    std::set<int64_t> met;
    for (const PlannedPass& pass : plans[i].passes) {
      // The windows of a length come first, then what benchmarks add to it.
      const bool first = met.insert(pass.length).second;
      stage.work.push_back({.pass = name_of(pass.pass),
                            .length = pass.length,
                            .cost = pass.count * cost_of(pass),
                            .pieces = first ? cells_of(recipe.stages[i], config, pass.length) : 0});
      if (!is_searching(plans[i].kind)) continue;
      stage.most += pass.count * (pass.pass == Pass::kFactorGradient ? kGradientCost : 1);
    }
    all.push_back(std::move(stage));
  }
  return all;
}

}  // namespace ropeway
