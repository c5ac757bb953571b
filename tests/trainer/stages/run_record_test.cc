// What is known of a run from its folder, and from which paths in it.
#include "trainer/stages/run_record.h"

#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/files/files.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

const std::string kStages =
    kSearchWide +
    "  - {name: score, kind: evaluate, lengths: [64], factors: [none], tasks: [perplexity], windows: 1}\n";

TEST(RunRecord, SaysWhatTheRunWasAndWhatIsLeft) {
  const TempDir folder;
  write_text(folder, 1000);
  const Recipe recipe = recipe_in(folder, kPretrain + kStages);
  const auto world = make_world_of_one();
  run_recipe(recipe, *world, {.only_stages = {"base", "wide"}});
  const RunRecord part = run_of(folder / "run").value();
  EXPECT_EQ(part.name, recipe.name);
  EXPECT_EQ(part.base, "");
  EXPECT_EQ(part.unfinished, std::vector<std::string>{"score"});
  EXPECT_TRUE(part.report.evaluations.empty());
  EXPECT_EQ(part.report.stages.size(), 2u);
  run_recipe(recipe, *world, {});
  const RunRecord whole = run_of(folder / "run").value();
  EXPECT_TRUE(whole.unfinished.empty());
  ASSERT_EQ(whole.report.evaluations.size(), 1u);
  EXPECT_EQ(whole.report.evaluations[0].length, 64);
  const FactorFile sets = read_factor_file(folder / "run/model/rope_factors.json");
  EXPECT_EQ(sha256_of(whole.recipe), sets.sets.at(0).history.recipe_sha256);
  EXPECT_EQ(recipe_name_beside(folder / "run/model"), recipe.name);
}

TEST(RunRecord, IsFoundFromEveryModelInTheRunAndNowhereElse) {
  const TempDir folder;
  write_text(folder, 1000);
  run_recipe(recipe_in(folder, kPretrain), *make_world_of_one(), {});
  const fs::path run = folder / "run", stage = run / "stages/base";
  for (const fs::path& path : {run, run / "", run / "model", run / "model/."}) {
    ASSERT_TRUE(run_of(path)) << path;
    EXPECT_EQ(run_of(path)->of_stage, "") << path;
  }
  for (const fs::path& path : {stage / "model", stage / "checkpoints/step-000001"}) {
    ASSERT_TRUE(run_of(path)) << path;
    EXPECT_EQ(run_of(path)->of_stage, "base") << path;
  }
  fs::copy(run / "model", folder / "model");
  EXPECT_FALSE(run_of(folder / "model"));
  EXPECT_FALSE(run_of(stage));
  EXPECT_FALSE(run_of(folder.path()));
}

TEST(RunRecord, NeedsAReadableRecipeAndReport) {
  const TempDir folder;
  write_text(folder, 1000);
  run_recipe(recipe_in(folder, kPretrain), *make_world_of_one(), {});
  write_file_atomically(folder / "run/report.json", "{");
  expect_error(ErrorKind::kBadData, {"report.json"}, [&] { run_of(folder / "run"); });
  fs::remove(folder / "run/report.json");
  EXPECT_TRUE(run_of(folder / "run")->report.stages.empty());
  write_file_atomically(folder / "run/recipe.yaml", "of: another program\n");
  expect_error(ErrorKind::kBadData, {"recipe.yaml"}, [&] { run_of(folder / "run"); });
  write_file_atomically(folder / "run/model/recipe.yaml", "of: another program\n");
  EXPECT_EQ(recipe_name_beside(folder / "run/model"), "");
}

}  // namespace
}  // namespace ropeway
