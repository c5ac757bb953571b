// Losses that explode: a head that grows overnight. What is said, counted and done about it.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <numeric>

#include "tests/trainer/finetune/train_case.h"
#include "trainer/finetune/spike_watch.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

TEST(SpikeWatch, MeasuresInRobustStandardDeviations) {
  SpikeWatch watch;
  // Median 10.5; median absolute deviation 5, of distances .5, .5, 1.5, 1.5, ..., 9.5, 9.5.
  for (int i = 1; i <= 20; ++i) watch.remember(i, 1);
  const Spike spike = watch.look(60, 1);
  EXPECT_STREQ(spike.of, "loss");
  EXPECT_DOUBLE_EQ(spike.usual, 10.5);
  EXPECT_DOUBLE_EQ(spike.deviations, (60 - 10.5) / (1.4826 * 5));
  EXPECT_TRUE(spike.stands_out());
  EXPECT_FALSE(watch.look(10.5 + 5.9 * 1.4826 * 5, 1).stands_out());
  EXPECT_FALSE(watch.look(-1000, 1).stands_out()) << "a loss that falls is none";
}

TEST(SpikeWatch, OutliersDoNotHideOthersAndTheFirstStepsAreNone) {
  SpikeWatch watch;
  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(watch.look(1e9, 1e9).stands_out());
    watch.remember(2 + 0.01 * (i % 3), 1);
  }
  watch.remember(500, 1);
  EXPECT_TRUE(watch.look(400, 1).stands_out());
  const Spike norm = watch.look(2, 30);
  EXPECT_STREQ(norm.of, "gradient norm");
  EXPECT_TRUE(norm.stands_out());
  EXPECT_FALSE(watch.look(2.5, 1).stands_out()) << "within 6 times 5 % of the median";
}

TEST(SpikeWatch, RemembersTheLastSteps) {
  SpikeWatch watch;
  for (int i = 0; i < 200; ++i) watch.remember(i, i);
  EXPECT_EQ(watch.history().losses.size(), SpikeWatch::kRemembered);
  EXPECT_EQ(watch.history().losses.front(), 200 - 64);
}

TrainCase long_case(OnSpike policy, MeshShape shape) {
  TrainCase c;
  c.shape = shape;
  c.recipe.steps = 20;
  c.recipe.checkpoint_every = 5;
  c.recipe.on_spike = policy;
  return c;
}

void grow_head(TinyRank& rank, double by) { rank.store.weight("lm_head.weight").mul_(by); }

class Spikes : public ::testing::TestWithParam<MeshShape> {};

TEST_P(Spikes, AreSaidAndTheirUpdateIsMade) {
  TrainCase c = long_case(OnSpike::kWarn, GetParam());
  c.after_step = [](TinyRank& rank, int64_t step) {
    if (step == 12) grow_head(rank, 30);
    if (step == 13) grow_head(rank, 1.0 / 30);
  };
  const TempDir folder;
  TrainResult result;
  const std::string said = printed_by([&] { result = run_training(c, folder.path()); });
  EXPECT_GE(result.outcome.spikes, 1);
  EXPECT_EQ(result.outcome.skipped_steps, 0);
  EXPECT_THAT(said, AllOf(HasSubstr("tune: step 13: "), HasSubstr("robust standard deviations above"),
                          HasSubstr("windows 48 to 51; its update is made"), Not(HasSubstr("step 12:"))));
}

TEST_P(Spikes, AreSkippedWithoutAChange) {
  TrainCase c = long_case(OnSpike::kSkip, GetParam());
  std::vector<at::Tensor> before(4), after(4);
  c.after_step = [&](TinyRank& rank, int64_t step) {
    const auto r = static_cast<size_t>(rank.mesh.world().rank());
    if (step == 12) grow_head(rank, 32);
    if (step == 12) before[r] = rank.store.flat_weights().clone();
    if (step == 13) after[r] = rank.store.flat_weights().clone();
    if (step == 13) grow_head(rank, 1.0 / 32);
  };
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  EXPECT_EQ(result.outcome.spikes, 1);
  EXPECT_EQ(result.outcome.skipped_steps, 1);
  for (size_t r = 0; r < result.weights.size(); ++r) EXPECT_TRUE(at::equal(before[r], after[r])) << r;
}

// Loss of the step that would take the windows from `first` on, under the weights a rank has now.
double loss_on(TinyRank& rank, const TrainCase& c, int64_t first) {
  const Corpus corpus(c.texts);
  const auto tokenizer = make_byte_tokenizer();
  const WindowSampler windows(*corpus, *tokenizer, c.windows());
  auto world = make_world_of_one();
  TinyRank alone(*world);
  alone.store.flat_weights().copy_(rank.store.flat_weights());
  double sum = 0, weight = 0;
  for (int64_t i = first; i < first + c.recipe.batch_sequences; ++i) {
    const Window window = windows.window(static_cast<uint64_t>(i));
    const LocalBatch batch =
        make_local_batch({window.tokens}, {window.weights}, alone.model.attention().split(), at::kDouble);
    sum += alone.model.forward_backward(batch, c.factors(alone.model), 1.0);
    weight += std::accumulate(window.weights.begin(), window.weights.end(), 0.0);
  }
  return sum / weight;
}

TEST_P(Spikes, RollBackToTheCheckpointAndPassTheirWindowsOver) {
  TrainCase c = long_case(OnSpike::kRollback, GetParam());
  double wanted = 0;  // of the step after the way back: step 11, on the windows of step 14
  bool grown = false;
  std::mutex mutex;
  c.after_step = [&](TinyRank& rank, int64_t calls) {
    if (calls == 10 && rank.mesh.world().rank() == 0) wanted = loss_on(rank, c, 13 * 4);
    if (calls == 12) grow_head(rank, 30);  // and nobody undoes it: the checkpoint does
    const std::lock_guard lock(mutex);
    grown = grown || calls == 12;
  };
  const TempDir folder;
  TrainResult result;
  const std::string said = printed_by([&] { result = run_training(c, folder.path()); });
  ASSERT_TRUE(grown);
  EXPECT_EQ(result.outcome.spikes, 1);
  EXPECT_EQ(result.outcome.rollbacks, 1);
  EXPECT_EQ(result.outcome.skipped_steps, 0);
  EXPECT_THAT(said, AllOf(HasSubstr("tune: step 13: "), HasSubstr("back to step 10, on with window 52")));
  const std::vector<double> losses = losses_in(folder.path());
  ASSERT_EQ(losses.size(), 20u);
  EXPECT_NEAR(losses[10], wanted, 1e-9);
  for (const at::Tensor& weights : result.weights) EXPECT_TRUE(at::equal(weights, result.weights[0]));
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, Spikes, ::testing::Values(MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 1}, MeshShape{2, 2}),
    [](const auto& info) { return fmt::format("data{}_sequence{}", info.param.data, info.param.sequence); });

// Stopped after the way back and resumed: the same bits, the same counts.
TEST(SpikesResumed, GoOnWithTheSameWindows) {
  TrainCase c = long_case(OnSpike::kRollback, {});
  c.after_step = [&](TinyRank& rank, int64_t calls) {
    if (calls == 12) grow_head(rank, 30);
  };
  const TempDir whole, parts;
  const TrainResult wanted = run_training(c, whole.path());
  TrainCase stopped = c;
  stopped.stop_after = 14;  // the second step after the way back to 10
  ASSERT_EQ(error_of([&] { run_training(stopped, parts.path()); })->kind(), ErrorKind::kStopped);
  TrainCase rest = c;
  rest.after_step = nullptr;
  const TrainResult found = run_training(rest, parts.path());
  EXPECT_EQ(found.outcome.resumed_from, 12);
  EXPECT_EQ(found.outcome.rollbacks, 1);
  EXPECT_EQ(found.outcome.spikes, wanted.outcome.spikes);
  EXPECT_TRUE(at::equal(found.weights[0], wanted.weights[0]));
  EXPECT_EQ(losses_in(parts.path()), losses_in(whole.path()));
}

TEST(SpikesResumed, WithoutACheckpointTheUpdateIsSkipped) {
  TrainCase c = long_case(OnSpike::kRollback, {});
  c.recipe.checkpoint_every = 15;
  c.after_step = [&](TinyRank& rank, int64_t calls) {
    if (calls == 12) grow_head(rank, 32);
    if (calls == 13) grow_head(rank, 1.0 / 32);
  };
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  EXPECT_EQ(result.outcome.rollbacks, 0);
  EXPECT_EQ(result.outcome.skipped_steps, 1);
}

TEST(SpikesWithoutEnd, EndTheStage) {
  for (const OnSpike policy : {OnSpike::kSkip, OnSpike::kRollback}) {
    TrainCase c = long_case(policy, {});
    c.recipe.max_skipped_steps = 2;
    c.after_step = [&](TinyRank& rank, int64_t calls) {
      if (calls >= 12) grow_head(rank, 30);
    };
    const TempDir folder;
    const auto error = error_of([&] { run_training(c, folder.path()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
    EXPECT_THAT(error->what(),
                HasSubstr(policy == OnSpike::kSkip ? "3 steps in a row without an update, the last one is 15"
                                                   : "rolled back 2 times since step"));
  }
}

}  // namespace
}  // namespace ropeway
