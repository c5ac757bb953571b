#include "trainer/stages/factor_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/error.h"
#include "tests/support/model_shape.h"

namespace ropeway {
namespace {

using ::testing::DoubleEq;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr int64_t kWindow = 256;

ModelConfig config() { return make_config({.head_dim = 8, .window = kWindow}); }

FactorSet set_of(const std::string& name, int64_t max_length, std::vector<double> factors = {1, 2, 3, 4}) {
  return make_factor_set({.name = name,
                          .max_length = max_length,
                          .window = kWindow,
                          .factors = std::move(factors),
                          .temperature = 1.25});
}

std::string auto_at(int64_t length, const std::vector<FactorSet>& sets) {
  return resolve_factors("auto", length, config(), sets).name;
}

TEST(FactorNames, AutoKeepsTheOriginalRopeUpToTheWindowAndNotOneTokenFurther) {
  const std::vector<FactorSet> sets = {set_of("long", 2048)};
  EXPECT_EQ(auto_at(1, sets), "none");
  EXPECT_EQ(auto_at(kWindow, sets), "none");
  EXPECT_EQ(auto_at(kWindow + 1, sets), "long");
  EXPECT_THAT(resolve_factors("auto", kWindow, config(), sets).factors, Each(DoubleEq(1)));
}

TEST(FactorNames, AutoTakesTheSetMadeForTheWindowInsideIt) {
  const std::vector<FactorSet> sets = {set_of("long", 2048), set_of("short", kWindow)};
  EXPECT_EQ(auto_at(kWindow, sets), "short");
  EXPECT_EQ(auto_at(kWindow + 1, sets), "long");
}

// Llama 3.1: the base itself was trained under factors.
TEST(FactorNames, ComputedSchedulesStandOnTheLlama3Set) {
  const std::vector<FactorSet> sets = {set_of("llama3", kWindow, {1, 1, 4, 8}), set_of("long", 2048)};
  EXPECT_EQ(auto_at(16, sets), "llama3");
  EXPECT_EQ(auto_at(kWindow + 1, sets), "long");
  EXPECT_EQ(resolve_factors("none", 16, config(), sets).factors, sets[0].factors);
  EXPECT_EQ(resolve_factors("pi", 4 * kWindow, config(), sets).factors, (std::vector<double>{4, 4, 16, 32}));
}

TEST(FactorNames, AutoTakesTheSmallestSetThatCoversTheLength) {
  const std::vector<FactorSet> sets = {set_of("16x", 4096), set_of("8x", 2048), set_of("64x", 16384)};
  EXPECT_EQ(auto_at(2048, sets), "8x");
  EXPECT_EQ(auto_at(2049, sets), "16x");
  EXPECT_EQ(auto_at(4097, sets), "64x");
  EXPECT_EQ(auto_at(1 << 20, sets), "64x");
}

TEST(FactorNames, AutoWithoutSetsIsTheOriginalRope) { EXPECT_EQ(auto_at(1 << 20, {}), "none"); }

TEST(FactorNames, ComputedNamesScaleWithTheLength) {
  EXPECT_THAT(resolve_factors("pi", 8 * kWindow, config(), {}).factors, Each(DoubleEq(8)));
  EXPECT_THAT(resolve_factors("pi", kWindow / 2, config(), {}).factors, Each(DoubleEq(1)));
  EXPECT_THAT(resolve_factors("none", 8 * kWindow, config(), {}).factors, Each(DoubleEq(1)));
  // s^(2i/(d-2)), d = 8.
  const auto ntk = resolve_factors("ntk", 8 * kWindow, config(), {}).factors;
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(ntk[i], std::pow(8.0, static_cast<double>(i) / 3), 1e-12) << i;
}

TEST(FactorNames, ASetIsFoundByItsName) {
  const std::vector<FactorSet> sets = {set_of("a", 512), set_of("b", 1024, {5, 6, 7, 8})};
  EXPECT_EQ(resolve_factors("b", 64, config(), sets).factors, sets[1].factors);
  EXPECT_EQ(resolve_factors("b", 64, config(), sets).attention_temperature, 1.25);
}

TEST(FactorNames, StretchingPositionInterpolationIsMoreOfIt) {
  const auto stretched = resolve_factors("stretched:pi8", 16 * kWindow, config(),
                                         {set_of("pi8", 8 * kWindow, std::vector<double>(4, 8))});
  EXPECT_THAT(stretched.factors, Each(DoubleEq(16)));
  EXPECT_EQ(stretched.max_length, 16 * kWindow);
  EXPECT_EQ(stretched.name, "stretched:pi8");
  // sqrt(1 + ln s / ln L0)
  EXPECT_NEAR(stretched.attention_temperature, std::sqrt(1 + std::log(16.0) / std::log(256.0)), 1e-12);
}

TEST(FactorNames, StretchingLeavesUnscaledPairsAlone) {
  const auto stretched =
      resolve_factors("stretched:set", 16 * kWindow, config(), {set_of("set", 8 * kWindow, {1, 1, 4.5, 8})});
  EXPECT_DOUBLE_EQ(stretched.factors[0], 1);
  EXPECT_DOUBLE_EQ(stretched.factors[1], 1);
  EXPECT_DOUBLE_EQ(stretched.factors[2], 8.5);
  EXPECT_DOUBLE_EQ(stretched.factors[3], 16);
}

TEST(FactorNames, NothingIsStretchedWithinTheSetsOwnLength) {
  const std::vector<FactorSet> sets = {set_of("set", 8 * kWindow)};
  EXPECT_EQ(resolve_factors("stretched:set", 4 * kWindow, config(), sets).factors, sets[0].factors);
}

TEST(FactorNames, AnUnknownNameListsThoseThereAre) {
  const std::vector<FactorSet> sets = {set_of("searched", 512), set_of("tuned", 512)};
  for (const std::string name : {"serched", "stretched:serched", "stretched:pi", ""}) {
    try {
      resolve_factors(name, 512, config(), sets);
      ADD_FAILURE() << name << " was found";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_THAT(
          error.what(),
          HasSubstr("auto, none, pi, ntk, dynamic_ntk, yarn, llama3_ramp, mrrope_uni, mrrope_pro, cope, "
                    "hard_clip, drope, searched, tuned"));
    }
  }
}

}  // namespace
}  // namespace ropeway
