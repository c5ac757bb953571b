// What a search will cost depends on the length of the set that it starts from, whoever made it.
#include "trainer/stages/stage_plan.h"

#include <gtest/gtest.h>

#include "trainer/search/expected_work.h"

namespace ropeway {
namespace {

constexpr int64_t kWindow = 32768;

ModelConfig mistral() {
  ModelConfig config;
  config.vocab_size = 32000;
  config.hidden_size = 4096;
  config.intermediate_size = 14336;
  config.num_layers = 32;
  config.num_heads = 32;
  config.num_kv_heads = 8;
  config.head_dim = 128;
  config.original_window = kWindow;
  return config;
}

StageRecipe stage(StageKind kind, const std::string& from, const std::string& makes, int64_t length) {
  StageRecipe one(kind);
  one.name = makes;
  one.from = from;
  one.makes = makes;
  if (kind == StageKind::kFinetune) {
    one.train().length = length;
    one.train().steps = 10;
  } else {
    one.search().length = length;
  }
  return one;
}

double forwards_of(const StagePlan& plan) { return plan.passes.at(0).count; }

double expected(const StageRecipe& search, int64_t trained_length) {
  return expected_search_work(search.search(), mistral().rope_geometry(), trained_length,
                              search.kind() == StageKind::kReadjust)
      .forwards;
}

PlanSettings settings(const std::vector<FactorSet>& sets = {}) {
  return {.mesh = {1, 8}, .device = find_device("h200"), .sets = sets};
}

// LongRoPE tunes Mistral on sequences of 16K under the factors for 256K: a search that goes on to 2M starts
// from a set for 256K.
TEST(StagePlan, TunedSetsAreForTheLengthOfTheirFactors) {
  Recipe recipe;
  recipe.stages = {stage(StageKind::kSearch, "none", "searched", 1 << 18),
                   stage(StageKind::kFinetune, "searched", "tuned", 1 << 14),
                   stage(StageKind::kSearch, "tuned", "further", 1 << 21)};
  const auto plans = plan_recipe(recipe, mistral(), settings());
  const double of_256k = expected(recipe.stages[2], 1 << 18);
  ASSERT_NE(of_256k, expected(recipe.stages[2], 1 << 14)) << "the case shows nothing";
  EXPECT_EQ(forwards_of(plans[2]), of_256k);
  EXPECT_EQ(forwards_of(plans[0]), expected(recipe.stages[0], kWindow));
}

TEST(StagePlan, SetsThatTheModelComesWithAreForTheirLength) {
  Recipe recipe;
  recipe.model.sets = {"tuned"};
  recipe.stages = {stage(StageKind::kSearch, "tuned", "further", 1 << 21)};
  FactorSet tuned;
  tuned.name = "tuned";
  tuned.max_length = 1 << 18;
  const auto plans = plan_recipe(recipe, mistral(), settings({tuned}));
  ASSERT_NE(expected(recipe.stages[0], 1 << 18), expected(recipe.stages[0], kWindow))
      << "the case shows nothing";
  EXPECT_EQ(forwards_of(plans[0]), expected(recipe.stages[0], 1 << 18));
}

// Under the original RoPE beyond its window a set is for the length it was tuned at.
TEST(StagePlan, TuningWithoutFactorsMakesASetOfItsOwnLength) {
  Recipe recipe;
  recipe.stages = {stage(StageKind::kFinetune, "none", "tuned", 1 << 17),
                   stage(StageKind::kReadjust, "tuned", "short", 1 << 14)};
  const auto plans = plan_recipe(recipe, mistral(), settings());
  EXPECT_EQ(forwards_of(plans[1]), expected(recipe.stages[1], 1 << 17));
}

}  // namespace
}  // namespace ropeway
