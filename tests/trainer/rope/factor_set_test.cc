#include "trainer/rope/factor_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/base/error.h"
#include "tests/support/model_shape.h"
#include "trainer/rope/auto_factors.h"

namespace ropeway {
namespace {

FactorSet make_set(const std::string& name, int64_t max_length) {
  return make_factor_set({.name = name, .max_length = max_length, .factors = {1, 2, 3, 4}});
}

TEST(CheckFactorSet, AcceptsOneFactorAPairOrThatForEachLayer) {
  FactorSet set = make_set("a", 2048);
  EXPECT_NO_THROW(check_factor_set(set, 4, 3, "here"));
  set.factors.assign(12, 1.5);
  EXPECT_NO_THROW(check_factor_set(set, 4, 3, "here"));
}

TEST(CheckFactorSet, AcceptsASetForLessThanTheWindow) {
  EXPECT_NO_THROW(check_factor_set(make_set("readjusted", 128), 4, 3, "here"));
}

TEST(CheckFactorSet, AcceptsPairsThatDoNotTurn) {
  FactorSet set = make_set("stopped", 2048);
  set.factors[3] = INFINITY;
  EXPECT_NO_THROW(check_factor_set(set, 4, 3, "here"));
}

TEST(CheckFactorSet, NamesWhereFieldAndValue) {
  struct Case {
    std::function<void(FactorSet&)> breaks;
    std::vector<std::string> fragments;
  };
  const std::vector<Case> cases = {
      {[](FactorSet& s) { s.name.clear(); }, {"no name"}},
      {[](FactorSet& s) { s.original_length = 0; }, {"original_length", "0"}},
      {[](FactorSet& s) { s.max_length = -5; }, {"max_length", "-5"}},
      {[](FactorSet& s) { s.rope_theta = 1; }, {"rope_theta", "1"}},
      {[](FactorSet& s) { s.rope_theta = NAN; }, {"rope_theta", "nan"}},
      {[](FactorSet& s) { s.factors.pop_back(); }, {"3 factors", "4", "12"}},
      {[](FactorSet& s) { s.factors.resize(8, 1); }, {"8 factors"}},
      {[](FactorSet& s) { s.factors[2] = 0; }, {"factors[2]", "0"}},
      {[](FactorSet& s) { s.factors[3] = -INFINITY; }, {"factors[3]", "-inf"}},
      {[](FactorSet& s) { s.factors[1] = NAN; }, {"factors[1]", "nan"}},
      {[](FactorSet& s) { s.attention_temperature = 0; }, {"attention_temperature", "0"}},
      {[](FactorSet& s) { s.start_tokens = -1; }, {"start_tokens", "-1"}},
  };
  for (const Case& c : cases) {
    FactorSet set = make_set("mine", 2048);
    c.breaks(set);
    try {
      check_factor_set(set, 4, 3, "rope_factors.json");
      ADD_FAILURE() << "accepted: " << c.fragments[0];
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      EXPECT_THAT(error.what(), testing::HasSubstr("rope_factors.json"));
      for (const auto& fragment : c.fragments) EXPECT_THAT(error.what(), testing::HasSubstr(fragment));
    }
  }
}

TEST(FindFactorSet, FindsByName) {
  const std::vector<FactorSet> sets = {make_set("a", 512), make_set("b", 2048)};
  EXPECT_EQ(find_factor_set(sets, "b"), &sets[1]);
  EXPECT_EQ(find_factor_set(sets, "c"), nullptr);
}

class SelectFactorSet : public testing::Test {
 protected:
  std::string select(const std::vector<FactorSet>& sets, int64_t length) {
    return select_factor_set(sets, length, make_set("identity", 256)).name;
  }
};

TEST_F(SelectFactorSet, SmallestThatCovers) {
  const std::vector<FactorSet> sets = {make_set("16K", 16384), make_set("2K", 2048), make_set("4K", 4096)};
  EXPECT_EQ(select(sets, 257), "2K");
  EXPECT_EQ(select(sets, 2048), "2K");
  EXPECT_EQ(select(sets, 2049), "4K");
  EXPECT_EQ(select(sets, 16384), "16K");
}

TEST_F(SelectFactorSet, LargestWhenNoneCovers) {
  EXPECT_EQ(select({make_set("4K", 4096), make_set("2K", 2048)}, 100000), "4K");
}

TEST_F(SelectFactorSet, IdentityWithoutSets) { EXPECT_EQ(select({}, 100000), "identity"); }

TEST_F(SelectFactorSet, IdentityInsideTheOriginalWindow) {
  const std::vector<FactorSet> sets = {make_set("2K", 2048)};
  EXPECT_EQ(select(sets, 256), "identity");
  EXPECT_EQ(select(sets, 257), "2K");
}

TEST_F(SelectFactorSet, ReadjustedSetInsideTheOriginalWindow) {
  const std::vector<FactorSet> sets = {make_set("2K", 2048), make_set("readjusted", 256),
                                       make_set("tiny", 64)};
  EXPECT_EQ(select(sets, 256), "readjusted");
  EXPECT_EQ(select(sets, 64), "tiny");
  EXPECT_EQ(select(sets, 65), "readjusted");
  EXPECT_EQ(select({make_set("2K", 2048), make_set("tiny", 64)}, 65), "identity");
}

FactorSet tuned(const std::string& name, int64_t max_length) {
  FactorSet set = make_set(name, max_length);
  set.history.method = kTunedMethod;
  return set;
}

// Weights that were fine-tuned under factors have not seen the original RoPE since.
TEST_F(SelectFactorSet, TunedSetBelowTheTrainedLength) {
  EXPECT_EQ(select({tuned("2K", 2048)}, 1), "2K");
  EXPECT_EQ(select({tuned("2K", 2048), make_set("4K", 4096)}, 256), "2K");
  EXPECT_EQ(select({tuned("2K", 2048), make_set("readjusted", 256)}, 256), "readjusted");
  EXPECT_EQ(select({tuned("2K", 2048), make_set("readjusted", 256)}, 257), "2K");
  EXPECT_EQ(select({tuned("2K", 2048), make_set("tiny", 64)}, 65), "2K");
}

// Short windows under the original RoPE kept it right within the original window.
TEST_F(SelectFactorSet, MixedWindowsKeepTheOriginalRope) {
  FactorSet mixed = tuned("2K", 2048);
  mixed.history.short_share = 0.3;
  EXPECT_EQ(select({mixed}, 1), "identity");
  EXPECT_EQ(select({mixed}, 256), "identity");
  EXPECT_EQ(select({mixed}, 257), "2K");
  EXPECT_EQ(select({mixed, make_set("readjusted", 256)}, 256), "readjusted");
  EXPECT_FALSE(has_left_original(mixed));
  EXPECT_TRUE(has_left_original(tuned("2K", 2048)));
  EXPECT_FALSE(has_left_original(make_set("searched", 2048)));
}

// MiniCPM4 states no more than its original window and has two lists all the same.
TEST_F(SelectFactorSet, ASecondListOnlyAboveItsLength) {
  FactorSet second = make_set("long", 256);
  second.above = 256;
  const std::vector<FactorSet> sets = {make_set("short", 256), second};
  EXPECT_EQ(select(sets, 255), "short");
  EXPECT_EQ(select(sets, 256), "short");
  EXPECT_EQ(select(sets, 257), "long");
  EXPECT_EQ(select(sets, 1 << 20), "long");
  EXPECT_EQ(select({second}, 256), "identity");
}

TEST(AutoFactors, OnlySetsOfTheseWeights) {
  FactorSet before = make_set("before", 4096), after = tuned("after", 2048);
  before.weights = "base";
  after.weights = "tune@1";
  const RopeGeometry geometry{4, 10000, 256};
  const auto chosen = [&](const std::string& weights, int64_t length) {
    return auto_factor_set({before, after}, weights, geometry, length);
  };
  EXPECT_EQ(chosen("base", 256).name, kOriginalRope);
  EXPECT_EQ(chosen("base", 257).name, "before");
  EXPECT_EQ(chosen("tune@1", 256).name, "after");
  EXPECT_EQ(chosen("tune@1", 4096).name, "after");  // beyond the longest: never that of other weights
  EXPECT_LT(chosen("tune@1", 4096).max_length, 4096);
  EXPECT_EQ(chosen("other", 4096).name, kOriginalRope);
}

TEST_F(SelectFactorSet, NewestOfEquals) {
  EXPECT_EQ(select({make_set("old", 2048), make_set("new", 2048)}, 1000), "new");
  EXPECT_EQ(select({make_set("old", 2048), make_set("new", 2048)}, 5000), "new");
}

}  // namespace
}  // namespace ropeway
