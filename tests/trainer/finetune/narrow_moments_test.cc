// `moments: bf16`: AdamW's moments in half the memory, on the CPU as on GPUs.
#include <fmt/format.h>

#include <algorithm>

#include "tests/trainer/finetune/train_case.h"

namespace ropeway {
namespace {

struct Trained {
  std::vector<double> losses;
  TrainOutcome outcome;
};

Trained run_with(DType moments, at::ScalarType weights) {
  TrainCase c;
  c.dtype = weights;
  c.recipe.moments = moments;
  c.recipe.steps = 60;
  const TempDir folder;
  const TrainResult result = run_training(c, folder.path());
  return {losses_in(folder.path()), result.outcome};
}

int64_t optimizer_bytes(const Trained& run) {
  for (const auto& [part, bytes] : run.outcome.memory) {
    if (part == "optimizer") return bytes;
  }
  return 0;
}

// The loss falls from 6.87 to 2.82 in these 60 steps. Rounding the moments changed no step's by more
// than 1.5e-4, and beside BF16 weights, where the last bit of a weight makes more of a difference, by more
// than 4e-3.
TEST(NarrowMoments, LearnAsWideOnesDo) {
  for (const auto& [weights, allowed] : {std::pair{at::kFloat, 1e-3}, std::pair{at::kBFloat16, 0.02}}) {
    const Trained wide = run_with(DType::kF32, weights), narrow = run_with(DType::kBF16, weights);
    ASSERT_EQ(narrow.losses.size(), wide.losses.size());
    double largest = 0;
    for (size_t i = 0; i < wide.losses.size(); ++i)
      largest = std::max(largest, std::abs(narrow.losses[i] - wide.losses[i]));
    RecordProperty("largest_difference", fmt::format("{}", largest));
    EXPECT_GT(wide.losses.front() - wide.losses.back(), 4.0);
    EXPECT_LT(largest, allowed);
    EXPECT_GT(largest, 0);
  }
}

TEST(NarrowMoments, TakeFourBytesPerParameterLess) {
  const Trained wide = run_with(DType::kF32, at::kFloat), narrow = run_with(DType::kBF16, at::kFloat);
  // Two moments of 4 bytes, or two of 2.
  EXPECT_GT(optimizer_bytes(narrow), 0);
  EXPECT_EQ(optimizer_bytes(wide), 2 * optimizer_bytes(narrow));
}

}  // namespace
}  // namespace ropeway
