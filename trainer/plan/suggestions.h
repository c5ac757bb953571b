// What would make a plan need less memory, each change with the figures it leads to. As data: launch/ knows
// how a user makes the change.
#pragma once

#include <string>
#include <vector>

#include "trainer/plan/plan_memory.h"

namespace ropeway {

// What can be changed, in the order in which it is offered.
enum class Knob {
  kOffload,
  kDtype,          // the next narrower type
  kMoments,        // of the optimizer in BF16
  kZero,           // weights shared out among the ranks
  kSequenceRanks,  // more of them for each sequence
  kKeepBytes,      // nothing kept that can be computed again
  kTiles,
  kSaveAttention,    // computed again instead
  kSharedSequences,  // all ranks share each sequence: one row
  kLength,
  kHostMemory,  // off the GPU
};

struct Suggestion {
  Knob knob;
  EnginePlan plan;      // with the change
  MemoryParts parts;    // that it needs on one rank
  int64_t saved = 0;    // bytes that it needs less; of kHostMemory: of the GPU's
  bool enough = false;  // it fits then, without another change
};

struct MemoryQuestion {
  const ModelConfig& config;
  const EnginePlan& plan;
  int64_t limit = 0;        // bytes a rank may take
  std::vector<Knob> knobs;  // that the user has
};

// Those of a recipe: all but the device, whose choice is not one between two numbers.
std::vector<Knob> recipe_knobs();

// Up to three, those that are enough first. What saves less than a twentieth is not worth a line.
std::vector<Suggestion> suggestions(const MemoryQuestion& question);

}  // namespace ropeway
