// The RoPE of Llama 3.1 and later as factors.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/rope/schedules.h"

namespace ropeway {

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
  // Of an already tuned model: turns are counted with its periods, and what is returned stretches them
  // further. Empty: all 1.
  std::vector<double> trained_factors = {};
};
std::vector<double> llama3_factors(const RopeGeometry& g, const Llama3Options& options);

}  // namespace ropeway
