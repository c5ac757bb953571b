#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/random.h"
#include "tests/support/python.h"
#include "trainer/rope/schedules.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

// The ramp rises strictly between `low` and `high` and is flat outside.
void expect_ramp(const std::vector<double>& factors, double scale, int low, int high) {
  const int pairs = static_cast<int>(factors.size());
  for (int i = 0; i < pairs; ++i) {
    if (i <= low) {
      EXPECT_EQ(factors[i], 1.0) << i;
    } else if (i >= high) {
      EXPECT_NEAR(factors[i], scale, 1e-12 * scale) << i;
    } else {
      EXPECT_GT(factors[i], factors[i - 1]) << i;
      EXPECT_LT(factors[i], scale) << i;
    }
  }
}

TEST(YarnFactors, RampLiesWherePublishedModelsHaveIt) {
  expect_ramp(yarn_factors({64, 1e4, 4096}, 8), 8, 20, 46);    // LLaMA2
  expect_ramp(yarn_factors({64, 5e5, 8192}, 16), 16, 18, 35);  // LLaMA3
  expect_ramp(yarn_factors({48, 1e4, 2047}, 64), 64, 12, 31);  // Phi-3-mini
}

// Linear in the rate, not in lambda: half way up the ramp 1/lambda is the mean of 1 and 1/s.
TEST(YarnFactors, MixesRates) {
  const auto factors = yarn_factors({64, 1e4, 4096}, 8);
  EXPECT_NEAR(1 / factors[33], 0.5 * (1 + 1.0 / 8), 1e-15);
}

TEST(YarnFactors, ScaleOneIsTheIdentity) {
  EXPECT_EQ(yarn_factors({64, 1e4, 4096}, 1), identity_factors(64));
}

TEST(YarnFactors, AgreesWithTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  struct Case {
    int head_dim;
    double theta;
    int window;
    double factor, fast, slow;
  };
  const std::vector<Case> cases = {
      {128, 1e4, 4096, 8, 32, 1},  {128, 5e5, 8192, 16, 32, 1}, {96, 1e4, 2047, 64, 32, 1},
      {64, 1e4, 256, 8, 32, 1},    {64, 1e4, 256, 8, 4, 1.5},   {128, 1e6, 32768, 4, 128, 2},
      {32, 1e4, 1048576, 2, 32, 1}};  // the last: the ramp reaches past the last pair
  std::string script =
      "from transformers import LlamaConfig\n"
      "from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS\n"
      "for d, theta, window, factor, fast, slow in [";
  for (const Case& c : cases) {
    script +=
        fmt::format("({},{},{},{:.1f},{},{}),", c.head_dim, c.theta, c.window, c.factor, c.fast, c.slow);
  }
  script +=
      "]:\n"
      "  c = LlamaConfig(hidden_size=2*d, num_attention_heads=2, "
      "max_position_embeddings=int(window*factor),\n"
      "    rope_parameters=dict(rope_type='yarn', rope_theta=float(theta), factor=factor, "
      "beta_fast=float(fast),\n"
      "      beta_slow=float(slow), original_max_position_embeddings=window))\n"
      "  inv_freq, _ = ROPE_INIT_FUNCTIONS['yarn'](c, 'cpu')\n"
      "  print(*[repr(float(x)) for x in inv_freq])\n";
  const auto lines = lines_of(run_python(script));
  ASSERT_EQ(lines.size(), cases.size());
  for (size_t n = 0; n < cases.size(); ++n) {
    const Case& c = cases[n];
    const RopeGeometry g{c.head_dim / 2, c.theta, c.window};
    const auto factors =
        yarn_factors(g, c.factor, {.beta_fast = c.fast, .beta_slow = c.slow, .trained_factors = {}});
    const auto frequencies = plain_frequencies(g);
    const auto theirs = numbers_of(lines[n]);
    ASSERT_EQ(theirs.size(), factors.size()) << "case " << n;
    for (size_t i = 0; i < theirs.size(); ++i) {
      // Theirs is made in fp32.
      EXPECT_NEAR(frequencies[i] / factors[i] / theirs[i], 1, 2e-6) << "case " << n << ", pair " << i;
    }
  }
}

TEST(TunedYarnFactors, OfAnUntunedModelAreThePlainOnes) {
  for (const RopeGeometry g : {RopeGeometry{64, 1e4, 4096}, RopeGeometry{64, 5e5, 8192},
                               RopeGeometry{16, 1e4, 256}, RopeGeometry{16, 1e4, 1 << 20}}) {
    YarnOptions tuned{.trained_factors = identity_factors(g.pairs), .trained_length = g.original_length};
    EXPECT_EQ(yarn_factors(g, 4, tuned), yarn_factors(g, 4)) << g.original_length;
  }
}

// Interpolating every position by 8 on windows 8 times as long leaves the number of turns within the window
// unchanged.
TEST(TunedYarnFactors, OfAModelTunedUnderPositionInterpolationHaveTheSameRamp) {
  const RopeGeometry g{64, 1e4, 4096};
  YarnOptions tuned{.trained_factors = pi_factors(64, 8), .trained_length = 8 * 4096};
  EXPECT_EQ(yarn_factors(g, 4, tuned), yarn_factors(g, 4));
}

// What the ramp means, counted directly: pairs that turn beta_fast times or more within the trained length
// are kept, those that turn beta_slow times or less are stretched by all of s, and the ramp lies between.
TEST(TunedYarnFactors, CountTurnsWithinTheTrainedLength) {
  for (uint64_t trial = 0; trial < 100; ++trial) {
    Philox random(trial, Stream::kMutation);
    const RopeGeometry g{32, 1e4, 256};
    std::vector<double> trained(32);
    double log_factor = 0;
    for (double& factor : trained) factor = std::exp(log_factor += 0.15 * random.uniform());
    const int64_t length = 2048;
    const double scale = 8;
    const auto factors = yarn_factors(g, scale, {.trained_factors = trained, .trained_length = length});
    const auto tuned_periods = periods(g, trained);
    for (int i = 0; i + 1 < 32; ++i) {
      const double turns = static_cast<double>(length) / tuned_periods[i];
      const double next_turns = static_cast<double>(length) / tuned_periods[i + 1];
      if (turns >= 32) {
        EXPECT_EQ(factors[i], 1.0) << trial << " " << i;
      } else {
        // low is the last pair with at least 32 turns, so one below 32 has left the flat part.
        EXPECT_GT(factors[i], 1.0) << trial << " " << i;
      }
      if (turns <= 1) {
        EXPECT_NEAR(factors[i], scale, 1e-12) << trial << " " << i;
      } else if (next_turns > 1) {
        EXPECT_LT(factors[i], scale) << trial << " " << i;
      }
    }
    EXPECT_TRUE(is_monotone(factors));
  }
}

}  // namespace
}  // namespace ropeway
