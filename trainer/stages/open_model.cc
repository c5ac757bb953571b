#include "trainer/stages/open_model.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/files/files.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpointWeights = "weights.safetensors";

// A checkpoint of a version that kept no config.json with it, <run_dir>/stages/<name>/checkpoints/step-N: its
// model is that of the run's recipe, and it opens in its run only.
OpenedModel open_in_run(const fs::path& path) {
  const fs::path run_dir =
      fs::absolute(path).lexically_normal().parent_path().parent_path().parent_path().parent_path();
  if (!fs::exists(run_dir / "recipe.yaml")) {
    fail(ErrorKind::kMissingInput,
         "{}: a checkpoint without config.json, and not inside its run directory: no {}", path.string(),
         (run_dir / "recipe.yaml").string());
  }
  const RecipeResult parsed = parse_recipe(run_dir / "recipe.yaml");
  if (!parsed.errors.empty()) fail(ErrorKind::kBadData, "{}", parsed.errors.front());
  const ModelRecipe& model = parsed.recipe.model;

  OpenedModel opened;
  if (!model.has_architecture) {
    opened.tokenizer_folder = model.path;
    ModelDir base = open_model_dir(model.path);
    opened.dir.config = base.config;
    apply_recipe(model, opened.dir.config);
    opened.dir.sets = base.sets;
  } else {
    opened.dir.config = config_of(model.architecture);
  }
  opened.dir.path = path;
  opened.dir.shards.push_back(SafetensorsFile::open(path / kCheckpointWeights));
  const auto state = nlohmann::json::parse(read_text_file(path / "state.json"), nullptr, false);
  if (!state.is_object() || !state.contains("factor_sets") || !state["factor_sets"].is_string()) {
    fail(ErrorKind::kBadData, "{}: no factor_sets in it", (path / "state.json").string());
  }
  const FactorFile trained = factor_sets_from_json(state["factor_sets"], (path / "state.json").string());
  for (const FactorSet& set : trained.sets) {
    if (find_factor_set(opened.dir.sets, set.name) == nullptr && set.name != kOriginalRope)
      opened.dir.sets.push_back(set);
  }
  return opened;
}

OpenedModel open_checkpoint(const fs::path& path) {
  if (!fs::exists(path / "config.json")) return open_in_run(path);
  return {open_model_dir(path, kCheckpointWeights), path};
}

}  // namespace

OpenedModel open_model_or_checkpoint(const fs::path& path) {
  if (fs::exists(path / "manifest.json") && fs::exists(path / kCheckpointWeights))
    return open_checkpoint(path);
  const bool is_run = !fs::exists(path / "config.json") && fs::exists(path / "model" / "config.json");
  const fs::path folder = is_run ? path / "model" : path;
  const std::vector<fs::path> exported = is_run ? std::vector<fs::path>{} : export_folders(path);
  if (!exported.empty()) {
    fail(ErrorKind::kMissingInput, "{}: an export with a directory for each window: name one, such as {}",
         path.string(), exported.front().string());
  }
  return {open_model_dir(folder), folder};
}

OpenedModel open_verified(const fs::path& path, Communicator& world) {
  std::optional<OpenedModel> opened;
  run_on_rank(world, 0, [&] {
    if (fs::exists(path / "manifest.json")) read_verified_manifest(path, true);
    opened =
        open_model_or_checkpoint(path);  // what is refused costs its memory once per job, not once per rank
  });
  return opened ? std::move(*opened) : open_model_or_checkpoint(path);
}

std::unique_ptr<Tokenizer> tokenizer_of(const OpenedModel& model) {
  auto tokenizer =
      model.tokenizer_folder.empty() ? make_byte_tokenizer() : load_tokenizer(model.tokenizer_folder);
  require_tokenizer_fits(*tokenizer, model.dir.config.vocab_size, model.dir.path.string());
  return tokenizer;
}

}  // namespace ropeway
