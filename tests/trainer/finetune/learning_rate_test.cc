#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/error.h"
#include "trainer/finetune/train_loop.h"

namespace ropeway {
namespace {

TrainRecipe recipe_of(const std::string& schedule, int64_t warmup) {
  TrainRecipe recipe;
  recipe.steps = 110;
  recipe.warmup_steps = warmup;
  recipe.learning_rate = 4e-4;
  recipe.min_learning_rate = 1e-4;
  recipe.schedule = schedule;
  return recipe;
}

TEST(LearningRate, RisesFromTheFirstStepToTheFullRate) {
  for (const char* schedule : {"linear", "cosine", "constant"}) {
    const TrainRecipe recipe = recipe_of(schedule, 10);
    for (int64_t step = 1; step <= 10; ++step) {
      EXPECT_DOUBLE_EQ(learning_rate_at(recipe, step), 4e-5 * static_cast<double>(step)) << schedule << step;
    }
  }
}

TEST(LearningRate, FallsOnALine) {
  const TrainRecipe recipe = recipe_of("linear", 10);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 11), 4e-4 - 3e-6);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 60), 2.5e-4);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 110), 1e-4);
}

TEST(LearningRate, FallsOnHalfACosine) {
  const TrainRecipe recipe = recipe_of("cosine", 10);
  for (const int64_t step : {11, 35, 60, 85, 110}) {
    const double angle = std::acos(-1.0) * static_cast<double>(step - 10) / 100;
    EXPECT_NEAR(learning_rate_at(recipe, step), 2.5e-4 + 1.5e-4 * std::cos(angle), 1e-18) << step;
  }
  EXPECT_NEAR(learning_rate_at(recipe, 110), 1e-4, 1e-18);
}

TEST(LearningRate, StaysWhenConstant) {
  for (const int64_t step : {1, 60, 110}) {
    EXPECT_EQ(learning_rate_at(recipe_of("constant", 0), step), 4e-4);
  }
}

TEST(LearningRate, WithoutWarmUpTheFirstStepIsTheFirstOfTheDecay) {
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe_of("linear", 0), 1), 4e-4 - 3e-4 / 110);
}

TEST(LearningRate, WarmUpMayTakeAllSteps) {
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe_of("cosine", 110), 110), 4e-4);
}

TEST(LearningRate, AnUnknownScheduleIsNamed) {
  try {
    learning_rate_at(recipe_of("stairs", 0), 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_NE(std::string(error.what()).find("stairs"), std::string::npos);
  }
}

}  // namespace
}  // namespace ropeway
