// YaRN (Peng et al. 2023) as factors.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/rope/schedules.h"

namespace ropeway {

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

// Pair indices between which the ramp rises, low < high; they may lie between two pairs where nothing is
// truncated.
struct YarnRamp {
  double low = 0, high = 0;
};
YarnRamp yarn_ramp(const RopeGeometry& g, const YarnOptions& options = {});
std::vector<double> yarn_factors(const RopeGeometry& g, double scale, const YarnOptions& options = {});

}  // namespace ropeway
