// What would make a stage need less memory, with the figure each change leads to.
#pragma once

#include <string>
#include <vector>

#include "trainer/plan/stage_memory.h"

namespace ropeway {

struct MemoryQuestion {
  const Recipe& recipe;
  const StageRecipe& stage;
  const ModelConfig& config;
  MeshShape mesh;
  MemoryOptions options;
  int64_t limit = 0;  // bytes a rank may take
  // What changes are named as: keys of a recipe or options of `ropeway evaluate`.
  enum class Form { kRecipe, kEvaluate } form = Form::kRecipe;
};

// Up to three, those that fit first: "8 sequence ranks (mesh.sequence: 8): 17.2 GiB a rank".
std::vector<std::string> suggestions(const MemoryQuestion& question);

// The message about an allocation that failed with `cause`: "stage tune: out of memory (...); it needs about
// 31.2 GiB a rank: weights ..." and a line for each suggestion. How much there is nobody knows by then.
std::string out_of_memory_text(const std::string& who, const std::string& cause, MemoryQuestion question);

// "weights 14.9 GiB, gradients 29.8 GiB, ...": parts of a percent and more of the total, the largest first.
std::string parts_text(const MemoryParts& parts);

}  // namespace ropeway
