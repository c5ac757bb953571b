// Where the values of a recipe come from.
#pragma once

#include <string>

namespace ropeway {

struct Recipe;

// Of the value at a path ("mesh.data", "stages[1].steps"): "mine.yaml:12", the override as it was given,
// "default", "derived from name", or "mine.yaml:12, environment: STEPS".
std::string origin_of(const Recipe& recipe, const std::string& path);

}  // namespace ropeway
