// Rotary position embedding (Su et al., "RoFormer", 2021) in the half-split layout of Llama: dims i and i +
// R/2 of a head form pair i; or interleaved as in the paper and in GLM: dims 2i and 2i + 1. Positions,
// factors and temperature live in the cos/sin table; the kernel knows none of them. Element types: double,
// float, bfloat16; tables in acc type (double for double, else float).
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace ropeway {

// x: tokens rows of heads x head_dim contiguous elements, rows token_stride elements apart. The first
// rotary_dim dims of a head turn, the others stay. Tables: [tokens, rotary_dim/2], contiguous.
struct RopeShape {
  int64_t tokens = 0, heads = 0, head_dim = 0, rotary_dim = 0, token_stride = 0;
  bool interleaved = false;

  // Where the first dim of pair i lies in a head is step() * i, the second one apart() behind it.
  ROPEWAY_HOST_DEVICE int64_t step() const { return interleaved ? 2 : 1; }
  ROPEWAY_HOST_DEVICE int64_t apart() const { return interleaved ? 1 : rotary_dim / 2; }
};

// In place: y = R(angle) x.
template <typename T>
void rope_forward(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape);

// In place on d loss / d y: d loss / d x = R(angle)^T dy.
template <typename T>
void rope_backward(T* dy, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape);

// The gradient with respect to the factors, from the rotated y and g = d loss / d y:
//
//   d loss / d phi_i          = g2*y1 - g1*y2                     with phi_i(n) = n * omega_i / lambda_i
//   grad_log_factors[i]      -= sum of phi_i * d loss / d phi_i   over scaled tokens and heads
//   grad_log_temperature[0]  += sum of g1*y1 + g2*y2              over scaled tokens, heads and pairs
//
// Sums in double, token after token.
template <typename T>
struct RopeFactorGradient {
  RopeShape shape;  // of y; dy shares it except its stride
  const T* y = nullptr;
  const T* dy = nullptr;
  int64_t dy_token_stride = 0;
  const double* angles = nullptr;          // phi, [tokens, rotary_dim/2]
  const uint8_t* scaled = nullptr;         // [tokens]; 0: a start token, without factors and temperature
  double* grad_log_factors = nullptr;      // [rotary_dim/2]
  double* grad_log_temperature = nullptr;  // [1]
};
template <typename T>
void rope_factor_gradient(const RopeFactorGradient<T>& call);

}  // namespace ropeway
