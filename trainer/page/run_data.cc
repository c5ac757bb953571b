#include "trainer/page/run_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/files/files.h"
#include "trainer/files/json_fault.h"
#include "trainer/rope/factor_file.h"

namespace ropeway::page {
namespace {

namespace fs = std::filesystem;

// A part that may be damaged without costing the others.
template <typename Read>
void try_to(RunData& run, const fs::path& file, Read read) {
  try {
    read();
  } catch (const nlohmann::json::exception& error) {
    run.left_out.push_back(
        fmt::format("{}: not as this program writes it: {}", file.string(), json_fault(error)));
  } catch (const std::exception& error) {
    run.left_out.emplace_back(error.what());
  }
}

PageStage stage_of(const StageRecipe& stage) {
  PageStage result{.name = stage.name,
                   .kind = std::string(word_of(stage.kind())),
                   .from = stage.from,
                   .makes = stage.makes,
                   .lengths = lengths_of(stage),
                   .numbers = {}};
  if (stage.kind() == StageKind::kEvaluate) result.from = result.makes = "";
  return result;
}

void read_recipe(RunData& run) {
  const RecipeResult parsed = parse_recipe(run.folder / "recipe.yaml");
  if (!parsed.errors.empty()) fail(ErrorKind::kBadData, "{}", parsed.errors.front());
  run.name = parsed.recipe.name;
  run.base = parsed.recipe.model.path;
  for (const StageRecipe& stage : parsed.recipe.stages) run.stages.push_back(stage_of(stage));
}

void take_records(RunData& run) {
  for (const StageRecord& record : run.report.stages) {
    auto stage = std::ranges::find(run.stages, record.name, &PageStage::name);
    if (stage == run.stages.end()) {
      run.stages.push_back({.name = record.name, .kind = record.kind, .numbers = {}});
      stage = run.stages.end() - 1;
    }
    stage->finished = true;
    stage->seconds = record.seconds;
    stage->started = record.started;
    stage->ranks = record.ranks;
    stage->numbers = record.numbers;
  }
}

void read_environment(RunData& run) {
  const auto environment = nlohmann::ordered_json::parse(read_text_file(run.folder / "environment.json"));
  for (const auto& [name, value] : environment.items()) {
    if (value.is_string()) run.environment.emplace_back(name, value.get<std::string>());
  }
}

// The newest model's sets, and those of stages that have made no model of their own yet.
void read_sets(RunData& run) {
  const fs::path newest = run.folder / "model" / "rope_factors.json";
  if (fs::exists(newest)) run.sets = read_factor_file(newest).sets;
  for (const PageStage& stage : run.stages) {
    const fs::path found = run.folder / "stages" / stage.name / "factors.json";
    if (!fs::exists(found)) continue;
    for (const FactorSet& set : read_factor_file(found).sets) {
      if (find_factor_set(run.sets, set.name) == nullptr) run.sets.push_back(set);
    }
  }
}

}  // namespace

bool RunData::finished() const {
  return !stages.empty() && std::ranges::all_of(stages, &PageStage::finished);
}

RunData read_run_data(const fs::path& folder) {
  if (!fs::is_regular_file(folder / "recipe.yaml") || !fs::is_directory(folder / "stages")) {
    fail(ErrorKind::kMissingInput, "{}: found no run there (wanted recipe.yaml and stages/)",
         folder.string());
  }
  RunData run;
  run.folder = folder;
  run.name = fs::absolute(folder).lexically_normal().filename().string();
  run.recipe = read_text_file(folder / "recipe.yaml");
  // The file may not be there (yet).
  const auto part = [&](const fs::path& name, auto read) {
    const fs::path file = folder / name;
    if (fs::exists(file)) try_to(run, file, [&] { read(file); });
  };
  part("recipe.yaml", [&](const fs::path&) { read_recipe(run); });
  part("report.json", [&](const fs::path& file) { run.report = read_report(file); });
  take_records(run);
  part("metrics.jsonl", [&](const fs::path& file) { run.metrics = read_metrics(file); });
  part("stages", [&](const fs::path&) { read_sets(run); });
  part("environment.json", [&](const fs::path&) { read_environment(run); });
  for (const PageStage& stage : run.stages) {
    const fs::path of_stage = fs::path("stages") / stage.name;
    part(of_stage / "search.jsonl",
         [&](const fs::path& file) { run.searches.push_back(read_search_trace(file, stage.name)); });
    part(of_stage / "figures.json",
         [&](const fs::path& file) { read_depth_shares(file, stage.name, run.depths); });
  }
  part("samples", [&](const fs::path& file) { run.samples = read_samples(file); });
  return run;
}

}  // namespace ropeway::page
