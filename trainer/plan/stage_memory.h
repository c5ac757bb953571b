// The passes a stage of a recipe makes, and what the largest of them needs on one rank.
#pragma once

#include "parallel/comm/mesh.h"
#include "trainer/config/recipe.h"
#include "trainer/plan/memory_model.h"

namespace ropeway {

// One shape of a pass; `length` is the whole sequence's.
struct StagePass {
  PassShape shape;
  int64_t length = 0;
};
// cuda: chunks of sequences are padded for GPUs (parallel/layout/placement.h).
std::vector<StagePass> passes_of(const StageRecipe& stage, const MeshShape& mesh, bool cuda);

struct StageMemory {
  MemoryParts parts;
  StagePass pass;  // that needs them
};
StageMemory stage_memory(const ModelConfig& config, const StageRecipe& stage, const MeshShape& mesh,
                         const MemoryOptions& options);

// The recipe's engine, with what it leaves open decided by a rank's memory: `activations: auto` is the device
// unless only host memory makes the stage fit; `tile_tokens: auto` and `loss_tile_tokens: auto` are the
// largest power of two with which it fits; `keep_bytes: auto` is what is left then of nine tenths of the
// memory. Without a GPU, or where its memory is unknown, they are `device`, 2048, 1024 and 1 GiB. The same on
// all ranks that bring the same `bytes`.
struct DeviceMemory {
  bool cuda = false;
  int64_t bytes = 0;  // that a rank may take; 0: unknown
};
MemoryOptions memory_options(const Recipe& recipe, const ModelConfig& config, const StageRecipe& stage,
                             const MeshShape& mesh, const DeviceMemory& device);

}  // namespace ropeway
