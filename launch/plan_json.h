// A plan for other programs.
#pragma once

#include <string>

namespace ropeway {

struct PlanResult;

// {recipe, ranks, device, mesh, stages: [...], total, meshes: [...], searches: [...]}, indented; seconds are 0 where the
// device's rates are unknown.
std::string plan_json(const PlanResult& plan);

}  // namespace ropeway
