// Mixed context windows in training: over any mesh, the loss of a step is the mean over the tokens of its long
// windows under the factors and of each of its short documents by itself under the original RoPE.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "tests/trainer/finetune/train_case.h"

namespace ropeway {
namespace {

TrainCase mixed_case() {
  TrainCase c;
  c.recipe.short_share = 0.5;
  c.recipe.passkey_fraction = 0;
  return c;
}

TEST(TrainMixed, TheLossIsTheMeanOverTheTokensOfBothKinds) {
  TrainCase c = mixed_case();
  c.recipe.steps = 1;
  AloneRank alone;
  CausalLM& model = alone.rank.model;
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  SummedLoss loss;
  int shorts = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    const Window window = windows.window(i);
    shorts += window.is_short ? 1 : 0;
    add_documents_alone(alone.rank, window, window.is_short ? model.identity() : c.factors(model), loss);
  }
  ASSERT_EQ(shorts, 2);
  expect_loss_on({{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 4}}, c, loss.mean());
}

TEST(TrainMixed, AnyMeshTrainsLikeOneRank) {
  TrainCase one = mixed_case();
  one.recipe.skip_target = 100;
  one.recipe.skip_chunks = 3;
  const TempDir first;
  const TrainResult wanted = run_training(one, first.path());
  TrainCase many = one;
  many.shape = {2, 2};
  many.recipe.micro_batch_tokens = 32;  // each window by itself
  const TempDir second;
  const TrainResult found = run_training(many, second.path());
  EXPECT_LE((found.weights[0] - wanted.weights[0]).norm().item<double>(),
            1e-11 * wanted.weights[0].norm().item<double>());
  TrainCase long_ones = one, counted = one;
  long_ones.recipe.short_share = 0;
  counted.recipe.skip_target = 0;
  for (const TrainCase& other : {long_ones, counted}) {
    const TempDir third;
    EXPECT_FALSE(at::equal(run_training(other, third.path()).weights[0], wanted.weights[0]));
  }
}

// A checkpoint is of both sets.
TEST(TrainMixed, CheckpointsAreOfBothFactorSets) {
  TrainCase c = mixed_case();
  c.recipe.checkpoint_every = 1;
  TrainCase stopped = c;
  stopped.stop_after = 2;
  const TempDir folder;
  EXPECT_TRUE(error_of([&] { run_training(stopped, folder.path()); }));
  TrainCase other = c;
  other.recipe.short_share = 0;
  const auto error = error_of([&] { run_training(other, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), ::testing::HasSubstr("factor set"));
  EXPECT_EQ(run_training(c, folder.path()).outcome.resumed_from, 2);
}

}  // namespace
}  // namespace ropeway
