#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/error.h"
#include "trainer/finetune/learning_rate.h"

namespace ropeway {
namespace {

TrainRecipe recipe_of(LearningRateSchedule schedule, int64_t warmup) {
  TrainRecipe recipe;
  recipe.steps = 110;
  recipe.warmup_steps = warmup;
  recipe.learning_rate = 4e-4;
  recipe.min_learning_rate = 1e-4;
  recipe.schedule = schedule;
  return recipe;
}

TEST(LearningRate, RisesFromTheFirstStepToTheFullRate) {
  using enum LearningRateSchedule;
  for (const LearningRateSchedule schedule : {kLinear, kCosine, kConstant}) {
    const TrainRecipe recipe = recipe_of(schedule, 10);
    for (int64_t step = 1; step <= 10; ++step) {
      EXPECT_DOUBLE_EQ(learning_rate_at(recipe, step), 4e-5 * static_cast<double>(step))
          << word_of(schedule) << step;
    }
  }
}

TEST(LearningRate, FallsOnALine) {
  const TrainRecipe recipe = recipe_of(LearningRateSchedule::kLinear, 10);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 11), 4e-4 - 3e-6);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 60), 2.5e-4);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 110), 1e-4);
}

TEST(LearningRate, FallsOnHalfACosine) {
  const TrainRecipe recipe = recipe_of(LearningRateSchedule::kCosine, 10);
  for (const int64_t step : {11, 35, 60, 85, 110}) {
    const double angle = std::acos(-1.0) * static_cast<double>(step - 10) / 100;
    EXPECT_NEAR(learning_rate_at(recipe, step), 2.5e-4 + 1.5e-4 * std::cos(angle), 1e-18) << step;
  }
  EXPECT_NEAR(learning_rate_at(recipe, 110), 1e-4, 1e-18);
}

TEST(LearningRate, StaysWhenConstant) {
  for (const int64_t step : {1, 60, 110}) {
    EXPECT_EQ(learning_rate_at(recipe_of(LearningRateSchedule::kConstant, 0), step), 4e-4);
  }
}

TEST(LearningRate, WithoutWarmUpTheFirstStepIsTheFirstOfTheDecay) {
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe_of(LearningRateSchedule::kLinear, 0), 1), 4e-4 - 3e-4 / 110);
}

TEST(LearningRate, WarmUpMayTakeAllSteps) {
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe_of(LearningRateSchedule::kCosine, 110), 110), 4e-4);
}

}  // namespace
}  // namespace ropeway
