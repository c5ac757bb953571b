// A plan as a person reads it: a table of stages, what would make it fit, the ways to share the ranks out and to search.
#pragma once

#include <string>

namespace ropeway {

struct PlanResult;

// details: also the passes of every stage and the parts of its memory.
std::string plan_text(const PlanResult& plan, bool details);

std::string seconds_text(double seconds);  // "3.64 min", "2.02 days"; "" for 0

}  // namespace ropeway
