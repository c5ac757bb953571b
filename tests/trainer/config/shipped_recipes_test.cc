// The recipes in configs/: they are good, and the paper's schedules say what the paper says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "trainer/config/lengths.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Recipe shipped(const std::string& name, int ranks = 0) {
  const auto result =
      parse_recipe(std::string(ROPEWAY_SOURCE_DIR "/configs/") + name, {.overrides = {}, .ranks = ranks});
  EXPECT_THAT(result.errors, IsEmpty());
  return result.recipe;
}

TEST(ShippedRecipes, AreGoodOnAnyUsualNumberOfRanks) {
  for (const char* name :
       {"tiny_cpu.yaml", "tiny_base.yaml", "llama2_7b_2048k.yaml", "llama2_7b_2048k_far.yaml",
        "mistral_7b_2048k.yaml", "phi3_mini_128k.yaml", "smollm2_135m_2m.yaml", "smollm2_135m_cpu.yaml"}) {
    for (const int ranks : {0, 1, 2, 4, 8, 16}) shipped(name, ranks);
  }
}

TEST(ShippedRecipes, AreNamedLikeTheirFilesAndSayTheirVersion) {
  for (const auto& entry : std::filesystem::directory_iterator(ROPEWAY_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    const Recipe recipe = shipped(entry.path().filename());
    EXPECT_EQ(recipe.name, entry.path().stem());
    EXPECT_TRUE(recipe.places.contains("version")) << entry.path() << " says no version";
  }
}

std::vector<std::string> outline(const Recipe& recipe) {
  std::vector<std::string> out;
  for (const StageRecipe& stage : recipe.stages) {
    const int64_t length = stage.kind() == StageKind::kEvaluate ? 0 : lengths_of(stage).front();
    out.push_back(std::string(word_of(stage.kind())) + " " + stage.from + " " + format_length(length));
  }
  return out;
}

TEST(ShippedRecipes, Llama2FollowsThePaper) {
  const Recipe recipe = shipped("llama2_7b_2048k.yaml");
  EXPECT_THAT(
      outline(recipe),
      ElementsAre("search none 128K", "search none 256K", "finetune searched_128k 128K",
                  "finetune searched_256k 256K", "search tuned_256k 512K", "search tuned_256k 1M",
                  "search tuned_256k 2M", "readjust tuned_256k 4K", "readjust tuned_256k 8K", "evaluate  0"));
  const TrainRecipe &first = recipe.stages[2].train(), &second = recipe.stages[3].train();
  EXPECT_EQ(first.steps, 400);
  EXPECT_EQ(second.steps, 600);
  for (const TrainRecipe& train : {first, second}) {
    EXPECT_EQ(train.learning_rate, 2e-5);
    EXPECT_EQ(train.schedule, LearningRateSchedule::kLinear);
    EXPECT_EQ(train.batch_sequences, 32);
    EXPECT_EQ(train.warmup_steps, 20);
  }
  for (const size_t i : {4, 5, 6}) EXPECT_EQ(recipe.stages[i].search().population, 32);
  for (const size_t i : {0, 1}) {
    const SearchRecipe& search = recipe.stages[i].search();
    EXPECT_EQ(search.seeds, SearchSeeds::kPaper);
    EXPECT_EQ(search.refine, SearchRefine::kEvolution);
    EXPECT_EQ(search.population, 64);
    EXPECT_EQ(search.parents, 32);
    EXPECT_EQ(search.iterations, 40);
    EXPECT_EQ(search.documents, 5);
  }
}

// Up to the tuned 256K model the far recipe is the paper's; then it tunes at 256K under the factors for 2M.
TEST(ShippedRecipes, FarTuningContinuesThePapersSchedule) {
  Recipe paper = shipped("llama2_7b_2048k.yaml"), far = shipped("llama2_7b_2048k_far.yaml");
  EXPECT_THAT(outline(far), ElementsAre("search none 128K", "search none 256K", "finetune searched_128k 128K",
                                        "finetune searched_256k 256K", "search tuned_256k 2M",
                                        "finetune searched_2048k 256K", "readjust far_2048k 4K",
                                        "readjust far_2048k 8K", "evaluate  0"));
  far.name = paper.name;
  far.run_dir = paper.run_dir;
  for (Recipe* recipe : {&paper, &far}) recipe->stages.resize(4, StageRecipe(StageKind::kEvaluate));
  EXPECT_EQ(recipe_to_yaml(far), recipe_to_yaml(paper));
}

TEST(ShippedRecipes, MistralIsTunedOnSequencesOf16K) {
  const Recipe recipe = shipped("mistral_7b_2048k.yaml");
  for (const size_t i : {2, 3}) {
    const TrainRecipe& train = recipe.stages[i].train();
    EXPECT_EQ(train.length, 16384);
    EXPECT_EQ(train.steps, 400);
    EXPECT_EQ(train.learning_rate, 1e-6);
    EXPECT_EQ(train.schedule, LearningRateSchedule::kConstant);
    EXPECT_EQ(train.batch_sequences, 64);
  }
}

// LongRoPE2's two models: 10B tokens, 3B of them within the original window.
TEST(ShippedRecipes, Phi3SeesTenBillionTokens) {
  for (const char* name : {"phi3_mini_128k.yaml", "llama3_8b_128k.yaml"}) {
    int tuned = 0;
    for (const StageRecipe& stage : shipped(name).stages) {
      if (stage.kind() != StageKind::kFinetune) continue;
      ++tuned;
      const TrainRecipe& train = stage.train();
      EXPECT_NEAR(static_cast<double>(train.steps * train.batch_sequences * train.length), 1e10, 0.01e10)
          << name;
      EXPECT_EQ(train.short_share, 0.3) << name;
      EXPECT_EQ(train.learning_rate, 2e-5) << name;
      EXPECT_EQ(train.schedule, LearningRateSchedule::kCosine) << name;
    }
    EXPECT_EQ(tuned, 1) << name;
  }
}

TEST(ShippedRecipes, TheDemonstrationTunesOnTwoMillionBytes) {
  double bytes = 0;
  for (const StageRecipe& stage : shipped("tiny_cpu.yaml").stages) {
    if (stage.kind() != StageKind::kFinetune) continue;
    EXPECT_EQ(stage.train().length, stage.name == "far_tune" ? 4096 : 2048);
    bytes += static_cast<double>(stage.train().steps * stage.train().batch_sequences * stage.train().length);
  }
  EXPECT_NEAR(bytes, 2e6, 0.2e6);
}

}  // namespace
}  // namespace ropeway
