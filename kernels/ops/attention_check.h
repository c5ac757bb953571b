// The start-up check of attention on a GPU: which operator runs, and how fast against what is known of
// this GPU. In one reported case a second CUDA installation hid libtorch's cuDNN, torch fell back to
// FlashAttention 2, and nobody noticed that steps took 1.6 times as long (TRL, 2026).
#pragma once

#include <optional>
#include <string>

#include "kernels/ops/cuda_attention.h"

namespace ropeway::ops {

// In FLOP/s of the causal count: 2 * B * H * D * N^2 forward, 2.5 times that backward.
struct AttentionRates {
  double forward = 0, backward = 0;
};
double causal_attention_flops(const BlockAttentionShape& shape);  // forward

struct AttentionCheck {
  std::string gpu;
  BlockAttentionShape shape;
  CudaAttentionChoice choice;
  AttentionRates found;
  std::optional<AttentionRates> expected;  // none: nothing is known of this GPU
};
// One line for the log: operator, shape, rates and their share of what is expected.
std::string describe(const AttentionCheck& check);
// Empty, or what is wrong and where to look: below 70 % of what is expected, forward or backward.
std::string why_slow(const AttentionCheck& check);

// Runs causal attention forward and backward on the device, at most 32768 tokens of the shape, and logs
// describe(), and why_slow() as a warning. `gpu`: the device's name; `expected`: what cuDNN reaches on it at
// this length and head_dim (trainer/plan/device_rates.h knows). Takes about a second.
AttentionCheck attention_self_check(c10::Device device, const std::string& gpu, BlockAttentionShape shape,
                                    std::optional<AttentionRates> expected);

}  // namespace ropeway::ops
