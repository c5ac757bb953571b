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

// Bytes of a checkpoint.
struct PerParameter {
  int64_t weight, master, moment;
  PerParameter(const TrainRecipe& train, DType dtype)
      : weight(bytes_of(dtype)),
        master(std::max<int64_t>(4, weight)),
        moment(train.moments == DType::kBF16 ? 2 : master) {}
  int64_t state() const { return master + 2 * moment; }
};

}  // namespace

ModelBytes model_bytes(const ModelConfig& config, DType dtype, const fs::path& base_model) {
  ModelBytes model{.parameters = config.num_parameters(), .dtype = dtype};
  if (base_model.empty()) return model;
  for (const auto& [name, content] : read_companion_files(base_model).files) {
    model.companions += static_cast<int64_t>(content.size());
  }
  return model;
}

int64_t bytes_of_copies(const TrainRecipe& train, const ModelBytes& model, int ranks, ZeroStage zero) {
  if (train.checkpoint_every.is_never()) return 0;
  const PerParameter of(train, model.dtype);
  // Masters of the weights' own type are the weights, which rank 0 copies once; but for those of stage 2.
  const bool in_weights = of.weight == of.master && zero != ZeroStage::kGradients;
  const int64_t share = (model.parameters + ranks - 1) / ranks;
  const int64_t copied = zero == ZeroStage::kWeights ? share : model.parameters;
  return copied * of.weight + share * (in_weights ? 2 * of.moment : of.state());
}

int64_t bytes_of_stage(const StageRecipe& stage, const ModelBytes& model) {
  if (!is_training(stage.kind())) return kSmallFiles;
  const TrainRecipe& train = stage.train();
  const PerParameter of(train, model.dtype);
  // Saves by the clock may be as many as there are steps.
  const Cadence& every = train.checkpoint_every;
  const int64_t saves = every.is_never() ? 1 : train.steps / std::max<int64_t>(1, every.steps) + 1;
  const int64_t for_good = train.keep_every > 0 ? std::min(saves, train.steps / train.keep_every) : 0;
  const int64_t checkpoints = std::min(train.keep_checkpoints + for_good, saves) + 1;
  const int64_t beside = model.companions + kSmallFiles;
  return checkpoints * (model.parameters * (of.weight + of.state()) + beside) + model.parameters * of.weight +
         beside;
}

int64_t bytes_still_needed(const fs::path& run_dir, const std::vector<StageToRun>& stages,
                           const ModelBytes& model) {
  int64_t bytes = 0;
  for (const auto& [stage, anew] : stages) {
    // Beside these two there may be what was moved aside, which takes its room for good.
    const fs::path folder = run_dir / "stages" / stage->name;
    const int64_t there = anew ? 0 : bytes_in(folder / "checkpoints") + bytes_in(folder / "model");
    bytes += std::max<int64_t>(0, bytes_of_stage(*stage, model) - there);
  }
  return bytes;
}

}  // namespace ropeway
