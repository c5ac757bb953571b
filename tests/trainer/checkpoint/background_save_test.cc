// Checkpoints written beside the work, and which of them stay.
#include "trainer/checkpoint/background_save.h"

#include <fstream>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "trainer/checkpoint/checkpoint_manifest.h"

namespace ropeway {
namespace {

CheckpointContent small_content(int64_t step, const std::vector<float>& state, Communicator& world) {
  CheckpointContent content;
  content.step = step;
  content.state_json = "{}";
  if (world.rank() == 0) {
    content.weights = {{"w", DType::kF32, {std::ssize(state)}, state.data()}};
  }
  content.optimizer = {{"master", DType::kF32, {std::ssize(state)}, state.data()}};
  const int64_t begin = std::ssize(state) * world.rank();
  content.optimizer_parts = {{begin, begin + std::ssize(state)}};
  content.optimizer_total = std::ssize(state) * world.size();
  return content;
}

class BackgroundSaving : public CheckpointTest {};

TEST_F(BackgroundSaving, TheWorldWorksWhileItIsSaved) {
  run_thread_world(3, [&](Communicator& world) {
    const std::vector<float> state(1 << 20, 1.5F);
    BackgroundSave background(world);
    EXPECT_FALSE(background.in_flight());
    background.start(folder_, small_content(7, state, world), {});
    EXPECT_TRUE(background.in_flight());
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(all_reduce_sum(world, 1), 3);
    background.finish();
    EXPECT_FALSE(background.in_flight());
    EXPECT_GT(background.seconds(), 0);
  });
  read_verified_manifest(of_step(7), true);
}

// Of an error of one rank all hear, when they ask, and the next save works.
TEST_F(BackgroundSaving, AFailureIsThrownOnEveryRankByFinish) {
  std::ofstream(folder_ / "in the way") << "x";
  run_thread_world(3, [&](Communicator& world) {
    const std::vector<float> state(100, 1.0F);
    BackgroundSave background(world);
    background.start(folder_ / "in the way", small_content(1, state, world), {});
    while (!background.ended()) std::this_thread::yield();
    EXPECT_TRUE(background.failed());
    std::string said;
    try {
      background.finish();
    } catch (const Error& error) {
      said = error.what();
    }
    EXPECT_THAT(said, testing::HasSubstr("in the way"));
    EXPECT_FALSE(background.failed());
    background.start(folder_, small_content(1, state, world), {});
    background.finish();
  });
  read_verified_manifest(of_step(1), true);
}

TEST_F(BackgroundSaving, OneInFlightAtATime) {
  run_thread_world(1, [&](Communicator& world) {
    const std::vector<float> state(100, 1.0F);
    BackgroundSave background(world);
    background.start(folder_, small_content(1, state, world), {});
    EXPECT_THROW(background.start(folder_, small_content(2, state, world), {}), Error);
  });
  read_verified_manifest(of_step(1), true);  // the destructor has waited
}

TEST(Superfluous, AreThoseBeyondTheNewest) {
  EXPECT_EQ(superfluous({1, 2, 3, 4}, {.newest = 2}), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(superfluous({1, 2}, {.newest = 2}), std::vector<int64_t>{});
  EXPECT_EQ(superfluous({}, {.newest = 2}), std::vector<int64_t>{});
}

TEST(Superfluous, OfEveryStretchTheFirstStaysForGood) {
  EXPECT_EQ(superfluous({5, 10, 15, 20, 25, 30, 35, 40}, {.newest = 2, .every = 10}),
            (std::vector<int64_t>{5, 15, 25}));
  // Saved by the clock: the first at or after each multiple.
  EXPECT_EQ(superfluous({7, 13, 19, 24, 38, 41, 44, 47}, {.newest = 2, .every = 10}),
            (std::vector<int64_t>{7, 19}));
}

// Saved one after the other, what stays is what would have stayed of all of them at once.
TEST_F(CheckpointTest, EveryNthStaysForGood) {
  run_thread_world(2, [&](Communicator& world) {
    for (int64_t step = 2; step <= 24; step += 2) {
      const std::vector<float> state(10, static_cast<float>(step));
      save_checkpoint(world, folder_, small_content(step, state, world), {.newest = 2, .every = 8});
    }
  });
  EXPECT_EQ(list_checkpoints(folder_), (std::vector<int64_t>{8, 16, 22, 24}));
}

// The sizes of the two newest are right, their bytes are not.
TEST_F(CheckpointTest, NothingIsRemovedWhileNoneOfTheNewestReadsBack) {
  for (const int64_t step : {1, 9, 10}) save(step);
  for (const int64_t step : {9, 10}) {
    std::string bytes = read_bytes(of_step(step) / "weights.safetensors");
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_bytes(of_step(step) / "weights.safetensors", bytes);
  }
  save(2, 2);
  EXPECT_EQ(list_checkpoints(folder_), (std::vector<int64_t>{1, 2, 9, 10}));
  EXPECT_EQ(load().first, 2);
  save(3, 3);
  EXPECT_EQ(list_checkpoints(folder_), (std::vector<int64_t>{3, 9, 10}));
}

}  // namespace
}  // namespace ropeway
