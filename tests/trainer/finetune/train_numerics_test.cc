// Steps whose gradient is not finite. A byte whose embedding is not a number makes it so in every window that
// holds the byte, and in no other.
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

void poison(TinyRank& rank) {
  rank.store.weight("model.embed_tokens.weight")[kPoison].fill_(std::numeric_limits<double>::quiet_NaN());
}

// 600 letters with a poisonous one after the first 150.
TrainCase poisoned_case() {
  std::string text = random_letters(600, 3);
  text[150] = kPoison;
  TrainCase c;
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
  const auto broken = [](const at::Tensor& weights) {
    return (weights != weights).sum().item<int64_t>();  // NaN differs from itself
  };
  EXPECT_EQ(broken(result.weights[0]), broken(start)) << "NaN spread to other weights";
  for (const at::Tensor& weights : result.weights) {
    EXPECT_TRUE(at::equal(weights.nan_to_num(), result.weights[0].nan_to_num()));
  }
}

INSTANTIATE_TEST_SUITE_P(Meshes, TrainNumerics,
                         testing::Values(MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 1}),
                         [](const auto& info) {
                           return fmt::format("data{}_sequence{}", info.param.data, info.param.sequence);
                         });

TEST(TrainNumericsLimit, ASkippedStepChangesNoWeight) {
  TrainCase c;
  c.texts = {std::string(64, kPoison)};
  c.before_train = poison;
  c.recipe.steps = 3;
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  AloneRank untouched;
  poison(untouched.rank);
  EXPECT_TRUE(at::equal(result.weights[0].nan_to_num(), untouched.rank.store.flat_weights().nan_to_num()));
  EXPECT_EQ(result.outcome.skipped_steps, 3);
}

TEST(TrainNumericsLimit, TooManyInARowEndTheRunOnAllRanks) {
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{1, 2}}) {
    TrainCase c;
    c.shape = shape;
    c.texts = {std::string(64, kPoison)};
    c.before_train = poison;
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
