// A training step as metrics.jsonl and TensorBoard have it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trainer/report/reporter.h"

namespace ropeway {

nlohmann::ordered_json to_json(const StepRecord& record);
// By tag: torchtitan's names, behind the stage; beside them what it has no name for.
std::vector<std::pair<std::string, double>> step_scalars(const StepRecord& record);

}  // namespace ropeway
