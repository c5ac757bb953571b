#include "trainer/report/evaluations.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

EvaluationRecord record_of(const std::string& stage, double bits, double targets) {
  EvaluationRecord record{
      .stage = stage, .model = "tuned", .factors = "long", .length = 4096, .bits_per_byte = bits};
  record.figures.push_back({"targets", targets});
  return record;
}

TEST(Evaluations, MoreTargetsSpeakForTheSet) {
  const std::vector<EvaluationRecord> all = {record_of("scores", 1.5, 8160),
                                             record_of("controls", 1.7, 4080)};
  EXPECT_EQ(best_evaluation(all, "tuned", "long", 4096, has_bits)->stage, "scores");
  EXPECT_EQ(best_evaluation(all, "tuned", "", 4096, has_bits)->stage, "scores");
}

TEST(Evaluations, OfEqualsTheLatest) {
  const std::vector<EvaluationRecord> all = {record_of("first", 1.5, 100), record_of("second", 1.7, 100)};
  EXPECT_EQ(best_evaluation(all, "tuned", "long", 4096, has_bits)->stage, "second");
}

TEST(Evaluations, WhatWasNotMeasuredSpeaksForNothing) {
  const std::vector<EvaluationRecord> all = {record_of("scores", 1.5, 100)};
  EXPECT_EQ(best_evaluation(all, "tuned", "long", 4096, has_passkey), nullptr);
  EXPECT_EQ(best_evaluation(all, "base", "long", 4096, has_bits), nullptr);
  EXPECT_EQ(best_evaluation(all, "tuned", "long", 8192, has_bits), nullptr);
  EXPECT_EQ(figure_or(all[0], "needles", -1), -1);
}

}  // namespace
}  // namespace ropeway
