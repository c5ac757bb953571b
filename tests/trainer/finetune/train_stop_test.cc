// Steps that are abandoned, and checkpoints that are written beside the steps that follow.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>

#include "tests/trainer/finetune/train_case.h"
#include "trainer/checkpoint/checkpoint_load.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

// Steps of a quarter of a second.
TrainCase slow_case(MeshShape shape) {
  TrainCase c;
  c.dtype = at::kFloat;
  c.shape = shape;
  c.recipe.length = 256;
  c.recipe.micro_batch_tokens = 256;
  c.recipe.batch_sequences = 64;
  c.recipe.steps = 3;
  c.texts = {random_letters(20'000, 1)};
  return c;
}

// A rank asks 50 ms into the step after `after`.
std::function<bool(int, int64_t)> within_the_step(int asking, int64_t after) {
  const auto begin = std::make_shared<std::atomic<Clock::rep>>(0);
  return [=](int rank, int64_t steps) {
    if (rank != asking || steps < after) return false;
    if (*begin == 0) *begin = Clock::now().time_since_epoch().count();
    return Clock::now().time_since_epoch() >= Clock::duration(*begin) + std::chrono::milliseconds(50);
  };
}

class TrainStop : public testing::TestWithParam<MeshShape> {};
INSTANTIATE_TEST_SUITE_P(Meshes, TrainStop,
                         testing::Values(MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 2}),
                         [](const auto& mesh) {
                           return fmt::format("data{}_sequence{}", mesh.param.data, mesh.param.sequence);
                         });

TEST_P(TrainStop, AStepIsAbandonedAndNothingOfItApplied) {
  const TrainCase whole_case = slow_case(GetParam());
  const TempDir whole, parts;
  const TrainResult wanted = run_training(whole_case, whole.path());

  TrainCase stopped = whole_case;
  stopped.asks = within_the_step(GetParam().data * GetParam().sequence - 1, 2);
  const auto error = error_of([&] { run_training(stopped, parts.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kStopped);
  EXPECT_THAT(error->what(), HasSubstr("stopped on request after step 2 of 3, within the next"));
  EXPECT_EQ(list_checkpoints(parts / "checkpoints"), std::vector<int64_t>{2});
  EXPECT_EQ(losses_in(parts.path()).size(), 2U);

  const TrainResult found = run_training(whole_case, parts.path());
  EXPECT_EQ(found.outcome.resumed_from, 2);
  EXPECT_EQ(losses_in(parts.path()), losses_in(whole.path()));
  for (size_t r = 0; r < found.weights.size(); ++r) {
    EXPECT_TRUE(at::equal(found.weights[r], wanted.weights[r])) << "rank " << r;
  }
}

TEST_P(TrainStop, WithinTheFirstStepThereIsNothingToSave) {
  const TempDir folder;
  TrainCase stopped = slow_case(GetParam());
  stopped.asks = within_the_step(0, 0);
  const auto error = error_of([&] { run_training(stopped, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kStopped);
  EXPECT_THAT(error->what(),
              HasSubstr("after step 0 of 3, within the next, which is given up; there is nothing"));
  EXPECT_EQ(list_checkpoints(folder / "checkpoints"), std::vector<int64_t>{});
}

// What is written while the next steps change the weights is the state after the step: resuming from each gives the
// bits of the run left alone.
TEST(SavingBeside, EachCheckpointIsOfItsStep) {
  TrainCase c;
  c.dtype = at::kFloat;
  c.shape = {1, 2};
  c.recipe.checkpoint_every = 1;
  c.recipe.keep_checkpoints = 10;
  const TempDir whole;
  const TrainResult wanted = run_training(c, whole.path());
  EXPECT_EQ(wanted.outcome.saving.checkpoints, c.recipe.steps);
  EXPECT_GT(wanted.outcome.saving.written, 0);
  for (const int64_t step : {1, 2, 3, 4, 5}) {
    const TempDir parts;
    fs::copy(whole.path(), parts.path(), fs::copy_options::recursive);
    for (const int64_t later : list_checkpoints(whole / "checkpoints")) {
      if (later > step) fs::remove_all(parts / fmt::format("checkpoints/step-{:06}", later));
    }
    const TrainResult found = run_training(c, parts.path());
    EXPECT_EQ(found.outcome.resumed_from, step);
    for (size_t r = 0; r < found.weights.size(); ++r) {
      EXPECT_TRUE(at::equal(found.weights[r], wanted.weights[r])) << "from step " << step << ", rank " << r;
    }
  }
}

// The address space that this process may have beyond what it has, until the end of the scope.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(rlim_t more) {
    std::ifstream pages("/proc/self/statm");
    rlim_t used = 0;
    pages >> used;
    ::getrlimit(RLIMIT_AS, &before_);
    const rlimit limit{used * static_cast<rlim_t>(::getpagesize()) + more, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  }
  ~AddressSpaceLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

// What is left is enough for the run and for the copies, but they would take the last of it.
TEST(SavingBeside, WithoutRoomForCopiesItIsSavedWhileTrainingWaits) {
  TrainCase c;
  c.shape = {1, 2};
  c.recipe.checkpoint_every = 2;
  const TempDir whole, tight;
  const TrainResult wanted = run_training(c, whole.path());
  EXPECT_GT(wanted.outcome.saving.written, 0);

  std::optional<AddressSpaceLimit> limit;
  c.after_step = [&](TinyRank& rank, int64_t step) {
    if (step == 1 && rank.mesh.world().rank() == 0) limit.emplace(128 << 20);
  };
  TrainResult found;
  const std::string said = printed_by([&] { found = run_training(c, tight.path()); });
  limit.reset();
  EXPECT_THAT(said, HasSubstr("are available: checkpoints are written while training waits"));
  EXPECT_EQ(said.find("training waits"), said.rfind("training waits")) << "said once: " << said;
  EXPECT_EQ(found.outcome.saving.checkpoints, 3);
  EXPECT_EQ(found.outcome.saving.written, 0) << "of writing beside training";
  EXPECT_EQ(list_checkpoints(tight / "checkpoints"), list_checkpoints(whole / "checkpoints"));
  for (size_t r = 0; r < found.weights.size(); ++r)
    EXPECT_TRUE(at::equal(found.weights[r], wanted.weights[r]));
}

TEST(SavingBeside, ByTheClock) {
  TrainCase c;
  c.shape = {1, 2};
  c.recipe.keep_checkpoints = 10;
  const TempDir seldom, often;
  c.recipe.checkpoint_every = Cadence::of_seconds(3600);
  run_training(c, seldom.path());
  EXPECT_EQ(list_checkpoints(seldom / "checkpoints"), std::vector<int64_t>{6});
  c.recipe.checkpoint_every = Cadence::of_seconds(1e-6);
  run_training(c, often.path());
  EXPECT_EQ(list_checkpoints(often / "checkpoints"), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
}

TEST(SavingBeside, AFailureEndsTheRunAndTheCheckpointBeforeIsIntact) {
  TrainCase c;
  c.shape = {1, 2};
  c.recipe.steps = 40;
  c.recipe.checkpoint_every = 2;
  const TempDir folder;
  const fs::path aside = folder / "aside";
  c.after_step = [&](TinyRank& rank, int64_t step) {
    if (step != 4 || rank.mesh.world().rank() != 0) return;
    fs::rename(folder / "checkpoints", aside);
    std::ofstream(folder / "checkpoints") << "in the way";
  };
  const auto error = error_of([&] { run_training(c, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kCannotCreate) << error->what();
  EXPECT_THAT(error->what(), HasSubstr("checkpoints"));
  EXPECT_LT(losses_in(folder.path()).size(), 40U) << "the run went on without checkpoints";
}

TEST(SavingBeside, EveryNthStaysForGood) {
  TrainCase c;
  c.recipe.steps = 8;
  c.recipe.checkpoint_every = 1;
  c.recipe.keep_every = 3;
  const TempDir folder;
  run_training(c, folder.path());
  EXPECT_EQ(list_checkpoints(folder / "checkpoints"), (std::vector<int64_t>{3, 6, 7, 8}));
}

}  // namespace
}  // namespace ropeway
