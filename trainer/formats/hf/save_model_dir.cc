#include "trainer/formats/hf/save_model_dir.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/files/files.h"
#include "trainer/files/staged_folder.h"
#include "trainer/formats/hf/companion_files.h"
#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/file_transfer.h"
#include "trainer/formats/hf/hf_config_edit.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/weight_check.h"
#include "trainer/formats/hf/weight_shards.h"
#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/rope/auto_factors.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// The set that config.json shows to other programs; null for the original RoPE.
const FactorSet* set_in_force(const std::vector<FactorSet>& sets, const SaveModelOptions& options) {
  if (!options.in_force.empty()) {
    const FactorSet* set = find_factor_set(sets, options.in_force);
    ROPEWAY_CHECK(set != nullptr, "no factor set '{}' to put in force", options.in_force);
    return set;
  }
  const FactorSet* longest = nullptr;
  for (const FactorSet& set : sets) {
    if (!is_for_weights(set, options.weights_name)) continue;
    if (longest == nullptr || set.max_length >= longest->max_length) longest = &set;
  }
  return longest;
}

std::string config_text(const ModelConfig& config, const std::vector<FactorSet>& sets, DType dtype,
                        const SaveModelOptions& options) {
  const FactorSet* long_set = set_in_force(sets, options);
  const FactorSet identity = computed_factor_set("none", config.rope_geometry(), config.original_window);
  const FactorSet short_set =
      auto_factor_set(sets, options.weights_name, config.rope_geometry(), config.original_window);
  ConfigInForce in_force{.long_set = long_set, .short_set = &short_set, .dtype = dtype};
  const bool original_rope =
      long_set == nullptr || (long_set->max_length <= config.original_window &&
                              long_set->factors == identity.factors && long_set->attention_temperature == 1);
  if (original_rope) {
    in_force.long_set = nullptr;
  } else if (!is_exportable(*long_set, config) || !is_exportable(short_set, config)) {
    // Days of work must not end in an error: this program reads the whole model, others read it with plain
    // RoPE.
    log_warning(
        "factor set '{}' has start tokens or factors per layer, which config.json cannot hold: it describes "
        "the original RoPE; rope_factors.json has the sets",
        long_set->name);
    in_force.long_set = nullptr;
  }
  return config_json_over(options.copy_small_files_from, config, in_force);
}

// Everything but the weights, without the final name: what cannot be read back must not get it.
ModelDir complete_model_dir(StagedFolder& folder, const ModelConfig& config,
                            const std::vector<FactorSet>& sets, DType dtype,
                            const SaveModelOptions& options) {
  for (const auto& [name, content] : model_files(config, sets, dtype, options)) {
    write_file_atomically(folder.path() / name, content);
  }
  return open_model_dir(folder.path());
}

void check_sets(const std::vector<FactorSet>& sets, const ModelConfig& config, const fs::path& path) {
  for (const FactorSet& set : sets)
    check_factor_set(set, config.rotary_pairs(), config.num_layers, path.string());
}

}  // namespace

std::map<std::string, std::string> model_files(const ModelConfig& config, const std::vector<FactorSet>& sets,
                                               DType dtype, const SaveModelOptions& options) {
  std::map<std::string, std::string> files;
  if (!options.copy_small_files_from.empty())
    files = read_companion_files(options.copy_small_files_from).files;
  set_base_card_apart(files);
  for (const auto& [name, content] : options.files) files[name] = content;
  files["rope_factors.json"] = factor_sets_to_json(sets, options.weights_name);
  files["config.json"] = config_text(config, sets, dtype, options);
  return files;
}

void save_model_dir(const fs::path& path, const ModelConfig& config, const std::vector<FactorSet>& sets,
                    const std::vector<TensorToWrite>& weights, const SaveModelOptions& options) {
  std::map<std::string, FoundTensor> found;
  for (const TensorToWrite& tensor : weights) {
    found.emplace(tensor.name, FoundTensor{tensor.dtype, tensor.shape});
  }
  check_weights(found, config, path.string() + " (to write)");
  check_sets(sets, config, path);
  StagedFolder folder(path, bytes_of_all(weights), options.replace);
  write_safetensors(folder.path() / "model.safetensors", weights);
  complete_model_dir(folder, config, sets, weights.front().dtype, options);
  folder.publish();
}

void save_model_dir(const fs::path& path, const ModelConfig& config, const std::vector<FactorSet>& sets,
                    const ModelDir& weights, const SaveModelOptions& options) {
  check_sets(sets, config, path);
  StagedFolder folder(path, bytes_to_transfer(weights, Transfer::kHardLink), options.replace);
  transfer_weights(weights, folder.path(), Transfer::kHardLink);
  complete_model_dir(folder, config, sets, weights.dtype(), options);
  folder.publish();
}

void stream_model_dir(const fs::path& path, const StreamedModel& model, bool replace) {
  check_sets(model.sets, model.config, path);
  require_replaceable_model(path, replace);
  StagedFolder folder(path, bytes_of_all(model.weights), replace);
  write_weight_shards(folder.path(), model.weights);
  if (model.accept) model.accept();
  for (const auto& [name, content] : model.files) write_file_atomically(folder.path() / name, content);
  const ModelDir written =
      complete_model_dir(folder, model.config, model.sets, model.weights.front().dtype,
                         {.copy_small_files_from = {}, .in_force = "", .weights_name = model.weights_name});
  verify_weights(written, model.weights);
  folder.publish();
}

}  // namespace ropeway
