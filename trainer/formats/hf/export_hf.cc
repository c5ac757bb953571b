#include "trainer/formats/hf/export_hf.h"

#include <algorithm>
#include <map>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/files/fault_point.h"
#include "trainer/files/files.h"
#include "trainer/files/staged_folder.h"
#include "trainer/formats/hf/companion_files.h"
#include "trainer/formats/hf/file_transfer.h"
#include "trainer/formats/hf/hf_config_edit.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

bool is_extended(const ModelDir& model) {
  return std::any_of(model.sets.begin(), model.sets.end(),
                     [&](const FactorSet& set) { return set.max_length > model.config.original_window; });
}

void write_small_files(const HfExport& what, size_t deployment, const fs::path& folder) {
  const ExportFactors& factors = what.deployments[deployment];
  std::map<std::string, std::string> files;
  if (!what.base.empty()) files = read_companion_files(what.base).files;
  if (!what.cards.empty()) {
    set_base_card_apart(files);
    files["README.md"] = what.cards.at(deployment);
  }
  for (const auto& [name, content] : what.files) files[name] = content;
  for (const auto& [name, content] : files) write_file_atomically(folder / name, content);
  write_factor_file(folder / "rope_factors.json", what.model.sets, what.model.weights);
  ModelConfig config = what.model.config;
  // The length of the extended model is not that of the original RoPE.
  if (!factors.long_set && is_extended(what.model)) config.max_position_embeddings = 0;
  const ConfigInForce in_force{.long_set = factors.long_set ? &*factors.long_set : nullptr,
                               .short_set = &factors.short_set,
                               .dtype = what.dtype.value_or(what.model.dtype())};
  write_file_atomically(folder / "config.json", config_json_over(what.base, config, in_force));
}

}  // namespace

std::vector<fs::path> export_hf(const HfExport& what, const fs::path& target) {
  require_replaceable_model(target, what.replace);
  require_apart(what.model.path, target);
  const auto weights = weight_streams(what.model, what.dtype);
  StagedFolder staged(target, bytes_of_all(weights), what.replace);
  std::vector<fs::path> names;  // of the directories below the target; "": the target itself
  for (const ExportFactors& factors : what.deployments) {
    names.emplace_back(what.deployments.size() == 1 ? "" : format_length(factors.max_length));
  }
  const fs::path first = staged.path() / names.front();
  for (size_t i = 0; i < names.size(); ++i) {
    const fs::path folder = staged.path() / names[i];
    fs::create_directories(folder);
    write_small_files(what, i, folder);
    if (i == 0) {
      write_weight_shards(folder, weights, what.max_shard_bytes);
      fault_point("export.weights_written");
      verify_weights(open_model_dir(folder), weights);
    } else {
      const bool all_linked =
          transfer_weights(open_model_dir(first), folder, Transfer::kHardLink).copied == 0;
      const ModelDir written = open_model_dir(folder);
      if (!all_linked) verify_weights(written, weights);
    }
    fsync_path(folder);
  }
  fault_point("export.verified");
  staged.publish();
  std::vector<fs::path> folders;
  for (const fs::path& name : names) folders.push_back(name.empty() ? target : target / name);
  return folders;
}

std::vector<fs::path> export_folders(const fs::path& path) {
  std::vector<fs::path> folders;
  if (!fs::is_directory(path) || fs::exists(path / "config.json")) return folders;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (!fs::exists(entry.path() / "config.json")) return {};
    folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace ropeway
