#include "kernels/base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace ropeway {
namespace {

using Block = std::array<uint32_t, 4>;

// The known-answer vectors published with Random123 (file kat_vectors, philox4x32-10).
TEST(Philox, PublishedVectorOfZeros) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(Philox, PublishedVectorOfOnes) {
  constexpr uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Philox, PublishedVectorOfPi) {
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<uint32_t> first_draws(Philox random, int count = 8) {
  std::vector<uint32_t> draws;
  for (int i = 0; i < count; ++i) draws.push_back(random.next_u32());
  return draws;
}

TEST(Philox, SequenceDependsOnEachPartOfItsName) {
  const auto base = first_draws(Philox(1, Stream::kMutation, 2, 3));
  EXPECT_EQ(base, first_draws(Philox(1, Stream::kMutation, 2, 3)));
  EXPECT_NE(base, first_draws(Philox(2, Stream::kMutation, 2, 3)));
  EXPECT_NE(base, first_draws(Philox(1, Stream::kCrossover, 2, 3)));
  EXPECT_NE(base, first_draws(Philox(1, Stream::kMutation, 3, 3)));
  EXPECT_NE(base, first_draws(Philox(1, Stream::kMutation, 2, 4)));
  EXPECT_NE(base, first_draws(Philox(1ull << 40, Stream::kMutation, 2, 3)));
  EXPECT_NE(base, first_draws(Philox(1, Stream::kMutation, 2ull << 40, 3)));
}

// Mean and variance of n draws lie within 5 standard errors; a wrong scale or offset is hundreds away.
TEST(Philox, NormalHasMeanZeroAndVarianceOne) {
  Philox random(7, Stream::kInit);
  constexpr int n = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1.0, 5 * std::sqrt(2.0 / n));
}

TEST(Philox, UniformStaysInsideAndIsCentred) {
  Philox random(8, Stream::kInit);
  constexpr int n = 100000;
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / n, 0.5, 5 / std::sqrt(12.0 * n));
}

TEST(Philox, BelowReachesEveryValueEquallyOften) {
  Philox random(9, Stream::kInit);
  constexpr int n = 70000;
  std::array<int, 7> seen{};
  for (int i = 0; i < n; ++i) ++seen.at(random.below(7));
  for (int count : seen) EXPECT_NEAR(count, n / 7, 5 * std::sqrt(n / 7.0));
}

}  // namespace
}  // namespace ropeway
