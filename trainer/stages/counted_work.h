// The work that the estimate of a run's time counts with (trainer/report/time_left.h), from the plan of its stages.
#pragma once

#include <vector>

#include "trainer/report/time_left.h"
#include "trainer/stages/stage_plan.h"

namespace ropeway {

// plans: one per stage of the recipe. On a device whose rates are known passes cost their seconds. On others, CPUs, they cost their FLOPs, of which those
// of attention count 0.4: long rows of scores run faster than products with narrow weights (measured on two cores,
// 256 to 16K tokens).
std::vector<StageWork> counted_work(const Recipe& recipe, const ModelConfig& config,
                                    const std::vector<StagePlan>& plans);

}  // namespace ropeway
