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

// omega_i = theta^(-2i/d), radians a token.
std::vector<double> plain_frequencies(const RopeGeometry& g);
// T_i = 2 pi * lambda_i / omega_i, tokens a turn; lambda may be empty (all 1).
std::vector<double> periods(const RopeGeometry& g, const std::vector<double>& factors = {});

std::vector<double> identity_factors(int64_t pairs);
// Position interpolation (Chen et al. 2023): lambda_i = s.
std::vector<double> pi_factors(int64_t pairs, double scale);
// NTK-aware (bloc97 2023): lambda_i = s^(2i/(d-2)).
std::vector<double> ntk_factors(int64_t pairs, double scale);
// NTK with the base that brings the critical dimension to the target (Liu et al. 2023):
// theta' = theta^(log_{L0/2pi}(L'/2pi)), lambda_i = (theta'/theta)^(2i/d).
std::vector<double> ntk_critical_factors(const RopeGeometry& g, double scale);
// YaRN's ramp in its true form (Peng et al. 2023): 1/lambda = m + (1-m)/s with m falling from 1 to 0 between
// the dims that turn beta_fast and beta_slow times within the trained length.
//
// On an already tuned model (trained_factors = its lambda_ft, trained_length = L_ft) turns are counted with
// the periods T_i = 2 pi lambda_ft,i theta^(2i/d) within L_ft, `scale` is target length / L_ft, and what is
// returned is the FURTHER stretch lambda2: the caller multiplies, lambda_total,i = lambda2,i * lambda_ft,i.
struct YarnOptions {
  double beta_fast = 32, beta_slow = 1;
  std::vector<double> trained_factors = {};  // empty: all 1
  int64_t trained_length = 0;                // 0: the original window
  bool truncate = true;                      // the ramp begins and ends at whole pairs
};
std::vector<double> yarn_factors(const RopeGeometry& g, double scale, const YarnOptions& options = {});
// Llama 3.1 and later ("llama3"): lambda_i = omega_i / omega'_i. A pair that turns less than low_turns times
// in pretrained_length has its rate divided by factor, one that turns more than high_turns times keeps it;
// between the two
//   1/lambda = m + (1-m)/factor,  m linear in the turns, from 0 to 1. The temperature is 1.
//
// Such a model was TRAINED under these rates to the length it states (max_position_embeddings), at every
// length. So that length is its original window, and lambda its trained factors: what extends it further
// takes its periods from T_i = 2 pi lambda_i theta^(2i/d) and multiplies lambda, as a second search does.
struct Llama3Options {
  double factor = 8, low_turns = 1, high_turns = 4;  // low_freq_factor, high_freq_factor
  int64_t pretrained_length = 8192;                  // original_max_position_embeddings
};
std::vector<double> llama3_factors(const RopeGeometry& g, const Llama3Options& options);
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

// The named computed sets of the command line: "none", "pi", "ntk", "yarn" at scale length / L0 (never below
// 1), with the temperature the method's users expect: 1, 1, 1, and the "su" formula for yarn.
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
