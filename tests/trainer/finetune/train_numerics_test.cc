// Steps whose gradient is not finite. A byte whose embedding is finite, and no longer once it is multiplied as
// the model does, makes it so in every window that holds the byte, and in no other.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <limits>

#include "tests/trainer/finetune/train_case.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

constexpr char kPoison = 'Z';

void poison(TinyRank& rank) { rank.store.weight("model.embed_tokens.weight")[kPoison].fill_(1e308); }
ModelConfig multiplying_config() {
  ModelConfig config = tiny_config();
  config.embedding_multiplier = 10;
  return config;
}

// 600 letters with a poisonous one after the first 150.
TrainCase poisoned_case() {
  std::string text = random_letters(600, 3);
  text[150] = kPoison;
  TrainCase c;
  c.config = multiplying_config();
  c.texts = {text};
  c.recipe.steps = 20;
  c.recipe.batch_sequences = 2;
  c.recipe.weight_decay = 0;
  c.before_train = poison;
  return c;
}

std::vector<bool> poisoned_steps(const TrainCase& c) {
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  std::vector<bool> poisoned(static_cast<size_t>(c.recipe.steps));
  for (size_t i = 0; i < 2 * poisoned.size(); ++i) {
    for (const int32_t token : windows.window(i).tokens)
      if (token == kPoison) poisoned[i / 2] = true;
  }
  return poisoned;
}

class TrainNumerics : public testing::TestWithParam<MeshShape> {};

TEST_P(TrainNumerics, SuchStepsAreSkippedOnAllRanksAndTheOthersAreNot) {
  TrainCase c = poisoned_case();
  c.shape = GetParam();
  const std::vector<bool> poisoned = poisoned_steps(c);
  const int64_t count = std::count(poisoned.begin(), poisoned.end(), true);
  ASSERT_GT(count, 0);
  ASSERT_LT(count, 20);
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  EXPECT_EQ(result.outcome.skipped_steps, count);
  EXPECT_TRUE(std::isfinite(result.outcome.final_loss));
  const std::vector<double> losses = losses_in(folder.path());
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_EQ(std::isnan(losses[i]), poisoned[i]) << i + 1;

  TrainCase none = c;
  none.recipe.steps = 1;
  const TempDir other;
  const at::Tensor start = run_training(none, other.path()).weights[0];
  EXPECT_TRUE(start.isfinite().all().item<bool>());
  EXPECT_TRUE(result.weights[0].isfinite().all().item<bool>()) << "NaN spread to weights";
  for (const at::Tensor& weights : result.weights) {
    EXPECT_TRUE(at::equal(weights, result.weights[0]));
  }
}

INSTANTIATE_TEST_SUITE_P(Meshes, TrainNumerics,
                         testing::Values(MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 1}),
                         [](const auto& info) {
                           return fmt::format("data{}_sequence{}", info.param.data, info.param.sequence);
                         });

TrainCase all_poison() {
  TrainCase c;
  c.config = multiplying_config();
  c.texts = {std::string(64, kPoison)};
  c.before_train = poison;
  return c;
}

TEST(TrainNumericsLimit, ASkippedStepChangesNoWeightAndAStageOfThemMakesNoModel) {
  TrainCase c = all_poison();
  c.recipe.steps = 3;
  c.recipe.checkpoint_every = 2;
  at::Tensor start, later;
  c.before_train = [&](TinyRank& rank) {
    poison(rank);
    start = rank.store.flat_weights().clone();
  };
  c.after_step = [&](TinyRank& rank, int64_t) { later = rank.store.flat_weights().clone(); };
  const TempDir folder;
  for (int run = 0; run < 3; ++run) {  // resuming it makes no difference
    const auto error = error_of([&] { run_training(c, folder.path()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
    EXPECT_THAT(error->what(), HasSubstr("none of the 3 steps made an update"));
    EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints/step-000003"));
  }
  EXPECT_TRUE(at::equal(start, later));
}

TEST(TrainNumericsLimit, StepsInARowAreCountedAcrossAResume) {
  TrainCase c = all_poison();
  c.recipe.max_skipped_steps = 3;
  const TempDir folder;
  TrainCase stopped = c;
  stopped.stop_after = 2;
  ASSERT_EQ(error_of([&] { run_training(stopped, folder.path()); })->kind(), ErrorKind::kStopped);
  const auto error = error_of([&] { run_training(c, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
  EXPECT_THAT(error->what(), HasSubstr("4 steps in a row without an update, the last one is 4"));
}

TEST(TrainNumericsLimit, TooManyInARowEndTheRunOnAllRanks) {
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{1, 2}}) {
    TrainCase c = all_poison();
    c.shape = shape;
    c.recipe.max_skipped_steps = 3;
    const TempDir folder;
    const auto error = error_of([&] { run_training(c, folder.path()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
    EXPECT_THAT(error->what(), HasSubstr("4 steps in a row"));
    EXPECT_EQ(losses_in(folder.path()).size(), 3u) << "the step that ended the run leaves no record";
  }
}

TEST(TrainNumericsLimit, TheCheckpointBeforeIsKept) {
  TrainCase c;
  c.texts = {random_letters(64, 4) + std::string(64, kPoison)};
  c.recipe.steps = 2;
  const TempDir folder;
  run_training(c, folder.path());
  c.recipe.steps = 8;
  c.recipe.max_skipped_steps = 0;
  c.recipe.learning_rate = std::numeric_limits<double>::infinity();  // what a wrong recipe can do to weights
  c.recipe.warmup_steps = 0;
  const auto error = error_of([&] { run_training(c, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints/step-000002/manifest.json"));
}

}  // namespace
}  // namespace ropeway
