// A model whose weights are finite and whose every loss is not: nothing is made of it, by any kind of stage,
// however often the run is started.
#include <cstdio>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Overflowing : public ::testing::Test {
 protected:
  // The last norm multiplies by the largest BF16 number: logits overflow.
  Overflowing() {
    fs::copy(kTinyBase, scratch_.path() / "model");
    std::string weights = read_bytes(scratch_.path() / "model/model.safetensors");
    const size_t at = weights.find("\"data_offsets\"", weights.find("\"model.norm.weight\""));
    unsigned begin = 0, end = 0;
    EXPECT_EQ(std::sscanf(weights.c_str() + weights.find('[', at), "[%u,%u]", &begin, &end), 2);
    uint64_t header = 0;
    std::memcpy(&header, weights.data(), sizeof header);
    for (size_t i = 8 + header + begin; i < 8 + header + end; i += 2) weights.replace(i, 2, "\x7f\x7f");
    scratch_.file("model/model.safetensors", weights);
  }
  std::string recipe(const std::string& stages) {
    const std::string path = small_recipe(scratch_, stages);
    return path + " --set model.path=" + scratch_.name("model");
  }
  // Ends with 79 on one rank and on two, the first time and again; `said` in the message.
  void expect_nothing_made(const std::string& stage, const std::string& said) {
    const fs::path folder = scratch_.path() / "run/stages/it";
    for (const int ranks : {1, 2}) {
      fs::remove_all(scratch_.path() / "run");
      for (int again = 0; again < 2; ++again) {
        const std::string arguments = "run " + recipe(stage);
        const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
        EXPECT_EQ(ended.code, 79) << ended.err;
        EXPECT_THAT(own_words(ended), HasSubstr(said));
        for (const char* made : {"done.json", "factors.json", "model", "checkpoints"}) {
          EXPECT_FALSE(fs::exists(folder / made)) << made;
        }
        EXPECT_FALSE(fs::exists(scratch_.path() / "run/model"));
      }
    }
  }

  const TempDir scratch_;
};

TEST_F(Overflowing, MakesNoFactors) {
  expect_nothing_made(
      "  - {name: it, kind: search, from: none, makes: long, length: 512, documents: 2, "
      "finalist_documents: 1, refine: none, seed_grid: short}\n",
      "the search ends without factors: the loss of every candidate, in phase seeds, is not finite");
}

TEST_F(Overflowing, MakesNoModel) {
  const std::string stage =
      "  - {name: it, kind: finetune, from: none, makes: tuned, length: 512, batch_sequences: 1, ";
  expect_nothing_made(stage + "steps: 2}\n", "it: none of the 2 steps made an update");
  expect_nothing_made(stage + "steps: 9, max_skipped_steps: 0}\n",
                      "it: 1 step in a row without an update, the last one is 1: loss NaN");
}

TEST_F(Overflowing, MakesNoEvaluation) {
  expect_nothing_made("  - {name: it, kind: evaluate, lengths: [256], factors: [none], windows: 2}\n",
                      "loss of window 0 at position 0 is ");
}

// Evaluations draw windows and samples; training must not see that.
TEST(Evaluations, BetweenTrainingsChangeNothingOfThem) {
  const std::string tune =
      "  - {name: tune, kind: finetune, from: none, makes: tuned, length: 512, batch_sequences: 2, "
      "steps: 3, learning_rate: 1e-3}\n";
  const std::string more =
      "  - {name: more, kind: finetune, from: tuned, length: 512, makes: further, batch_sequences: 2, "
      "steps: 3, learning_rate: 1e-3}\n";
  std::string weights[2];
  for (const bool evaluated : {false, true}) {
    const TempDir scratch;
    const std::string between = evaluated ? kEvaluateStage : "";
    const Ended ended = run_ropeway("run " + small_recipe(scratch, tune + between + more));
    ASSERT_EQ(ended.code, 0) << ended.err;
    weights[evaluated] = read_bytes(scratch.path() / "run/model/model.safetensors");
  }
  EXPECT_TRUE(weights[0] == weights[1]);
}

TEST(Counts, OfSpikesAndRollbacksAreInMetricsAndReport) {
  const TempDir scratch;
  ASSERT_EQ(run_ropeway("run " + training_recipe(scratch) + " --set stages.base.on_spike=rollback").code, 0);
  EXPECT_THAT(read_bytes(scratch.path() / "run/metrics.jsonl"),
              AllOf(HasSubstr("\"spikes\":0"), HasSubstr("\"rollbacks\":0")));
  EXPECT_THAT(read_bytes(scratch.path() / "run/report.json"),
              AllOf(HasSubstr("\"spikes\": 0"), HasSubstr("\"rollbacks\": 0")));
}

}  // namespace
}  // namespace ropeway
