// The rates of factor sets, and the tables that are made from them.
#include "trainer/rope/rope_rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/rope/rope_table.h"
#include "tests/support/model_shape.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/schedules.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

FactorSet make_set(std::vector<double> factors, double temperature = 1, int64_t start_tokens = 0) {
  FactorSet set = make_factor_set({.name = "test",
                                   .max_length = 1 << 21,
                                   .window = 4096,
                                   .factors = std::move(factors),
                                   .temperature = temperature});
  set.start_tokens = start_tokens;
  return set;
}

RopeTableInput input_of(const RopeRates& rates, const std::vector<int64_t>& positions) {
  return {.scaled = rates.scaled.data(),
          .plain = rates.plain.data(),
          .positions = positions.data(),
          .tokens = static_cast<int64_t>(positions.size()),
          .pairs = static_cast<int64_t>(rates.scaled.size()),
          .temperature = rates.attention_temperature,
          .start_tokens = rates.start_tokens};
}

template <typename Real>
struct Table {
  std::vector<Real> cos, sin;
};
template <typename Real>
Table<Real> table_of(const FactorSet& set, int64_t pairs, const std::vector<int64_t>& positions,
                     int64_t layer = 0) {
  Table<Real> table{std::vector<Real>(positions.size() * pairs), std::vector<Real>(positions.size() * pairs)};
  const RopeRates rates = make_rope_rates(set, pairs, layer);
  fill_rope_table<Real>(input_of(rates, positions), table.cos.data(), table.sin.data());
  return table;
}

const std::vector<int64_t> kFarPositions = {
    0, 1, 2, 4095, 131071, 1 << 20, 1500001, (1 << 21) - 2, (1 << 21) - 1, 1 << 21};

TEST(RopeTable, MatchesLongDoubleUpToTwoMillion) {
  constexpr int64_t kPairs = 64;
  const auto factors = yarn_factors({kPairs, 10000, 4096}, 512);
  const double temperature = 1.322876;
  const auto narrow = table_of<float>(make_set(factors, temperature), kPairs, kFarPositions);
  const auto wide = table_of<double>(make_set(factors, temperature), kPairs, kFarPositions);
  for (size_t row = 0; row < kFarPositions.size(); ++row) {
    for (int64_t i = 0; i < kPairs; ++i) {
      const long double rate = powl(10000.0L, -static_cast<long double>(i) / kPairs) / factors[i];
      const long double angle = kFarPositions[row] * rate;
      const size_t at = row * kPairs + i;
      const double expected_cos = static_cast<double>(temperature * cosl(angle));
      const double expected_sin = static_cast<double>(temperature * sinl(angle));
      // Half a unit of fp32 at 1.32, and an angle of 2M with the relative error of a few fp64 roundings.
      EXPECT_NEAR(narrow.cos[at], expected_cos, 6.1e-8) << kFarPositions[row] << " " << i;
      EXPECT_NEAR(narrow.sin[at], expected_sin, 6.1e-8) << kFarPositions[row] << " " << i;
      EXPECT_NEAR(wide.cos[at], expected_cos, 2e-9) << kFarPositions[row] << " " << i;
      EXPECT_NEAR(wide.sin[at], expected_sin, 2e-9) << kFarPositions[row] << " " << i;
    }
  }
}

// Factors of 1 and temperature 1 must not change a single bit of the original RoPE.
TEST(RopeTable, IdentityIsBitIdenticalToPlainRope) {
  constexpr int64_t kPairs = 32;
  const auto table = table_of<float>(make_set(identity_factors(kPairs)), kPairs, kFarPositions);
  for (size_t row = 0; row < kFarPositions.size(); ++row) {
    for (int64_t i = 0; i < kPairs; ++i) {
      const double angle =
          static_cast<double>(kFarPositions[row]) * std::pow(10000.0, -static_cast<double>(i) / kPairs);
      EXPECT_EQ(table.cos[row * kPairs + i], static_cast<float>(std::cos(angle)));
      EXPECT_EQ(table.sin[row * kPairs + i], static_cast<float>(std::sin(angle)));
    }
  }
}

TEST(RopeTable, ScaleEverywhereIsPositionInterpolation) {
  constexpr int64_t kPairs = 16;
  const std::vector<int64_t> near = {0, 1, 7, 4095}, far = {0, 8, 56, 32760};
  const auto plain = table_of<double>(make_set(identity_factors(kPairs)), kPairs, near);
  const auto stretched = table_of<double>(make_set(pi_factors(kPairs, 8)), kPairs, far);
  EXPECT_EQ(stretched.cos, plain.cos);  // a factor of 8 only moves exponents
  EXPECT_EQ(stretched.sin, plain.sin);
}

TEST(RopeTable, StartTokensKeepTheOriginalAnglesAndTemperature) {
  constexpr int64_t kPairs = 8;
  const std::vector<int64_t> positions = {0, 1, 3, 4, 5};
  const auto factors = ntk_factors(kPairs, 16);
  const auto mixed = table_of<double>(make_set(factors, 1.2, 4), kPairs, positions);
  const auto plain = table_of<double>(make_set(identity_factors(kPairs)), kPairs, positions);
  const auto stretched = table_of<double>(make_set(factors, 1.2), kPairs, positions);
  for (size_t at = 0; at < mixed.cos.size(); ++at) {
    const auto& expected = positions[at / kPairs] < 4 ? plain : stretched;
    EXPECT_EQ(mixed.cos[at], expected.cos[at]) << at;
    EXPECT_EQ(mixed.sin[at], expected.sin[at]) << at;
  }
}

TEST(RopeTable, AnInfiniteFactorStopsItsPair) {
  const auto table = table_of<float>(make_set({1, INFINITY, kStillFactor}, 1.25), 3, kFarPositions);
  for (size_t row = 0; row < kFarPositions.size(); ++row) {
    EXPECT_EQ(table.cos[row * 3 + 1], 1.25f);
    EXPECT_EQ(table.sin[row * 3 + 1], 0);
    // What other programs' files hold for it.
    EXPECT_EQ(table.cos[row * 3 + 2], 1.25f);
    EXPECT_LT(table.sin[row * 3 + 2], 1e-13f);
  }
}

TEST(RopeTable, TakesTheLayersOwnFactors) {
  std::vector<double> two_layers = identity_factors(4);
  const auto second = ntk_factors(4, 8);
  two_layers.insert(two_layers.end(), second.begin(), second.end());
  const std::vector<int64_t> positions = {1000};
  EXPECT_EQ(table_of<double>(make_set(two_layers), 4, positions, 1).sin,
            table_of<double>(make_set(second), 4, positions).sin);
  EXPECT_EQ(table_of<double>(make_set(two_layers), 4, positions, 0).sin,
            table_of<double>(make_set(identity_factors(4)), 4, positions).sin);
}

TEST(RopeAngles, AreZeroWhereFactorsDoNotAct) {
  const std::vector<int64_t> positions = {0, 1, 2, 3};
  const auto rates = make_rope_rates(make_set(pi_factors(2, 2), 1.1, 2), 2, 0);
  std::vector<double> angles(8);
  bool scaled[4];
  fill_rope_angles(input_of(rates, positions), angles.data(), scaled);
  EXPECT_THAT(scaled, ::testing::ElementsAre(false, false, true, true));
  EXPECT_EQ(angles, (std::vector<double>{0, 0, 0, 0, 1.0, 2 * rates.scaled[1], 1.5, 3 * rates.scaled[1]}));
  EXPECT_NEAR(rates.scaled[1], 0.005, 1e-18);
}

}  // namespace
}  // namespace ropeway
