#include "trainer/stages/run_record.h"

#include "kernels/base/error.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/files/files.h"
#include "trainer/stages/run_directory.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& folder) {
  return fs::is_regular_file(folder / "recipe.yaml") && fs::is_directory(folder / "stages");
}

struct Place {
  fs::path run;
  std::string stage;
};

// run, run/model, run/stages/S/model and run/stages/S/checkpoints/step-N.
std::optional<Place> place_of(const fs::path& source) {
  fs::path path = fs::weakly_canonical(source);
  if (!path.has_filename()) path = path.parent_path();
  if (is_run(path)) return Place{path, ""};
  const bool is_model = path.filename() == "model";
  if (is_model && is_run(path.parent_path())) return Place{path.parent_path(), ""};
  const fs::path stage = is_model ? path.parent_path() : path.parent_path().parent_path();
  const fs::path run = stage.parent_path().parent_path();
  if (stage.parent_path().filename() != "stages" || !is_run(run)) return std::nullopt;
  return Place{run, stage.filename().string()};
}

}  // namespace

std::optional<RunRecord> run_of(const fs::path& source) {
  const std::optional<Place> place = place_of(source);
  if (!place) return std::nullopt;
  const RecipeResult parsed = parse_recipe(place->run / "recipe.yaml");
  if (!parsed.errors.empty()) fail(ErrorKind::kBadData, "{}", parsed.errors.front());
  const fs::path lasting = identity_file(place->run), report = place->run / "report.json";
  RunRecord record{.folder = place->run,
                   .name = parsed.recipe.name,
                   .recipe = read_text_file(fs::exists(lasting) ? lasting : place->run / "recipe.yaml"),
                   .base = parsed.recipe.model.path,
                   .unfinished = {},
                   .of_stage = place->stage,
                   .report = fs::exists(report) ? read_report(report) : RunReport{}};
  for (const StageRecipe& stage : parsed.recipe.stages) {
    if (!RunDirectory::is_done(place->run, stage.name)) record.unfinished.push_back(stage.name);
  }
  return record;
}

std::string recipe_name_beside(const fs::path& model) {
  const fs::path file = model / "recipe.yaml";
  if (!fs::is_regular_file(file)) return "";
  const RecipeResult parsed = parse_recipe(file);
  return parsed.errors.empty() ? parsed.recipe.name : "";
}

}  // namespace ropeway
