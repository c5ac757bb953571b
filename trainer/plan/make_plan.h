// From what is asked for to an EnginePlan.
#pragma once

#include <optional>

#include "kernels/base/dtype.h"
#include "parallel/layout/placement.h"
#include "trainer/plan/engine_plan.h"

namespace ropeway {

struct EvaluateRecipe;
struct Recipe;
class StageRecipe;
struct TrainRecipe;

// What is asked for, by a stage of a recipe or by a command line. An empty option is decided by the memory
// there is.
struct PlanRequest {
  Workload work;
  DType dtype = DType::kF32;
  MeshShape mesh = {};
  Placement placement = Placement::kZigzag;
  std::optional<int> head_groups = {};
  bool save_attention = true;
  bool narrow_moments = false;
  // Of the longest sequence that is generated behind, whose keys and values take memory beside the passes;
  // and whether keys are kept before RoPE as well (plan/key_cache_memory.h).
  int64_t cached_length = 0;
  bool cache_unrotated = false;
  std::optional<ZeroStage> zero = {};
  std::optional<bool> offload = {};
  std::optional<int64_t> keep_bytes = {}, tile_tokens = {}, loss_tile_tokens = {};
};
// mesh: of the job; the recipe's may leave its size to it.
PlanRequest plan_request(const Recipe& recipe, const StageRecipe& stage, const MeshShape& mesh);

Workload workload_of(const TrainRecipe& train);
Workload workload_of(const EvaluateRecipe& evaluate);
Workload workload_of(const StageRecipe& stage);

// Bytes per rank of those keys and values.
int64_t key_cache_bytes(const ModelConfig& config, const PlanRequest& request);

struct DeviceMemory {
  bool cuda = false;
  int64_t bytes = 0;  // that a rank may take; 0: unknown
};
// Passes have what keys and values leave of the memory. What is left open: the device holds activations
// unless only host memory makes the work fit; tiles are the largest powers of two with which it fits; what is
// kept for backward is what is left then of nine tenths of the memory. Without a GPU, or where its memory is
// unknown, they are on the device, 2048 and 1024 tokens, and 1 GiB. The same on all ranks that bring the same
// `device`.
EnginePlan make_engine_plan(const ModelConfig& config, const PlanRequest& request,
                            const DeviceMemory& device);

}  // namespace ropeway
