// ropeway inspect: what a model, checkpoint, run folder or safetensors file holds. Neither MPI nor a GPU.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_line.h"
#include "launch/verbs.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/io/checkpoint.h"
#include "trainer/io/checkpoint_manifest.h"
#include "trainer/io/factor_file.h"
#include "trainer/io/model_dir.h"
#include "trainer/io/strict_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHelp =
    R"(usage: ropeway inspect PATH

Prints what PATH holds: shapes, dtypes and number of parameters, and every factor
set with its history. PATH is a model folder, a run folder, a checkpoint
(.../step-N), a .safetensors file or a rope_factors.json.

examples:
  ropeway inspect models/tiny
  ropeway inspect runs/tiny_cpu/stages/tune_8x/checkpoints/step-000120
)";

std::string size_of(int64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 10'000'000'000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

std::string short_hash(const std::string& hash) { return hash.empty() ? "-" : hash.substr(0, 12); }

std::string describe_set(const FactorSet& set) {
  const auto [low, high] = std::minmax_element(set.factors.begin(), set.factors.end());
  std::string text = fmt::format(
      "  {}: for {} tokens ({:.4g}x of {}), {} factors from {:.6g} to {:.6g}, temperature {:.6g}, start "
      "tokens {}\n",
      set.name, format_length(set.max_length), set.scale(), format_length(set.original_length),
      set.factors.size(), *low, *high, set.attention_temperature, set.start_tokens);
  const FactorHistory& history = set.history;
  text += fmt::format("    made by {}{}{}\n", history.method.empty() ? "an unknown method" : history.method,
                      history.stage.empty() ? "" : ", stage " + history.stage,
                      history.parent.empty() ? "" : ", from " + history.parent);
  if (history.fitness != 0 || history.forward_equivalents != 0) {
    text += fmt::format("    loss {:.6g} nats a token, {:.4g} forward equivalents\n", history.fitness,
                        history.forward_equivalents);
  }
  text += fmt::format("    recipe {}  search {}  data {}\n", short_hash(history.recipe_sha256),
                      short_hash(history.search_sha256), short_hash(history.data_fingerprint));
  return text;
}

std::string describe_sets(const std::vector<FactorSet>& sets) {
  std::string text = fmt::format("factor sets: {}\n", sets.empty() ? "none" : std::to_string(sets.size()));
  for (const FactorSet& set : sets) text += describe_set(set);
  return text;
}

std::string describe_tensors(const std::vector<const SafetensorsFile*>& files) {
  std::string lines;
  int64_t count = 0, parameters = 0, bytes = 0;
  for (const SafetensorsFile* file : files) {
    for (const auto& [name, info] : file->tensors()) {
      int64_t elements = 1;
      for (const int64_t size : info.shape) elements *= size;
      lines += fmt::format("  {:<52} {:<5} [{}]\n", name, name_of(info.dtype), fmt::join(info.shape, ", "));
      ++count;
      parameters += elements;
      bytes += info.end - info.begin;
    }
  }
  return fmt::format("tensors: {}, {} parameters, {}\n{}", count, parameters, size_of(bytes), lines);
}

std::string describe_config(const ModelConfig& config) {
  return fmt::format(
      "  {}: {} layers, hidden {}, MLP {}, {} heads of {} ({} for keys and values), vocabulary {}{}\n"
      "  original window {}, RoPE base {:g}, {} rotary pairs\n",
      config.model_type, config.num_layers, config.hidden_size, config.intermediate_size, config.num_heads,
      config.head_dim, config.num_kv_heads, config.vocab_size,
      config.tie_word_embeddings ? ", tied head" : "", format_length(config.original_window),
      config.rope_theta, config.rotary_pairs());
}

std::string describe_model(const fs::path& path) {
  const ModelDir model = open_model_dir(path);
  std::vector<const SafetensorsFile*> files;
  for (const SafetensorsFile& shard : model.shards) files.push_back(&shard);
  return fmt::format("{}: model\n", path.string()) + describe_config(model.config) +
         describe_sets(model.sets) + describe_tensors(files);
}

std::string describe_checkpoint(const fs::path& path) {
  const CheckpointManifest manifest = read_verified_manifest(path, true);
  std::string text =
      fmt::format("{}: checkpoint of step {}, written by {} rank{}, all hashes right\n", path.string(),
                  manifest.step, manifest.world_size, manifest.world_size == 1 ? "" : "s");
  text += fmt::format("  id {}  recipe {}  optimizer elements {}\n", manifest.uuid,
                      short_hash(manifest.recipe_sha256), manifest.optimizer_total);
  for (const CheckpointFile& file : manifest.files) {
    text += fmt::format("  {:<40} {:>12}  {}\n", file.name, size_of(file.bytes), short_hash(file.sha256));
  }
  const JsonValue state = read_strict_json(path / "state.json");
  if (const auto stage = state.find("stage")) text += fmt::format("stage: {}\n", stage->string());
  if (const auto sets = state.find("factor_sets")) {
    text += describe_sets(factor_sets_from_json(sets->string(), (path / "state.json").string()));
  }
  const SafetensorsFile weights = SafetensorsFile::open(path / "weights.safetensors");
  return text + describe_tensors({&weights});
}

std::string describe_run(const fs::path& path) {
  const RecipeResult result = parse_recipe(path / "recipe.yaml");
  if (!result.errors.empty()) fail(ErrorKind::kBadData, "{}", fmt::join(result.errors, "\n"));
  std::string text = fmt::format("{}: run of the recipe {}\n", path.string(), result.recipe.name);
  for (const StageRecipe& stage : result.recipe.stages) {
    const fs::path folder = path / "stages" / stage.name;
    const bool done = fs::exists(folder / "done.json");
    const auto steps = fs::exists(folder / "checkpoints") ? list_checkpoints(folder / "checkpoints")
                                                          : std::vector<int64_t>{};
    text += fmt::format(
        "  {:<20} {:<9} {}{}\n", stage.name, name_of(stage.kind), done ? "finished" : "not finished",
        steps.empty() ? "" : fmt::format(", checkpoints of steps {}", fmt::join(steps, ", ")));
  }
  return fs::exists(path / "model") ? text + describe_model(path / "model") : text + "  no model yet\n";
}

std::string describe_path(const fs::path& path) {
  if (!fs::exists(path)) fail(ErrorKind::kMissingInput, "{}: is not there", path.string());
  if (path.extension() == ".safetensors") {
    const SafetensorsFile file = SafetensorsFile::open(path);
    return fmt::format("{}: safetensors\n", path.string()) + describe_tensors({&file});
  }
  if (path.extension() == ".json") {
    return fmt::format("{}: factor sets\n", path.string()) + describe_sets(read_factor_file(path));
  }
  if (fs::exists(path / "manifest.json")) return describe_checkpoint(path);
  return fs::exists(path / "recipe.yaml") && fs::is_directory(path / "stages") ? describe_run(path)
                                                                               : describe_model(path);
}

}  // namespace

void inspect_verb(const Arguments& arguments, bool prints) {
  const CommandLine line{kHelp, "PATH", {}};
  boost::program_options::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  const std::string text = run ? describe_path(values["PATH"].as<std::string>()) : line.help;
  if (prints) std::cout << text;
}

}  // namespace ropeway
