#include "trainer/page/run_data.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/files/files.h"
#include "trainer/rope/factor_file.h"

namespace ropeway::page {
namespace {

namespace fs = std::filesystem;

// Of a part that may be damaged without costing the others.
template <typename Read>
void try_to(Read read) {
  try {
    read();
  } catch (const std::exception& error) {
    log_warning("{}; the page goes without it", error.what());
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
  try_to([&] { read_recipe(run); });
  if (fs::exists(folder / "report.json")) try_to([&] { run.report = read_report(folder / "report.json"); });
  take_records(run);
  if (fs::exists(folder / "metrics.jsonl"))
    try_to([&] { run.metrics = read_metrics(folder / "metrics.jsonl"); });
  try_to([&] { read_sets(run); });
  if (fs::exists(folder / "environment.json")) try_to([&] { read_environment(run); });
  for (const PageStage& stage : run.stages) {
    const fs::path of_stage = folder / "stages" / stage.name;
    if (fs::exists(of_stage / "search.jsonl")) {
      try_to([&] { run.searches.push_back(read_search_trace(of_stage / "search.jsonl", stage.name)); });
    }
    if (fs::exists(of_stage / "figures.json")) {
      try_to([&] { read_depth_shares(of_stage / "figures.json", stage.name, run.depths); });
    }
  }
  try_to([&] { run.samples = read_samples(folder / "samples"); });
  return run;
}

}  // namespace ropeway::page
