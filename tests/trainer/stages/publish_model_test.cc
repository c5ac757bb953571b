// run_dir/model after each stage: the newest weights, not written again, with all sets.
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/stages/run_identity.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

TEST(PublishModel, StagesThatLeaveTheWeightsAloneDoNotWriteThem) {
  const TempDir folder;
  write_text(folder, 1000);
  const Recipe recipe = recipe_in(folder, kPretrain + kSearchWide);
  const auto world = make_world_of_one();
  const fs::path published = folder / "run/model", trained = folder / "run/stages/base/model";
  run_recipe(recipe, *world, {.only_stages = {"base"}});
  EXPECT_TRUE(fs::equivalent(published / "model.safetensors", trained / "model.safetensors"));
  EXPECT_TRUE(open_model_dir(published).sets.empty());
  run_recipe(recipe, *world, {.only_stages = {"wide"}});
  EXPECT_TRUE(fs::equivalent(published / "model.safetensors", trained / "model.safetensors"));
  ASSERT_EQ(open_model_dir(published).sets.size(), 1u);
  EXPECT_EQ(open_model_dir(published).sets[0].name, "wide");
  EXPECT_TRUE(fs::exists(published / "tokenizer.json"));
  EXPECT_TRUE(open_model_dir(trained).sets.empty());
  for (const fs::path& model : {published, trained}) {
    EXPECT_EQ(read_bytes(model / "recipe.yaml"), identity_of(recipe).lasting);
  }
}

TEST(PublishModel, ASearchOnAModelOfAnotherTypePublishesItsWeightsAsTheyAre) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain + kSearchWide);
  recipe.dtype = DType::kBF16;
  const auto world = make_world_of_one();
  make_over_pretrained(recipe, folder, *world);
  recipe.dtype = DType::kF32;
  run_recipe(recipe, *world, {.fresh = true});
  EXPECT_EQ(open_model_dir(folder / "run/model").dtype(), DType::kBF16);
  EXPECT_EQ(read_bytes(folder / "run/model/model.safetensors"),
            read_bytes(folder / "model/model.safetensors"));
}

}  // namespace
}  // namespace ropeway
