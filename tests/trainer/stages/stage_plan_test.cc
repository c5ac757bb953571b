// What a search will cost depends on the length of the set that it starts from, whoever made it.
#include "trainer/stages/stage_plan.h"

#include <gtest/gtest.h>

#include "trainer/search/expected_work.h"
#include "trainer/stages/counted_work.h"

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

// Short windows have the tokens of the others and less attention: that of documents of the original window.
TEST(StagePlan, MixedWindowsHaveTheTokensOfLongOnesAndTheAttentionOfBoth) {
  const auto step = [](double share) {
    Recipe recipe;
    recipe.stages = {stage(StageKind::kFinetune, "none", "tuned", 1 << 17)};
    recipe.stages[0].train().batch_sequences = 8;
    recipe.stages[0].train().short_share = share;
    return plan_recipe(recipe, mistral(), settings()).at(0).passes.at(0);
  };
  const PlannedPass none = step(0), some = step(0.25), half = step(0.5);
  EXPECT_EQ(some.tokens, none.tokens);
  EXPECT_EQ(some.sequences, 8);
  EXPECT_NEAR(some.work.dense, none.work.dense, 1e-9 * none.work.dense);
  // Of a sequence of four windows, a quarter of the attention.
  const double attention = none.work.attention_forward;
  EXPECT_NEAR(some.work.attention_forward, attention * (0.75 + 0.25 / 4), 1e-9 * attention);
  EXPECT_NEAR(half.work.attention_forward, attention * (0.5 + 0.5 / 4), 1e-9 * attention);
  EXPECT_LT(some.seconds, none.seconds);
}

TEST(StagePlan, AnEvaluationCountsItsWindowsSamplesAndControls) {
  Recipe recipe;
  StageRecipe scores(StageKind::kEvaluate);
  scores.name = "scores";
  EvaluateRecipe& evaluate = scores.evaluate();
  evaluate.lengths = {1 << 15, 1 << 18};
  evaluate.factors = {"auto", "yarn"};
  evaluate.tasks = {EvaluateTask::kPerplexity, EvaluateTask::kPasskey, EvaluateTask::kNeedles};
  evaluate.target_tokens = 3 << 15;
  evaluate.controls = {ControlKind::kCrop, ControlKind::kRepetition};
  evaluate.control_windows = 5;
  recipe.stages = {scores};
  const auto passes = plan_recipe(recipe, mistral(), settings()).front().passes;
  ASSERT_EQ(passes.size(), 3u);
  // Four windows of the 32,767 tokens that the shortest length scores; 10 x 2 passkeys; 10 passes of needles. Within
  // the original window YaRN is the original RoPE, and not evaluated.
  EXPECT_EQ(passes[0].length, 1 << 15);
  EXPECT_EQ(passes[0].count, 4 + 20 + 10);
  // The plain windows and those with copies; the crops are as long as the original window.
  EXPECT_EQ(passes[1].length, 1 << 18);
  EXPECT_EQ(passes[1].count, 2 * (4 + 20 + 10 + 5 + 5));
  EXPECT_EQ(passes[2].length, kWindow);
  EXPECT_EQ(passes[2].count, 2 * 5);
}

// What the estimate of a run's time counts with.
TEST(StagePlan, CountedWorkNamesPassesCellsAndWhatASearchMayTakeAtMost) {
  Recipe recipe;
  recipe.stages = {stage(StageKind::kSearch, "none", "searched", 1 << 18),
                   stage(StageKind::kFinetune, "searched", "tuned", 1 << 17)};
  recipe.stages[0].search().refine = SearchRefine::kGradient;
  StageRecipe scores(StageKind::kEvaluate);
  scores.name = "scores";
  scores.evaluate().lengths = {1 << 18};
  scores.evaluate().factors = {"auto", "yarn"};
  scores.evaluate().tasks = {EvaluateTask::kPasskey};
  recipe.stages.push_back(scores);
  const auto plans = plan_recipe(recipe, mistral(), settings());
  const std::vector<StageWork> work = counted_work(recipe, mistral(), plans);
  ASSERT_EQ(work.size(), 3u);
  EXPECT_DOUBLE_EQ(work[0].most,
                   expected_search_work(recipe.stages[0].search(), mistral().rope_geometry(), kWindow, false)
                       .forward_equivalents());
  EXPECT_EQ(work[0].work[1].pass, "factor gradient");
  EXPECT_EQ(work[1].most, 0);
  EXPECT_EQ(work[1].work[0].pass, "train");
  EXPECT_DOUBLE_EQ(work[1].work[0].cost, plans[1].passes[0].seconds * 10);
  EXPECT_EQ(work[2].work[0].pieces, 2);
  ASSERT_EQ(work[2].work.size(), 1u);
  EXPECT_DOUBLE_EQ(work[2].work[0].cost, 2 * 20 * plans[2].passes[0].seconds);

  PlanSettings on_cpu = settings();
  on_cpu.device = find_device(DeviceRates::kCpu);
  const auto slow = plan_recipe(recipe, mistral(), on_cpu);
  const Work& step = slow[1].passes[0].work;
  EXPECT_DOUBLE_EQ(counted_work(recipe, mistral(), slow)[1].work[0].cost,
                   10 * (step.dense + 0.4 * (step.attention_forward + step.attention_backward)));
}

// 8 of 32 heads, 128 wide, 32 layers, on 8 ranks, in FP32: what is generated behind 256K tokens, kept as keys and
// values.
TEST(StagePlan, KeysOfGeneratedTasksAreInTheMemory) {
  const auto keys_of = [](std::vector<RulerTask> tasks, int64_t window) {
    Recipe recipe;
    recipe.stages.emplace_back(StageKind::kEvaluate);
    recipe.stages[0].evaluate().lengths = {1 << 12, 1 << 18};
    recipe.stages[0].evaluate().benchmarks.ruler = std::move(tasks);
    ModelConfig config = mistral();
    config.sliding_window = window;
    config.honours_window = window > 0;
    const StagePlan plan = plan_recipe(recipe, config, settings()).at(0);
    const auto parts = plan.memory.parts.parts();
    EXPECT_EQ(parts.back(), (std::pair<std::string, int64_t>("cached keys", plan.memory.parts.keys)));
    return plan.memory.parts.keys;
  };
  EXPECT_EQ(keys_of({RulerTask::kNiahSingle1}, 0), 0);
  const int64_t row = 2 * 32 * 8 * 128 * 4;
  EXPECT_EQ(keys_of({RulerTask::kNiahSingle1, RulerTask::kVariableTracking}, 0), row * (1 << 18) / 8);
  EXPECT_EQ(keys_of({RulerTask::kVariableTracking}, 4096), row * (4096 + 1024));
}

}  // namespace
}  // namespace ropeway
