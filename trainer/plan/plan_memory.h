// The passes that a plan's work consists of, and what the largest of them needs on one rank.
#pragma once

#include <string>
#include <vector>

#include "trainer/plan/engine_plan.h"
#include "trainer/plan/memory_model.h"

namespace ropeway {

// One shape of a pass; `length` is the whole sequence's, without padding.
struct PlanPass {
  PassShape shape;
  int64_t length = 0;
};
// One for each length of the work, padded as the ranks share it.
std::vector<PlanPass> passes_of(const EnginePlan& plan);

// What the ranks share out that another would hold in whole: "gradients and optimizer state"; "" if that is
// the optimizer's state at most.
std::string shared_out(const EnginePlan& plan);

struct PlanMemory {
  MemoryParts parts;
  PlanPass pass;  // that needs them
};
// Of the pass that needs most.
PlanMemory plan_memory(const ModelConfig& config, const EnginePlan& plan);

}  // namespace ropeway
