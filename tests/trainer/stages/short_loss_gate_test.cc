// What a gate compares: the best factor set of each stage, the files that all sets of both were scored on.
#include "trainer/stages/short_loss_gate.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

EvaluationRecord evaluation(const std::string& stage, const std::string& factors, int64_t length,
                            double bits) {
  return {.stage = stage, .model = "base", .factors = factors, .length = length, .bits_per_byte = bits};
}
BenchmarkRecord choices(const std::string& stage, const std::string& factors, const std::string& task,
                        double accuracy) {
  return {.stage = stage,
          .model = "base",
          .benchmark = "choices",
          .task = task,
          .factors = factors,
          .length = 256,
          .numbers = {{"accuracy", accuracy}}};
}

TEST(ShortLossGate, LossIsThatOfTheBestSetAtTheWindow) {
  RunReport report;
  report.evaluations = {evaluation("a", "none", 256, 2.0), evaluation("a", "yarn", 256, 2.5),
                        evaluation("a", "none", 512, 1.0), evaluation("b", "none", 256, 2.2),
                        evaluation("b", "short", 256, 2.04)};
  const ShortLosses losses = short_losses(report, "a", "b", 256);
  ASSERT_TRUE(losses.bits_per_byte.has_value());
  EXPECT_FALSE(losses.accuracy.has_value());
  EXPECT_NEAR(losses.bits_per_byte->loss(), 0.02, 1e-12);
  EXPECT_LT(short_losses(report, "b", "a", 256).bits_per_byte->loss(), 0);
  EXPECT_FALSE(short_losses(report, "a", "c", 256).bits_per_byte.has_value());
}

TEST(ShortLossGate, AccuracyIsTheMeanOverFilesInCommon) {
  RunReport report;
  report.benchmarks = {choices("a", "none", "x", 0.8), choices("a", "none", "y", 0.4),
                       choices("b", "none", "x", 0.7), choices("b", "none", "y", 0.38),
                       choices("b", "none", "z", 1.0)};
  const ShortLosses losses = short_losses(report, "a", "b", 256);
  ASSERT_TRUE(losses.accuracy.has_value());
  EXPECT_NEAR(losses.accuracy->before, 0.6, 1e-12);
  EXPECT_NEAR(losses.accuracy->now, 0.54, 1e-12);
  EXPECT_NEAR(losses.accuracy->loss(), 0.1, 1e-12);
}

}  // namespace
}  // namespace ropeway
