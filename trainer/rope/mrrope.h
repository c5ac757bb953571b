// MrRoPE (Tian et al., "MrRoPE: mixed-radix rotary position embedding", ICLR 2026, arXiv 2601.22181).
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/rope/yarn.h"

namespace ropeway {

// Positions are digits of a number whose radix at every pair is stretched by a factor of its own; lambda
// is the product of those below. Between the ends of YaRN's ramp, d_l and d_h, n = d_h - d_l (Eqs. 13-16):
//   kUniform      every radix by s^(1/n):                    lambda_i = s^(t/n)
//   kProgressive  slower pairs by more, s^(2 (1+t)/(n(n+1))): lambda_i = s^(t(t+1) / (n(n+1)))
// with t = i - d_l from 0 to n; lambda is 1 before and s behind. On a tuned model as yarn_factors.
enum class MrRopeKind { kUniform, kProgressive };
std::vector<double> mrrope_factors(const RopeGeometry& g, double scale, MrRopeKind kind,
                                   const YarnOptions& options = {});

}  // namespace ropeway
