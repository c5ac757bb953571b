// The uniform and closed-form schedules, temperatures and computed sets. The ramp of YaRN is in yarn.cc.
#include "trainer/rope/schedules.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>
#include <utility>

#include "kernels/base/error.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/computed_names.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/mrrope.h"
#include "trainer/rope/yarn.h"

namespace ropeway {

std::vector<double> plain_frequencies(const RopeGeometry& g) {
  std::vector<double> frequencies(g.pairs);
  for (int64_t i = 0; i < g.pairs; ++i) {
    frequencies[i] = std::pow(g.theta, -static_cast<double>(i) / static_cast<double>(g.pairs));
  }
  return frequencies;
}

std::vector<double> periods(const RopeGeometry& g, const std::vector<double>& factors) {
  ROPEWAY_CHECK(factors.empty() || static_cast<int64_t>(factors.size()) == g.pairs, "{} factors for {} pairs",
                factors.size(), g.pairs);
  std::vector<double> result = plain_frequencies(g);
  for (int64_t i = 0; i < g.pairs; ++i) {
    result[i] = 2 * std::numbers::pi * (factors.empty() ? 1.0 : factors[i]) / result[i];
  }
  return result;
}

std::vector<double> identity_factors(int64_t pairs) { return std::vector<double>(pairs, 1.0); }

std::vector<double> pi_factors(int64_t pairs, double scale) { return std::vector<double>(pairs, scale); }

std::vector<double> ntk_factors(int64_t pairs, double scale) {
  // The exponent 2i/(d-2) runs from 0 at the fastest pair to 1 at the slowest; a single pair is only the
  // fastest.
  std::vector<double> factors(pairs, 1.0);
  for (int64_t i = 1; i < pairs; ++i) {
    factors[i] = std::pow(scale, static_cast<double>(i) / static_cast<double>(pairs - 1));
  }
  return factors;
}

std::vector<double> ntk_critical_factors(const RopeGeometry& g, double scale) {
  const double window_turns = static_cast<double>(g.original_length) / (2 * std::numbers::pi);
  ROPEWAY_CHECK(window_turns > 1, "a window of {} tokens has no critical dimension", g.original_length);
  // theta'/theta = theta^(log_{L0/2pi}(L'/2pi) - 1) = theta^(ln s / ln(L0/2pi)).
  const double log_base_ratio = std::log(g.theta) * std::log(scale) / std::log(window_turns);
  std::vector<double> factors(g.pairs);
  for (int64_t i = 0; i < g.pairs; ++i) {
    factors[i] = std::exp(log_base_ratio * static_cast<double>(i) / static_cast<double>(g.pairs));
  }
  return factors;
}

std::vector<double> ntk_left(std::vector<double> factors, int64_t critical_dim) {
  const auto pairs = static_cast<int64_t>(factors.size());
  ROPEWAY_CHECK(critical_dim >= 0 && critical_dim < pairs, "critical dim {} of {} pairs", critical_dim,
                pairs);
  const double critical_factor = factors[critical_dim];
  for (int64_t i = 0; i < critical_dim; ++i) {
    factors[i] = std::pow(critical_factor, static_cast<double>(i) / static_cast<double>(critical_dim));
  }
  return factors;
}

std::vector<double> jump_factors(int64_t pairs, double scale, int64_t a, int64_t c, double plateau) {
  ROPEWAY_CHECK(0 <= a && a <= c && c <= pairs, "jump from dim {} to {} of {} pairs", a, c, pairs);
  std::vector<double> factors(pairs, 1.0);
  for (int64_t i = a; i < c; ++i) {
    const double share = c - 1 == a ? 1.0 : static_cast<double>(i - a) / static_cast<double>(c - 1 - a);
    factors[i] = std::pow(plateau, share);
  }
  std::fill(factors.begin() + c, factors.end(), scale);
  return factors;
}

std::vector<double> grown_factors(const std::vector<double>& factors, double scale, double target_scale) {
  const double growth = scale > 1 ? (target_scale - 1) / (scale - 1) : 1;
  std::vector<double> grown;
  for (const double factor : factors) grown.push_back(1 + (factor - 1) * growth);
  return grown;
}

double attention_temperature(TemperatureFormula formula, double scale, int64_t original_length) {
  if (scale <= 1) return 1.0;
  if (formula == TemperatureFormula::kYarn) return 0.1 * std::log(scale) + 1;
  ROPEWAY_CHECK(original_length > 1, "the su temperature of a window of {} tokens", original_length);
  return std::sqrt(1 + std::log(scale) / std::log(static_cast<double>(original_length)));
}

namespace {

using enum ComputedSet;

std::vector<double> factors_of(ComputedSet computed, const RopeGeometry& g, double scale,
                               const std::vector<double>& trained_factors) {
  const int64_t clipped = scale > 1 ? cope_clipped(g.pairs) : 0;
  switch (computed) {
    case kOriginal:
      break;
    case kPi:
      return pi_factors(g.pairs, scale);
    case kNtk:
      return ntk_factors(g.pairs, scale);
    case kDynamicNtk:
      return ntk_factors(g.pairs, scale * scale - scale + 1);
    case kYarn:
      return yarn_factors(g, scale, {.trained_factors = trained_factors});
    case kLlama3Ramp:
      return llama3_factors(g, {.factor = std::max(scale, 1.0),
                                .pretrained_length = g.original_length,
                                .trained_factors = trained_factors});
    case kMrRopeUni:
      return mrrope_factors(g, scale, MrRopeKind::kUniform, {.trained_factors = trained_factors});
    case kMrRopePro:
      return mrrope_factors(g, scale, MrRopeKind::kProgressive, {.trained_factors = trained_factors});
    case kCope:
      return cope_factors(g.pairs, clipped);
    case kHardClip:
      return hard_clip_factors(g.pairs, clipped);
    case kDrope:
      return hard_clip_factors(g.pairs, g.pairs);
  }
  return identity_factors(g.pairs);
}

}  // namespace

bool is_computed_name(const std::string& name) { return computed_set_called(name).has_value(); }

FactorSet computed_factor_set(const std::string& name, const RopeGeometry& g, int64_t length,
                              const std::vector<double>& trained_factors) {
  const auto computed = computed_set_called(name);
  if (!computed) {
    fail(ErrorKind::kUsage, "no computed factor set is called '{}': wanted one of {}", name,
         fmt::join(computed_names(), ", "));
  }
  ROPEWAY_CHECK(trained_factors.empty() || static_cast<int64_t>(trained_factors.size()) == g.pairs,
                "{} factors for {} pairs", trained_factors.size(), g.pairs);
  FactorSet set;
  set.name = name;
  set.max_length = std::max(length, g.original_length);
  set.original_length = g.original_length;
  set.rope_theta = g.theta;
  set.history.method = *computed == kOriginal ? "identity" : name;
  set.factors = factors_of(*computed, g, set.scale(), trained_factors);
  if (*computed == kYarn) {
    set.attention_temperature =
        attention_temperature(TemperatureFormula::kSu, set.scale(), g.original_length);
  }
  if (*computed == kMrRopeUni || *computed == kMrRopePro) {
    set.attention_temperature =
        attention_temperature(TemperatureFormula::kYarn, set.scale(), g.original_length);
  }
  for (size_t i = 0; i < trained_factors.size(); ++i) set.factors[i] *= trained_factors[i];
  return set;
}

std::vector<double> base_factors(const std::vector<FactorSet>& sets) {
  const FactorSet* llama3 = find_factor_set(sets, kLlama3Set);
  return llama3 != nullptr ? llama3->factors : std::vector<double>{};
}

std::vector<double> make_monotone(const std::vector<double>& factors, double low, double high,
                                  const std::vector<double>& weights) {
  // Pool adjacent violators: a block whose mean log is below the one before it joins that one.
  struct Block {
    double sum, weight;
    int64_t count;
    double mean() const { return sum / weight; }
  };
  std::vector<Block> blocks;
  for (size_t i = 0; i < factors.size(); ++i) {
    const double weight = weights.empty() ? 1 : weights[i];
    blocks.push_back({weight * std::log(factors[i]), weight, 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().sum += last.sum;
      blocks.back().weight += last.weight;
      blocks.back().count += last.count;
    }
  }
  std::vector<double> result;
  result.reserve(factors.size());
  for (const Block& block : blocks) {
    // A factor that was not moved keeps its bits, which exp(log(x)) would not.
    const double value = block.count == 1 ? factors[result.size()] : std::exp(block.mean());
    result.insert(result.end(), block.count, std::clamp(value, low, high));
  }
  // exp may round two nearly equal neighbours the wrong way round.
  for (size_t i = 1; i < result.size(); ++i) result[i] = std::max(result[i], result[i - 1]);
  return result;
}

bool is_monotone(const std::vector<double>& factors) {
  return std::is_sorted(factors.begin(), factors.end());
}

}  // namespace ropeway
