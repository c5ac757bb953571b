// ropeway inspect: what a model, checkpoint, run folder, safetensors or GGUF file holds. Neither MPI nor a GPU.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/describe_gguf.h"
#include "launch/describe_model.h"
#include "launch/describe_stage.h"
#include "launch/export_text.h"
#include "launch/verbs.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_file.h"
#include "trainer/search/verdict.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

std::string describe_checkpoint(const fs::path& path, bool lists_tensors) {
  const CheckpointManifest manifest = read_verified_manifest(path, true);
  std::string text =
      fmt::format("{}: checkpoint of step {}, written by {} rank{}, all hashes right\n", path.string(),
                  manifest.step, manifest.world_size, manifest.world_size == 1 ? "" : "s");
  text += fmt::format("  id {}  recipe {}  optimizer elements {}\n", manifest.uuid,
                      short_hash(manifest.recipe_sha256), manifest.optimizer_total);
  for (const CheckpointFile& file : manifest.files) {
    text += fmt::format("  {:<40} {:>12}  {}\n", file.name, size_text(file.bytes), short_hash(file.sha256));
  }
  const JsonValue state = read_strict_json(path / "state.json");
  if (const auto stage = state.find("stage")) text += fmt::format("stage: {}\n", stage->string());
  if (const auto sets = state.find("factor_sets")) {
    text += describe_sets(factor_sets_from_json(sets->string(), (path / "state.json").string()).sets);
  }
  const SafetensorsFile weights = SafetensorsFile::open(path / "weights.safetensors");
  return text + describe_tensors({&weights}, lists_tensors);
}

std::string describe_run(const fs::path& path, bool lists_tensors) {
  const RecipeResult result = parse_recipe(path / "recipe.yaml");
  if (!result.errors.empty()) fail(ErrorKind::kBadData, "{}", fmt::join(result.errors, "\n"));
  std::string text = fmt::format("{}: run of the recipe {}\n", path.string(), result.recipe.name);
  for (const StageRecipe& stage : result.recipe.stages) {
    const fs::path folder = path / "stages" / stage.name;
    const bool done = fs::exists(folder / "done.json");
    const auto steps = fs::exists(folder / "checkpoints") ? list_checkpoints(folder / "checkpoints")
                                                          : std::vector<int64_t>{};
    text += fmt::format(
        "  {:<20} {:<9} {}{}\n", stage.name, word_of(stage.kind()), done ? "finished" : "not finished",
        steps.empty() ? "" : fmt::format(", checkpoints of steps {}", fmt::join(steps, ", ")));
    if (fs::exists(folder / kVerdictFile)) {
      text += fmt::format("    verdict: {}\n", read_text_file(folder / kVerdictFile));
    }
  }
  return fs::exists(path / "model") ? text + describe_model(path / "model", lists_tensors)
                                    : text + "  no model yet\n";
}

std::string describe_path(const fs::path& path, bool lists_tensors) {
  if (!fs::exists(path)) fail(ErrorKind::kMissingInput, "{}: is not there", path.string());
  if (path.extension() == ".safetensors") {
    const SafetensorsFile file = SafetensorsFile::open(path);
    return fmt::format("{}: safetensors\n", path.string()) + describe_tensors({&file}, lists_tensors);
  }
  if (path.extension() == ".gguf") return describe_gguf(path, lists_tensors);
  if (path.extension() == ".json") {
    const FactorFile file = read_factor_file(path);
    return fmt::format("{}: factor sets\n", path.string()) + describe_sets(file.sets, file.weights);
  }
  if (fs::exists(path / "manifest.json")) return describe_checkpoint(path, lists_tensors);
  if (is_stage_folder(path)) return describe_stage(path);
  if (fs::exists(path / "recipe.yaml") && fs::is_directory(path / "stages"))
    return describe_run(path, lists_tensors);
  const std::vector<fs::path> deployments = export_folders(path);
  return deployments.empty() ? describe_model(path, lists_tensors) : describe_deployments(path, deployments);
}

}  // namespace

CommandPage inspect_page() {
  return {.usage = "PATH [--tensors]",
          .about =
              "Prints what PATH holds: shape, types and number of parameters, and every factor set\n"
              "with its history and a plot. PATH is a model folder, an export, a run, a stage of a\n"
              "run (RUN/stages/NAME), a checkpoint (.../step-N), a .safetensors or .gguf file, or a\n"
              "rope_factors.json.\n",
          .options = {row(Option::flag("tensors"), "also every tensor, and all metadata of a .gguf file")},
          .examples =
              "ropeway inspect models/tiny\n"
              "ropeway inspect runs/tiny_cpu/stages/tune_8x/checkpoints/step-000120\n",
          .positional = "PATH"};
}

void inspect_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("inspect", inspect_page());
  boost::program_options::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  const std::string text =
      run ? describe_path(values["PATH"].as<std::string>(), values["tensors"].as<bool>()) : line.help;
  if (prints) std::cout << text;
}

}  // namespace ropeway
