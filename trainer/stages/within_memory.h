// Memory around a stage: its engine is set up for it and taken down after it, what it took is told by part,
// and an allocation that fails becomes an OutOfMemory of the stage's plan.
#pragma once

#include <functional>

#include "trainer/stages/stages.h"

namespace ropeway {

// run() does the stage's work. The numbers it returns, and memory_bytes_<part> where it does not tell them
// itself, as training does for its own steps.
StageNumbers within_memory(RunState& state, const StageRecipe& stage,
                           const std::function<StageNumbers()>& run);

}  // namespace ropeway
