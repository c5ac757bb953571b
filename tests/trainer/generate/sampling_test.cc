#include "trainer/generate/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "kernels/base/error.h"
#include "tests/support/errors.h"

namespace ropeway {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Sampling, AtZeroTheFirstOfTheLargestIsTaken) {
  EXPECT_EQ(choose_token(std::vector<double>{1, 3, -kInfinity, 3}, {}, 0), 1);
}

std::map<int32_t, double> shares(const std::vector<double>& logits, Sampling sampling, int64_t draws) {
  std::map<int32_t, double> counts;
  for (int64_t i = 0; i < draws; ++i)
    counts[choose_token(logits, sampling, i)] += 1.0 / static_cast<double>(draws);
  return counts;
}

// Shares of 40,000 draws lie within 5 standard deviations of the softmax.
TEST(Sampling, DrawsFromTheSoftmaxOfTheTemperature) {
  const std::vector<double> logits = {0.5, -1, 2, 1.2, -kInfinity};
  for (const double temperature : {0.7, 1.5}) {
    const auto found = shares(logits, {.temperature = temperature, .seed = 9}, 40000);
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit / temperature);
    for (int32_t id = 0; id < 4; ++id) {
      const double p = std::exp(logits[static_cast<size_t>(id)] / temperature) / sum;
      EXPECT_NEAR(found.at(id), p, 5 * std::sqrt(p * (1 - p) / 40000)) << id;
    }
    EXPECT_EQ(found.count(4), 0u);
  }
}

// Probabilities 0.5, 0.3, 0.15, 0.05.
TEST(Sampling, TheNucleusIsTheFewestTokensWithThatMuch) {
  const std::vector<double> logits = {std::log(0.05), std::log(0.5), std::log(0.15), std::log(0.3)};
  const auto nucleus = [&](double top_p) {
    return shares(logits, {.temperature = 1, .top_p = top_p, .seed = 1}, 20000);
  };
  EXPECT_EQ(nucleus(0.4).size(), 1u);
  EXPECT_EQ(nucleus(0.4).count(1), 1u);
  const auto two = nucleus(0.7);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_NEAR(two.at(3), 0.375, 0.02);
  EXPECT_EQ(nucleus(0.9).size(), 3u);
  EXPECT_EQ(nucleus(1).size(), 4u);
  EXPECT_EQ(nucleus(1e-9).size(), 1u);
}

TEST(Sampling, IsAFunctionOfSeedAndPosition) {
  const std::vector<double> logits(50, 0.0);
  const auto drawn = [&](uint64_t seed, int64_t position) {
    return choose_token(logits, {.temperature = 1, .seed = seed}, position);
  };
  int same_seed = 0, same_position = 0;
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(drawn(1, i), drawn(1, i));
    same_seed += drawn(1, i) == drawn(1, i + 1) ? 1 : 0;
    same_position += drawn(1, i) == drawn(2, i) ? 1 : 0;
  }
  EXPECT_LT(same_seed, 15);
  EXPECT_LT(same_position, 15);
}

TEST(Sampling, RefusesWhatIsNoLogit) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_error(ErrorKind::kNumerics, {"token 7: a logit is not a number"}, [&] {
    choose_token(std::vector<double>{1, nan}, {}, 7);
  });
  expect_error(ErrorKind::kNumerics, {"token 7: no logit is finite"}, [&] {
    choose_token(std::vector<double>{-kInfinity, -kInfinity}, {}, 7);
  });
  expect_error(ErrorKind::kNumerics, {"token 7: no logit is finite"}, [&] {
    choose_token(std::vector<double>{1, kInfinity}, {}, 7);
  });
}

}  // namespace
}  // namespace ropeway
