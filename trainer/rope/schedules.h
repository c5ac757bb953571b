// Closed-form factor schedules: what the literature proposes without a search. Each returns lambda for pairs
// i = 0 .. pairs-1, rotary dimension d = 2*pairs, scale s = target length / original window.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/rope/factor_set.h"

namespace ropeway {

struct RopeGeometry {
  int64_t pairs = 0;            // rotary_dim / 2
  double theta = 10000;         // base
  int64_t original_length = 0;  // L0, tokens
};

// omega_i = theta^(-2i/d), radians per token.
std::vector<double> plain_frequencies(const RopeGeometry& g);
// T_i = 2 pi * lambda_i / omega_i, tokens per turn; lambda may be empty (all 1).
std::vector<double> periods(const RopeGeometry& g, const std::vector<double>& factors = {});

std::vector<double> identity_factors(int64_t pairs);
// Position interpolation (Chen et al. 2023): lambda_i = s.
std::vector<double> pi_factors(int64_t pairs, double scale);
// NTK-aware (bloc97 2023): lambda_i = s^(2i/(d-2)).
std::vector<double> ntk_factors(int64_t pairs, double scale);
// NTK with the base that brings the critical dimension to the target (Liu et al. 2023):
// theta' = theta^(log_{L0/2pi}(L'/2pi)), lambda_i = (theta'/theta)^(2i/d).
std::vector<double> ntk_critical_factors(const RopeGeometry& g, double scale);
// LongRoPE2's left part (Shang et al. 2025, Alg. 2): lambda_i = lambda_c^(i/c) below the critical dim c.
std::vector<double> ntk_left(std::vector<double> factors, int64_t critical_dim);
// One step: lambda = 1 below a, log-linear from 1 up to `plateau` between a and c-1, then s from c on.
std::vector<double> jump_factors(int64_t pairs, double scale, int64_t a, int64_t c, double plateau);

// Factors for scale s grown in proportion to scale s': lambda' = 1 + (lambda - 1) (s' - 1) / (s - 1),
// the rule microsoft/LongRoPE states for rescaling a set to another length; pairs at 1 stay there.
// s <= 1: unchanged.
std::vector<double> grown_factors(const std::vector<double>& factors, double scale, double target_scale);

// Attention temperature by scale s, 1 for s <= 1:
//   kSu     sqrt(1 + ln s / ln L0)   (microsoft/LongRoPE, Phi-3)
//   kYarn   0.1 ln s + 1             (Peng et al. 2023)
enum class TemperatureFormula { kSu, kYarn };
double attention_temperature(TemperatureFormula formula, double scale, int64_t original_length);

// The named computed sets of the command line (computed_names.h) at scale length / L0 (never below 1), with
// the temperature the method's users expect: the "su" formula for yarn, 1 for the others.
// trained_factors: those the base model was trained under (empty: all 1); "none" is then these, and the
// others stretch them. Throws kUsage for another name.
FactorSet computed_factor_set(const std::string& name, const RopeGeometry& g, int64_t length,
                              const std::vector<double>& trained_factors = {});
bool is_computed_name(const std::string& name);

// The factors the base model itself was trained under within its window: those of the set "llama3"
// where a model has one, otherwise none (all 1). Other sets were found for the model later, or by
// whoever tuned it further.
inline constexpr const char* kLlama3Set = "llama3";
std::vector<double> base_factors(const std::vector<FactorSet>& sets);

// Pool-adjacent-violators projection (least squares in log lambda, weighted when there are weights) to
// non-decreasing, then clamp to [low, high].
std::vector<double> make_monotone(const std::vector<double>& factors, double low, double high,
                                  const std::vector<double>& weights = {});
bool is_monotone(const std::vector<double>& factors);

}  // namespace ropeway
