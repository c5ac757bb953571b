// Keys of benchmarks and gates: maps of keys inside a stage, shares in percent, and gates that have nothing
// to compare with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The good recipe, whose last stage evaluates, with another one that has these keys.
std::string with_keys(const std::string& keys) {
  return kGoodRecipe + "  - {name: after, kind: evaluate, lengths: [256], " + keys + "}\n";
}
const BenchmarkRecipe& last(const RecipeResult& result) {
  return result.recipe.stages.back().evaluate().benchmarks;
}

TEST(BenchmarkKeys, ValuesAndRoundTrip) {
  const auto result = parse_text(with_keys(
      "requests: [a.jsonl, b.jsonl.gz], request_limit: 5, ruler: [niah_single_1, vt], ruler_samples: 7, "
      "ruler_prompt: plain, tasks: [longppl], longppl: {short: 2K, stride: 256, gain: 1.5, floor: -3}, "
      "gate: {max_short_loss: 1.5%, against: score}"));
  ASSERT_THAT(result.errors, IsEmpty());
  const BenchmarkRecipe& read = last(result);
  EXPECT_THAT(read.requests, ElementsAre("a.jsonl", "b.jsonl.gz"));
  EXPECT_EQ(read.request_limit, 5);
  EXPECT_THAT(read.ruler, ElementsAre(RulerTask::kNiahSingle1, RulerTask::kVariableTracking));
  EXPECT_EQ(read.ruler_samples, 7);
  EXPECT_EQ(read.ruler_prompt, RulerPrompt::kPlain);
  EXPECT_EQ(read.longppl_short, 2048);
  EXPECT_EQ(read.longppl_stride, 256);
  EXPECT_EQ(read.longppl_gain, 1.5);
  EXPECT_EQ(read.longppl_floor, -3);
  EXPECT_DOUBLE_EQ(read.max_short_loss, 0.015);
  EXPECT_EQ(read.gate_against, "score");
  const std::string written = recipe_to_yaml(result.recipe);
  EXPECT_THAT(written, HasSubstr("    gate: {max_short_loss: 0.015, against: score}\n"));
  EXPECT_THAT(written, HasSubstr("    longppl: {short: 2K, stride: 256, gain: 1.5, floor: -3}\n"));
  const auto again = parse_text(written);
  ASSERT_THAT(again.errors, IsEmpty()) << written;
  EXPECT_EQ(recipe_to_yaml(again.recipe), written);
}

TEST(BenchmarkKeys, NoGateUnlessOneIsGiven) {
  const auto result = parse_text(with_keys("tasks: [perplexity]"));
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_LT(last(result).max_short_loss, 0);
  EXPECT_THAT(recipe_to_yaml(result.recipe), ::testing::Not(HasSubstr("gate")));
  EXPECT_EQ(last(parse_text(with_keys("gate: {max_short_loss: 0}"))).max_short_loss, 0);
  EXPECT_EQ(last(parse_text(with_keys("gate: {max_short_loss: 0.02}"))).max_short_loss, 0.02);
}

TEST(BenchmarkKeys, WhatIsRefused) {
  const auto errors = [](const std::string& keys) { return parse_text(with_keys(keys)).errors; };
  EXPECT_THAT(errors("gate: 1%"), ElementsAre(HasSubstr("stages[3].gate: found 1%, wanted a map of keys")));
  EXPECT_THAT(errors("gate: {max_short_loss: 101%}"),
              ElementsAre(HasSubstr("wanted a share such as 1% or 0.01")));
  EXPECT_THAT(errors("gate: {max_short_loss: one%}"),
              ElementsAre(HasSubstr("wanted a share such as 1% or 0.01")));
  EXPECT_THAT(
      errors("gate: {max_short_los: 1%}"),
      ElementsAre(HasSubstr("stages[3].gate.max_short_los: unknown key; did you mean gate.max_short_loss?")));
  EXPECT_THAT(
      errors("gate: {max_short_loss: 1%, against: tune}"),
      ElementsAre(HasSubstr("stages[3].gate.against: found tune, wanted an evaluate stage before this one")));
  EXPECT_THAT(errors("gate: {against: score}"),
              ElementsAre(HasSubstr("stages[3].gate.max_short_loss: found nothing")));
  EXPECT_THAT(errors("ruler: [niah]"), ElementsAre(HasSubstr("wanted niah_single_1")));
  std::string first = kGoodRecipe;
  first += "    gate: {max_short_loss: 1%}\n";
  EXPECT_THAT(parse_text(first).errors, ElementsAre(HasSubstr("found no evaluate stage before this one")));
}

}  // namespace
}  // namespace ropeway
