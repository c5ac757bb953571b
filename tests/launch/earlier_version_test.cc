// tests/data/version_1 is the folder of a run of an earlier version, stopped in its fine-tune: factor files and
// checkpoints of version 1, without names of weights and without config.json in a checkpoint. It is read as it
// was meant, or refused in one message that says what to do.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class EarlierVersion : public testing::Test {
 protected:
  EarlierVersion() { fs::copy(top_folder() + "/tests/data/version_1", run_, fs::copy_options::recursive); }
  double nll(const fs::path& model, const std::string& factors) const {
    const std::string json = scratch_.name("out.json");
    const Ended ended = run_ropeway("evaluate " + model.string() +
                                    " --text tests/data/prose.txt --lengths 128 --windows 2 --factors " +
                                    factors + " --cache " + scratch_.name("cache") + " --json " + json);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return nlohmann::json::parse(read_bytes(json)).at("evaluations").at(0).at("nll");
  }

  TempDir scratch_;
  const fs::path run_ = scratch_.path() / "run", checkpoint_ = run_ / "stages/tune/checkpoints/step-000002";
};

// What that version's own evaluation of the same windows gave.
TEST_F(EarlierVersion, ModelsAndCheckpointsGiveTheLossesTheyGave) {
  EXPECT_NEAR(nll(run_ / "model", "wide"), 5.544159588851328, 1e-6);
  EXPECT_NEAR(nll(checkpoint_, "wide"), 5.5441837780118925, 1e-6);
}

TEST_F(EarlierVersion, SetsWithoutNamesOfWeightsAreForTheWeightsTheyLieWith) {
  EXPECT_EQ(nll(run_ / "model", "auto"), nll(run_ / "model", "tuned"));
  const Ended inspected = run_ropeway("inspect " + (run_ / "model").string());
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, AllOf(HasSubstr("wide"), HasSubstr("tuned")));
  EXPECT_EQ(run_ropeway("inspect " + checkpoint_.string()).code, 0);
}

// Its recipe lacks what has a key today: how training windows are made, for one.
TEST_F(EarlierVersion, ARunIsNotGoneOnWith) {
  const std::string recipe = scratch_.file("recipe.yaml", read_bytes(run_ / "recipe.yaml"));
  const Ended ended = run_ropeway("run " + recipe + " --set run_dir=" + run_.string() +
                                  " --set data.cache=" + scratch_.name("cache"));
  EXPECT_EQ(ended.code, 73) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("holds a run of another recipe"), HasSubstr("packing"),
                               HasSubstr("use --fresh to move it aside, or another run_dir")));
  EXPECT_TRUE(fs::exists(checkpoint_ / "manifest.json"));
  // The recipe itself is good.
  EXPECT_EQ(run_ropeway("validate " + recipe).code, 0);
}

}  // namespace
}  // namespace ropeway
