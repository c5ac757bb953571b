// Checkpoints with a flipped bit: the one before is used, with a warning; without one the run ends and
// nothing of it is touched.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Checkpoints : public testing::TestWithParam<int> {
 protected:
  Checkpoints() : run_(scratch_.path() / "run"), folder_(run_ / "stages/base/checkpoints") {
    arguments_ = "run " + training_recipe(scratch_);
    const Ended ended = start();
    EXPECT_EQ(ended.code, 0) << ended.err;
    expected_ = read_bytes(run_ / "model/model.safetensors");
    // As if it had been killed right after its last checkpoint.
    fs::remove(run_ / "stages/base/done.json");
  }

  Ended start() const {
    return GetParam() == 1 ? run_ropeway(arguments_) : mpirun_ropeway(GetParam(), arguments_);
  }
  void flip_a_bit(const std::string& step, const std::string& prefix) const {
    for (const auto& entry : fs::directory_iterator(folder_ / step)) {
      if (entry.path().filename().string().rfind(prefix, 0) != 0) continue;
      std::string bytes = read_bytes(entry.path());
      bytes[bytes.size() / 2] ^= 4;
      std::ofstream(entry.path(), std::ios::binary) << bytes;
      return;
    }
    FAIL() << "no " << prefix << " in " << step;
  }

  TempDir scratch_;
  fs::path run_, folder_;
  std::string arguments_, expected_;
};

TEST_P(Checkpoints, ADamagedOneIsNamedAndTheOneBeforeUsed) {
  for (const char* file : {"weights.safetensors", "optimizer-", "state.json", "manifest.json"}) {
    flip_a_bit("step-000004", file);
    const Ended ended = start();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(times(ended.err, "ropeway: warning: "), 1) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("step-000004/" + std::string(file)));
    EXPECT_THAT(ended.err, HasSubstr("resumes after step 2 from " + (folder_ / "step-000002").string()));
    EXPECT_TRUE(read_bytes(run_ / "model/model.safetensors") == expected_) << file << ": other weights";
    fs::remove(run_ / "stages/base/done.json");
  }
}

TEST_P(Checkpoints, WhenAllAreDamagedNothingIsTouched) {
  flip_a_bit("step-000002", "weights");
  flip_a_bit("step-000004", "optimizer-00001");
  const auto before = files_below(folder_);
  const Ended ended = start();
  EXPECT_EQ(ended.code, 65) << ended.err;
  EXPECT_EQ(times(ended.err, "2 checkpoints and none that verifies"), 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("step-000002/weights.safetensors"));
  EXPECT_THAT(ended.err, HasSubstr("step-000004/optimizer-00001"));
  EXPECT_TRUE(files_below(folder_) == before);
  EXPECT_TRUE(read_bytes(run_ / "model/model.safetensors") == expected_);
}

INSTANTIATE_TEST_SUITE_P(Ranks, Checkpoints, testing::Values(1, 2), testing::PrintToStringParamName());

TEST(CheckpointEvaluation, ADamagedOneIsRefused) {
  const TempDir scratch;
  ASSERT_EQ(run_ropeway("run " + training_recipe(scratch)).code, 0);
  const fs::path checkpoint = scratch.path() / "run/stages/base/checkpoints/step-000004";
  std::string bytes = read_bytes(checkpoint / "weights.safetensors");
  bytes.back() ^= 1;
  std::ofstream(checkpoint / "weights.safetensors", std::ios::binary) << bytes;
  const Refusal refusal{.code = 65, .said = {"step-000004/weights.safetensors", "SHA-256"}};
  expect_refusal("evaluate " + checkpoint.string() + " --text tests/data/prose.txt --lengths 64 --cache " +
                     scratch.name("cache"),
                 refusal, scratch.path() / "run");
  expect_refusal("inspect " + checkpoint.string(), refusal, scratch.path() / "run");
}

}  // namespace
}  // namespace ropeway
