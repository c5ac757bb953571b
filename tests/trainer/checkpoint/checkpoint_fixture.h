// Small checkpoints whose content is a function of the step, so that what is loaded can be told apart.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "parallel/comm/communicator.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/folder_test.h"
#include "trainer/checkpoint/background_save.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/checkpoint/checkpoint_save.h"

namespace ropeway {

inline constexpr int64_t kFlatTotal = 1003;  // not a multiple of any number of ranks used

inline std::pair<int64_t, int64_t> flat_range(int ranks, int rank) {
  return {kFlatTotal * rank / ranks, kFlatTotal * (rank + 1) / ranks};
}
inline double flat_value(int64_t step, int64_t index) {
  return static_cast<double>(step) * 10000 + static_cast<double>(index);
}

class CheckpointTest : public FolderTest {
 protected:
  static inline bool beside_ = false;  // saves in a thread of each rank
  static void save(Communicator& world, const std::filesystem::path& folder, int64_t step, int keep = 10,
                   size_t num_weights = 50) {
    const auto [begin, end] = flat_range(world.size(), world.rank());
    std::vector<float> master;
    std::vector<double> moment;
    for (int64_t i = begin; i < end; ++i) {
      master.push_back(static_cast<float>(flat_value(step, i)));
      moment.push_back(-flat_value(step, i));
    }
    const std::vector<float> weights(num_weights, static_cast<float>(step));
    CheckpointContent content;
    content.step = step;
    content.state_json = fmt::format("{{\"step\": {}}}", step);
    if (world.rank() == 0) {
      content.weights = {{"w", DType::kF32, {static_cast<int64_t>(num_weights)}, weights.data()}};
    }
    content.optimizer = {{"master", DType::kF32, {end - begin}, master.data()},
                         {"moment1", DType::kF64, {end - begin}, moment.data()}};
    content.optimizer_parts = {{begin, end}};
    content.optimizer_total = kFlatTotal;
    content.recipe_sha256 = std::string(64, 'e');
    const Retention retention{.newest = keep};
    if (!beside_) return save_checkpoint(world, folder, content, retention);
    BackgroundSave background(world);
    background.start(folder, content, retention);
    background.finish();
  }
  void save(int64_t step, int keep = 10, int ranks = 2) {
    run_thread_world(ranks, [&](Communicator& world) { save(world, folder_, step, keep); });
  }

  static void expect_content(LoadedCheckpoint& loaded, int64_t step, int64_t begin = 0,
                             int64_t end = kFlatTotal) {
    EXPECT_EQ(loaded.step, step);
    EXPECT_EQ(loaded.state_json, fmt::format("{{\"step\": {}}}", step));
    EXPECT_EQ(loaded.recipe_sha256, std::string(64, 'e'));
    float weight = 0;
    std::memcpy(&weight, loaded.weights.data("w").data(), 4);
    EXPECT_EQ(weight, static_cast<float>(step));
    std::vector<float> master(end - begin);
    std::vector<double> moment(end - begin);
    loaded.read_optimizer({"master"}, begin, end, master.data());
    loaded.read_optimizer({"moment1", DType::kF64}, begin, end, moment.data());
    for (int64_t i = begin; i < end; ++i) {
      ASSERT_EQ(master[i - begin], static_cast<float>(flat_value(step, i))) << i;
      ASSERT_EQ(moment[i - begin], -flat_value(step, i)) << i;
    }
  }

  // Loads with one rank; returns the step, -1 for none, and what was said on stderr.
  std::pair<int64_t, std::string> load() {
    testing::internal::CaptureStderr();
    int64_t step = -1;
    try {
      auto loaded = load_newest_checkpoint(*make_world_of_one(), folder_);
      if (loaded) {
        step = loaded->step;
        expect_content(*loaded, step);
      }
    } catch (...) {
      testing::internal::GetCapturedStderr();
      throw;
    }
    return {step, testing::internal::GetCapturedStderr()};
  }

  std::filesystem::path of_step(int64_t step) const { return folder_ / fmt::format("step-{:06}", step); }

  // Runs the action in a child process and returns its exit code.
  template <typename Action>
  static int in_child(Action&& action) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        action();
      } catch (const Error& error) {
        ::_exit(error.exit_code());
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

}  // namespace ropeway
