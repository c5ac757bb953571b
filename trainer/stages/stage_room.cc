#include "trainer/stages/stage_room.h"

#include <algorithm>

#include "trainer/config/stage_recipe.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/hf/companion_files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// config.json, manifest and factor sets of one folder; logs of a stage.
constexpr int64_t kSmallFiles = 16 << 10;

// Of the files in the folder; 0 when it is not there.
int64_t bytes_in(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) bytes += static_cast<int64_t>(entry->file_size(gone));
  }
  return bytes;
}

}  // namespace

ModelBytes model_bytes(const ModelConfig& config, DType dtype, const fs::path& base_model) {
  ModelBytes model{.parameters = config.num_parameters(), .dtype = dtype};
  if (base_model.empty()) return model;
  for (const auto& [name, content] : read_companion_files(base_model).files) {
    model.companions += static_cast<int64_t>(content.size());
  }
  return model;
}

int64_t bytes_of_stage(const StageRecipe& stage, const ModelBytes& model) {
  if (!is_training(stage.kind())) return kSmallFiles;
  const TrainRecipe& train = stage.train();
  const int64_t weight = bytes_of(model.dtype), master = std::max<int64_t>(4, weight),
                moment = train.moments == DType::kBF16 ? 2 : master;
  const int64_t saves = train.checkpoint_every > 0 ? train.steps / train.checkpoint_every + 1 : 1;
  const int64_t checkpoints = std::min(train.keep_checkpoints, saves) + 1;
  const int64_t beside = model.companions + kSmallFiles;
  return checkpoints * (model.parameters * (weight + master + 2 * moment) + beside) +
         model.parameters * weight + beside;
}

int64_t bytes_still_needed(const fs::path& run_dir, const std::vector<const StageRecipe*>& stages,
                           const ModelBytes& model) {
  int64_t bytes = 0;
  for (const StageRecipe* stage : stages) {
    bytes += std::max<int64_t>(0, bytes_of_stage(*stage, model) - bytes_in(run_dir / "stages" / stage->name));
  }
  return bytes;
}

}  // namespace ropeway
