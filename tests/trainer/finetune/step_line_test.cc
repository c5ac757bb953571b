#include "trainer/finetune/step_line.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(StepLine, SaysAllThatIsKnown) {
  const StepRecord record{.stage = "tune",
                          .loss = 1.432,
                          .learning_rate = 5e-4,
                          .gradient_norm = 0.384,
                          .tokens_per_second = 8120,
                          .seconds = 2,
                          .peak_memory_bytes = int64_t{61} << 30,
                          .time = {{"data", 0.02}, {"checkpoint", 2.14}},
                          .tflops_per_rank = 412.4,
                          .peak_tflops = 989,
                          .seconds_left = 11100};
  EXPECT_EQ(
      step_line(record, 8),
      "loss 1.4320  grad 0.38  lr 5.00e-04  8.1k tok/s (1.0k/rank)  412 TFLOP/s (42%)  61.0 GiB  data 1%  "
      "save 2.1s  all 3h05m");
}

TEST(StepLine, LeavesOutWhatIsNot) {
  const StepRecord record{
      .stage = "tune", .loss = 2, .learning_rate = 1e-5, .gradient_norm = 1, .tokens_per_second = 512};
  EXPECT_EQ(step_line(record, 1), "loss 2.0000  grad 1.00  lr 1.00e-05  512 tok/s");
}

}  // namespace
}  // namespace ropeway
