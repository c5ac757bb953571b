// What would make a stage need less memory, with the figure each change leads to.
#pragma once

#include <string>
#include <vector>

#include "trainer/cost/stage_memory.h"

namespace ropeway {

struct MemoryQuestion {
  const Recipe& recipe;
  const StageRecipe& stage;
  const ModelConfig& config;
  MeshShape mesh;
  MemoryOptions options;
  int64_t limit = 0;  // bytes a rank may take
};

// Up to three, those that fit first: "8 sequence ranks (mesh.sequence: 8): 17.2 GiB a rank".
std::vector<std::string> suggestions(const MemoryQuestion& question);

// "weights 14.9 GiB, gradients 29.8 GiB, ...": parts of a percent and more of the total, the largest first.
std::string parts_text(const MemoryParts& parts);

}  // namespace ropeway
