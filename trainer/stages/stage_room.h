// The room on disk that a run's stages take: counted before the first one, and again before each; and the room in
// memory that writing checkpoints takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/plan/engine_plan.h"

namespace ropeway {

struct ModelConfig;
class StageRecipe;
struct TrainRecipe;

struct ModelBytes {
  int64_t parameters = 0;
  DType dtype = DType::kF32;  // of the weights
  int64_t companions = 0;     // bytes of tokenizer and other files that go with every model and checkpoint
};

// base_model: where the small files come from; may be empty.
ModelBytes model_bytes(const ModelConfig& config, DType dtype, const std::filesystem::path& base_model);

// Of a training stage at its fullest: the checkpoints it keeps, one more in the making, and its model. A
// search or an evaluation writes little. The published model costs nothing: it is linked.
int64_t bytes_of_stage(const StageRecipe& stage, const ModelBytes& model);

// Host memory of rank 0 that checkpoints are copied to, to be written while training goes on: weights, and its share
// of masters and moments. Other ranks need the share alone.
int64_t bytes_of_copies(const TrainRecipe& train, const ModelBytes& model, int ranks,
                        ZeroStage zero = ZeroStage::kOptimizerState);

struct StageToRun {
  const StageRecipe* recipe = nullptr;
  bool anew = false;  // what is in its folder is moved aside first, and stays on the disk
};
// What `stages` will still write, less what is in their folders below `run_dir` already.
int64_t bytes_still_needed(const std::filesystem::path& run_dir, const std::vector<StageToRun>& stages,
                           const ModelBytes& model);

}  // namespace ropeway
