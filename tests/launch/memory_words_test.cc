// Suggestions in the words of those who can act on them.
#include "launch/memory_words.h"

#include <gmock/gmock.h>

#include "launch/exit_status.h"
#include "tests/trainer/plan/cases.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kGiB = int64_t{1} << 30;

// Its words for a change that leaves two GiB of weights.
Suggestion change(Knob knob, bool enough = true) {
  Suggestion one{.knob = knob, .plan = {}, .parts = {}, .saved = 3 * kGiB, .enough = enough};
  one.parts.weights = 2 * kGiB;
  one.parts.host = 5 * kGiB;
  one.plan.dtype = DType::kBF16;
  one.plan.mesh.sequence = 16;
  one.plan.zero = ZeroStage::kWeights;
  one.plan.work.lengths = {4096, 65536};
  one.plan.tile_tokens = 512;
  one.plan.loss_tile_tokens = 256;
  return one;
}

TEST(MemoryWords, NameKeysOfARecipe) {
  std::vector<Suggestion> all;
  for (const Knob knob : recipe_knobs()) all.push_back(change(knob));
  EXPECT_THAT(
      as_recipe_keys(all, "stage tune"),
      ElementsAre("engine.activations: host (5.00 GiB of host memory per rank): 2.00 GiB per rank",
                  "dtype: bf16: 2.00 GiB per rank",
                  "moments: bf16 in stage tune (saves 3.00 GiB): 2.00 GiB per rank",
                  "engine.zero: 3 (ranks share out weights, gathered block by block): 2.00 GiB per rank",
                  "16 sequence ranks (mesh.sequence: 16): 2.00 GiB per rank",
                  "engine.keep_bytes: 0 (about a quarter more work): 2.00 GiB per rank",
                  "engine.tile_tokens: 512, engine.loss_tile_tokens: 256: 2.00 GiB per rank",
                  "engine.save_attention: false (attention runs twice forward): 2.00 GiB per rank",
                  "mesh.data: 1, mesh.sequence: 16 (all ranks share each sequence): 2.00 GiB per rank",
                  "length: 64K: 2.00 GiB per rank"));
}

TEST(MemoryWords, NameOptionsOfEvaluate) {
  std::vector<Suggestion> all;
  for (const Knob knob : evaluate_knobs({1, 8})) all.push_back(change(knob, false));
  EXPECT_THAT(
      as_evaluate_options(all),
      ElementsAre("--dtype bf16: 2.00 GiB per rank, still too much alone",
                  "--lengths of multiples of 32 (all ranks share each sequence): 2.00 GiB per rank, still "
                  "too much alone",
                  "--lengths 64K: 2.00 GiB per rank, still too much alone",
                  "--device cpu (2.00 GiB of host memory per rank, and much more time)",
                  "16 ranks (mpirun -n 16): 2.00 GiB per rank, still too much alone"));
}

// The message of the error, and a line for each suggestion.
TEST(MemoryWords, StandBelowTheMessage) {
  const ModelConfig config = llama_8b();
  const EnginePlan plan = plan_of(recipe_of(finetune(1 << 20)), {1, 1}, {});
  const auto message = [&](const std::string& who, const std::vector<Knob>& knobs) {
    return outcome_of(std::make_exception_ptr(OutOfMemory(who, "full", config, plan, knobs))).message;
  };
  const std::string of_run = message("stage tune", recipe_knobs());
  EXPECT_THAT(of_run, StartsWith("stage tune: out of memory (full); it needs about "));
  EXPECT_THAT(of_run, HasSubstr("\n  to need less: engine.activations: host ("));
  const std::string of_evaluate = message(kEvaluateVerb, evaluate_knobs({1, 1}));
  EXPECT_THAT(of_evaluate, HasSubstr("\n  to need less: --lengths 512K: "));
}

}  // namespace
}  // namespace ropeway::testing
