// What a recipe can choose without changing what it is for: how its ranks share the work, and how it
// searches. Each choice planned as a whole run.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/stages/stage_plan.h"

namespace ropeway {

struct PlanTotals {
  double tokens = 0, flops = 0;
  double seconds = 0;  // 0: the device's rates are unknown
  int64_t memory = 0;  // of a rank, in the stage that needs most
  bool fits = true;
};
PlanTotals totals_of(const std::vector<StagePlan>& stages, int64_t memory_limit);
PlanTotals totals_of(const StagePlan& stage, int64_t memory_limit);

struct MeshChoice {
  MeshShape mesh;
  std::string refused;  // why the recipe cannot run on it; "" if it can
  PlanTotals totals = {};
};
// All ways to share `ranks` between rows and, in each row, a ring and heads within a host; the longest rows
// first, of a row the ring alone. settings.mesh is not read.
std::vector<MeshChoice> mesh_choices(const Recipe& recipe, const ModelConfig& config,
                                     const PlanSettings& settings, int ranks);
// The quickest that fits and runs; null where there is none.
const MeshChoice* cheapest(const std::vector<MeshChoice>& choices);

struct SearchChoice {
  SearchSeeds seeds = SearchSeeds::kFamilies;
  SearchRefine refine = SearchRefine::kGradient;
  bool is_chosen = false;  // all searches of the recipe are so
  double passes = 0;       // of its searches
  double seconds = 0;      // of its searches; 0: unknown
};
// The ways of searching that differ in what they cost; none for a recipe without a search.
std::vector<SearchChoice> search_choices(const Recipe& recipe, const ModelConfig& config,
                                         const PlanSettings& settings);

}  // namespace ropeway
